"""What a chain asks for: which stages take part, which analyzers must run for them, and whose findings are shown. Pure."""

from typing import Any

from sightline.media.chain import ChainSpec, StageChoice

PRIVACY_STAGE = "privacy_blur"
"""The filter that stays on when processing is off, and that must fail closed."""


def active_stages(spec: ChainSpec) -> tuple[StageChoice, ...]:
    """Stages that take part now: with processing off only the privacy filter, if it is on."""
    on = (choice for choice in spec.stages if choice.is_on)
    return tuple(choice for choice in on if spec.processing or choice.name == PRIVACY_STAGE)


def wanted_analyzers(spec: ChainSpec) -> dict[str, Any]:
    """Name → parameters of every analyzer that must run: those on, and those that they or filters make use of.

    An analyzer stands behind the one it reads.
    """
    wanted: dict[str, Any] = {}
    for choice in active_stages(spec):
        for name in choice.info.needs(choice.params):
            _want(name, spec, wanted)
        if choice.info.kind == "analyzer":
            _want(choice.name, spec, wanted)
    return wanted


def _want(name: str, spec: ChainSpec, wanted: dict[str, Any]) -> None:
    if name in wanted:
        return
    choice = spec.choice(name)
    for needed in choice.info.needs(choice.params):
        _want(needed, spec, wanted)
    wanted[name] = choice.params


def shown_analyzers(spec: ChainSpec) -> frozenset[str]:
    """Analyzers whose findings are painted: those the operator switched on."""
    return frozenset(choice.name for choice in active_stages(spec) if choice.info.kind == "analyzer")
