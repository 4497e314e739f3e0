"""The chain of one camera as a value: which stages are on, in which order, with which parameters.

Immutable and versioned: a toggle makes a new ChainSpec, which the camera swaps in between two frames. The flat options map of
the API and the JSON kept in the database are two spellings of the same value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal, get_args

from sightline.errors import Invalid
from sightline.media.stage import StageInfo, check_value, make_params, stage, stages

AnalysisMode = Literal["beside", "exact"]
"""beside: analyzers look at the newest frame at their own rates. exact: every frame waits for the findings of all analyzers."""


@dataclass(frozen=True, slots=True)
class StageChoice:
    """One stage of one camera's chain."""

    name: str
    enabled: bool
    params: Any
    """Instance of the stage's frozen params dataclass."""

    @property
    def info(self) -> StageInfo:
        return stage(self.name)

    @property
    def is_on(self) -> bool:
        """Whether it takes part: switched on, or (without a switch) its parameters are not neutral."""
        neutral = self.info.is_neutral
        if self.info.is_hidden:
            return False
        return self.enabled if neutral is None else not neutral(self.params)


@dataclass(frozen=True, slots=True)
class ChainSpec:
    """All stages of one camera, in order, each once."""

    stages: tuple[StageChoice, ...]
    processing: bool = True
    """Off: the processed view shows the raw picture, and no stage runs but the privacy ones the operator turned on."""
    version: int = 1
    analysis: AnalysisMode = "beside"

    @classmethod
    def default(cls) -> "ChainSpec":
        return cls(tuple(_default_choice(info) for info in stages()))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ChainSpec":
        """Read what `to_json` wrote, or what a client sent. Stages it does not name are added, off, at their default place.

        Raises:
            Invalid: wrong shape, unknown stage, stage twice, bad parameter.
        """
        named = [_read_choice(item) for item in _list_of_objects(data.get("stages", []))]
        names = [choice.name for choice in named]
        if len(set(names)) != len(names):
            raise Invalid("A stage stands twice in the chain.", code="duplicate_stage", field="stages")
        missing = [_default_choice(info) for info in stages() if info.name not in names]
        processing = data.get("processing", True)
        if not isinstance(processing, bool):
            raise Invalid("processing must be true or false.", code="wrong_type", field="processing", allowed=[True, False])
        return cls(tuple(named + missing), processing, analysis=check_analysis(data.get("analysis", "beside")))

    def to_json(self) -> dict[str, Any]:
        return {
            "processing": self.processing,
            "analysis": self.analysis,
            "stages": [{"name": c.name, "enabled": c.enabled, "params": plain(c.params)} for c in self.stages],
        }

    def choice(self, name: str) -> StageChoice:
        for choice in self.stages:
            if choice.name == name:
                return choice
        raise Invalid(f"There is no filter or analyzer named {name!r}.", code="unknown_stage", field=name)

    def options(self) -> dict[str, Any]:
        """The flat options map: `{"grayscale": false, "blur": false, "blur_kernel_px": 15, "brightness": 0, ...}`."""
        flat: dict[str, Any] = {"analysis": self.analysis}
        for choice in self.stages:
            if choice.info.is_hidden:
                continue
            if choice.info.is_neutral is None:
                flat[choice.name] = choice.enabled
            for spec in fields(choice.info.params):
                flat[choice.info.option_key(spec.name)] = plain(getattr(choice.params, spec.name))
        return flat

    def with_options(self, changes: Mapping[str, object]) -> "ChainSpec":
        """Return the chain with some flat options changed; all or nothing.

        Raises:
            Invalid: unknown option, wrong type or out of range; names the field and what is allowed.
        """
        known = _option_table()
        chosen = {choice.name: choice for choice in self.stages}
        mode = check_analysis(changes.get("analysis", self.analysis))
        for key, value in changes.items():
            if key == "analysis":
                continue
            if key not in known:
                raise Invalid(
                    f"There is no option {key!r}.", code="unknown_option", field=key, allowed=sorted([*known, "analysis"])
                )
            info, param_name = known[key]
            chosen[info.name] = _change(chosen[info.name], param_name, value, key)
        return replace(self, stages=tuple(chosen[c.name] for c in self.stages), version=self.version + 1, analysis=mode)

    def with_processing(self, enabled: bool) -> "ChainSpec":
        return replace(self, processing=enabled, version=self.version + 1)


def check_analysis(value: object) -> AnalysisMode:
    """Raises: Invalid."""
    if value in ("beside", "exact"):
        return value  # type: ignore[return-value]
    allowed = list(get_args(AnalysisMode))
    raise Invalid(f"analysis must be one of {', '.join(allowed)}.", code="wrong_value", field="analysis", allowed=allowed)


def plain(value: Any) -> Any:
    """The value of a parameter as JSON has it: tuples become lists, shapes objects."""
    if is_dataclass(value) and not isinstance(value, type):
        return {spec.name: plain(getattr(value, spec.name)) for spec in fields(value)}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def _default_choice(info: StageInfo) -> StageChoice:
    return StageChoice(info.name, enabled=False, params=info.params())


def _list_of_objects(value: object) -> Sequence[Mapping[str, Any]]:
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise Invalid("stages must be a list of objects.", code="wrong_type", field="stages")


def _read_choice(item: Mapping[str, Any]) -> StageChoice:
    info = stage(str(item.get("name")))
    enabled, params = item.get("enabled", False), item.get("params", {})
    if not isinstance(enabled, bool):
        raise Invalid(f"{info.name} must be true or false.", code="wrong_type", field=info.name, allowed=[True, False])
    if not isinstance(params, dict):
        raise Invalid(f"params of {info.name} must be an object.", code="wrong_type", field=f"{info.name}.params")
    return StageChoice(info.name, enabled, make_params(info, params, prefix=f"{info.name}."))


def _option_table() -> dict[str, tuple[StageInfo, str | None]]:
    """Flat option key → its stage and parameter (None = the switch)."""
    table: dict[str, tuple[StageInfo, str | None]] = {}
    for info in stages():
        if info.is_hidden:
            continue
        if info.is_neutral is None:
            table[info.name] = (info, None)
        for spec in fields(info.params):
            table[info.option_key(spec.name)] = (info, spec.name)
    return table


def _change(choice: StageChoice, param_name: str | None, value: object, key: str) -> StageChoice:
    if param_name is None:
        if not isinstance(value, bool):
            raise Invalid(f"{key} must be true or false.", code="wrong_type", field=key, allowed=[True, False])
        return replace(choice, enabled=value)
    spec = next(f for f in fields(choice.info.params) if f.name == param_name)
    return replace(choice, params=replace(choice.params, **{param_name: check_value(spec, value, key)}))
