"""Presets: named sets of switches and parameters that are put onto a camera's chain in one step. Pure.

A preset names only what it sets. What this version or machine does not have is left out with a notice, so that a preset of
another machine is still of use. A preset may switch the privacy blur on, never off.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sightline.errors import Invalid
from sightline.media.chain import ChainSpec, StageChoice
from sightline.media.stage import StageInfo, stages
from sightline.media.wanted import PRIVACY_STAGE

LONGEST_NAME = 40
LONGEST_DESCRIPTION = 200
LARGEST_OPTIONS_BYTES = 100_000
"""Shapes of every kind fit; the database does not become a file store."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One preset."""

    name: str
    description: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Flat options, as `ChainSpec.options` spells them."""
    others_off: bool = False
    """Whether everything that it does not name is switched off (the privacy blur never)."""
    order: tuple[str, ...] = ()
    """Filters in the order in which they shall work; the ones it does not name keep their places."""
    is_builtin: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "description": self.description, "options": dict(self.options), "others_off": self.others_off,
            "order": list(self.order), "is_builtin": self.is_builtin,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One option that a preset changes."""

    key: str
    stage: str
    label: str
    """For people: "Low light", or "Low light: Strength"."""
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Applied:
    """What becomes of a chain."""

    chain: ChainSpec
    changes: tuple[Change, ...]
    skipped: tuple[str, ...]
    """A sentence for everything that the preset names and that was left out."""


BUILTIN = (
    Preset(
        "Night",
        "Lifts dark pictures and calms their noise; tells when something moves, and when the camera is covered or moved.",
        {"low_light": True, "low_light_denoise": True, "motion_detection": True, "camera_health": True},
        is_builtin=True,
    ),
    Preset(
        "Privacy",
        "Hides faces, people and number plates in everything that is shown, kept or recorded.",
        {"privacy_blur": True, "privacy_blur_faces": True, "privacy_blur_people": True, "privacy_blur_plates": True},
        is_builtin=True,
    ),
    Preset(
        "Count people",
        "Follows people and counts them, in the zones and over the lines that you draw too.",
        {"multi_object_tracking": True, "multi_object_tracking_classes": "people", "zones": True, "zones_classes": "people"},
        is_builtin=True,
    ),
    Preset(
        "Traffic",
        "Follows people and vehicles, counts them over lines, measures speed on a stretch that you mark, reads number plates.",
        {
            "multi_object_tracking": True,
            "multi_object_tracking_classes": "people and vehicles",
            "zones": True,
            "zones_classes": "people and vehicles",
            "speed": True,
            "number_plates": True,
        },
        is_builtin=True,
    ),
    Preset("Everything off", "The plain picture. The privacy blur stays as it is.", others_off=True, is_builtin=True),
)


def check_name(name: str) -> str:
    """The name without blanks around it.

    Raises:
        Invalid: empty, too long, or with characters that do not fit into an address or a line.
    """
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or set(name) & set("/\\") or not name.strip("."):
        raise Invalid(
            f"A preset's name has 1 to {LONGEST_NAME} letters, without / and \\.", code="bad_name", field="name",
            allowed={"longest": LONGEST_NAME},
        )  # fmt: skip
    return name


def check_preset(preset: Preset) -> Preset:
    """The preset in canonical form, from untrusted values of the right types.

    Options and filters of another version are kept: `apply` tells of them.

    Raises:
        Invalid: bad name, too large, or a bad value of an option that is known here.
    """
    if len(preset.description) > LONGEST_DESCRIPTION or not (preset.description.isprintable() or not preset.description):
        raise Invalid(
            f"A preset's description is one line of at most {LONGEST_DESCRIPTION} letters.", code="bad_description",
            field="description",
        )  # fmt: skip
    try:
        size_bytes = len(json.dumps(preset.options, allow_nan=False))
    except ValueError:
        raise Invalid("An option of the preset is no finite number.", code="out_of_range", field="options") from None
    if size_bytes > LARGEST_OPTIONS_BYTES or len(preset.order) > len(stages()):
        raise Invalid("The preset is too large.", code="preset_too_large", field="options")
    for key, value in preset.options.items():
        try:
            ChainSpec.default().with_options({key: value})
        except Invalid as err:
            if err.code != "unknown_option":
                raise
    return replace(preset, name=check_name(preset.name), description=preset.description.strip(), is_builtin=False)


def preset_of(chain: ChainSpec, name: str, description: str = "", *, with_shapes: bool, others_off: bool) -> Preset:
    """What is on in `chain` as a preset: switches, parameters, and the order of the filters.

    Args:
        with_shapes: with the zones and lines that were drawn on this camera's picture; they seldom fit another one.
    """
    on = [choice for choice in chain.stages if choice.is_on]
    options: dict[str, Any] = {}
    for choice in on:
        options |= _options_of(choice, with_shapes)
    spelled = chain.options()
    filters = tuple(choice.name for choice in on if choice.info.kind == "filter")
    return Preset(
        name, description, {key: spelled[key] for key in options}, others_off, filters if len(filters) > 1 else ()
    )  # fmt: skip


def apply(preset: Preset, chain: ChainSpec, unavailable: Mapping[str, str]) -> Applied:
    """Put `preset` onto `chain`.

    Args:
        unavailable: stage name → reason, of the stages that cannot run on this machine.
    """
    owners = _owners()
    wanted: dict[str, Any] = _off(chain, preset.options) if preset.others_off else {}
    skipped: list[str] = []
    left_out: set[str] = set()
    for key, value in preset.options.items():
        info = owners.get(key)
        if info is None:
            skipped.append(f"{key} is not known to this version.")
        elif info.name in unavailable:
            left_out.add(info.name)
        elif key == PRIVACY_STAGE and not value:
            skipped.append("A preset does not switch the privacy blur off.")
        else:
            wanted[key] = value
    skipped += [f"{info.label}: {unavailable[info.name]}" for info in stages() if info.name in left_out]
    changed = _with_each(chain, wanted, unavailable, skipped)
    changed = replace(changed, stages=_reordered(changed.stages, preset.order), version=chain.version + 1)
    return Applied(changed, _changes(chain, changed, owners), tuple(skipped))


def _with_each(chain: ChainSpec, wanted: Mapping[str, Any], unavailable: Mapping[str, str], skipped: list[str]) -> ChainSpec:
    """Set one option after the other: a bad one of an older version must not cost the others."""
    owners = _owners()
    for key, value in wanted.items():
        try:
            changed = chain.with_options({key: value})
        except Invalid as err:
            skipped.append(err.message)
            continue
        name = owners[key].name
        lacking = _needed(changed, name) & unavailable.keys()
        if key != name or name == PRIVACY_STAGE:
            # A parameter must not make a stage need what is not here: a privacy blur that lacks a finder covers everything.
            lacking -= _needed(chain, name)
        if lacking and value:
            skipped += [f"{_label(key, owners[key])}: {unavailable[one]}" for one in sorted(lacking)]
        else:
            chain = changed
    return chain


def _needed(chain: ChainSpec, name: str) -> set[str]:
    """Stages that run for that one, with its parameters of `chain`."""
    choice = chain.choice(name)
    needs = set(choice.info.needs(choice.params))
    return needs.union(*(_needed(chain, other) for other in needs))


def _changes(before: ChainSpec, after: ChainSpec, owners: Mapping[str, StageInfo]) -> tuple[Change, ...]:
    old, new = before.options(), after.options()
    return tuple(
        Change(key, owners[key].name, _label(key, owners[key]), old[key], new[key])
        for key in new
        if key in owners and old[key] != new[key]
    )


def _off(chain: ChainSpec, named: Mapping[str, Any]) -> dict[str, Any]:
    """Options that switch off what is on and not named."""
    off: dict[str, Any] = {}
    for choice in chain.stages:
        if not choice.is_on or choice.name == PRIVACY_STAGE:
            continue
        if choice.info.is_neutral is None:
            keys: dict[str, Any] = {choice.name: False}
        else:
            keys = {choice.info.option_key(spec.name): spec.default for spec in fields(choice.info.params)}
        off |= {key: value for key, value in keys.items() if key not in named}
    return off


def _options_of(choice: StageChoice, with_shapes: bool) -> dict[str, None]:
    keys: dict[str, None] = {choice.name: None} if choice.info.is_neutral is None else {}
    for spec in fields(choice.info.params):
        if with_shapes or not spec.metadata["editor"].startswith("shapes:"):
            keys[choice.info.option_key(spec.name)] = None
    return keys


def _reordered(choices: tuple[StageChoice, ...], order: Sequence[str]) -> tuple[StageChoice, ...]:
    """The filters of `order` in that order, on the places that they hold together now."""
    by_name = {choice.name: choice for choice in choices if choice.info.kind == "filter"}
    named = list(dict.fromkeys(name for name in order if name in by_name))
    following = iter(named)
    return tuple(by_name[next(following)] if choice.name in named else choice for choice in choices)


def _owners() -> dict[str, StageInfo]:
    """Flat option key → its stage."""
    owners: dict[str, StageInfo] = {}
    for info in stages():
        if info.is_hidden:
            continue
        if info.is_neutral is None:
            owners[info.name] = info
        owners |= {info.option_key(spec.name): info for spec in fields(info.params)}
    return owners


def _label(key: str, info: StageInfo) -> str:
    if key == info.name:
        return info.label
    spec = next(spec for spec in fields(info.params) if info.option_key(spec.name) == key)
    return f"{info.label}: {spec.metadata['label']}"
