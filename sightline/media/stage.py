"""The contract of filters and analyzers, and the registry they enter.

A stage is one file in `analyzers/` that calls `register(...)`, plus one line in `analyzers.BUILTIN`. Its switch and form
in the dashboard, its API schema, its row in the docs and its contract test derive from what it registers.
Heavy imports (mediapipe, onnxruntime) happen inside the factory only, so that listing stages stays cheap.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Literal, Protocol, runtime_checkable

from sightline.errors import Invalid
from sightline.media.findings import Findings
from sightline.media.frame import Frame, Image
from sightline.media.gallery import Gallery
from sightline.media.models import ModelStore
from sightline.media.transform import Transform


@dataclass(frozen=True, slots=True)
class Moment:
    """What a filter may know beside the pixels."""

    camera_id: str
    camera_name: str
    seq: int
    pts_ns: int
    wall_time_s: float
    findings: Mapping[str, Findings] = field(default_factory=dict)
    """By analyzer name, carried by the tracker to this very frame. Absent = that analyzer has said nothing recent.
    Coordinates are pixels of the picture that the filter gets, wherever filters before it moved them."""
    is_hurried: bool = False
    """The filters take nearly all the time there is between two frames: reuse slow work where it hardly shows."""


class Filter(Protocol):
    """Changes the picture, inline, at video rate. One instance per camera, called by one thread.

    A filter may have an attribute `notice: str`: words for the operator about what it does less well than asked (a cheaper
    method, every second picture), empty while it does all. They stand beside its switch and become an event.
    """

    def apply(self, image: Image, moment: Moment) -> Image:
        """Return the changed picture, same dtype and 3 channels. `image` is read-only: never write into it.

        `image` is `(H, W, 3) uint8 BGR` of any size from 1×1 up.
        """
        ...


class MovingFilter(Filter, Protocol):
    """A filter that gives the picture another size or puts its pixels elsewhere; registered with `moves=True`.

    Findings follow it: later filters get them as of the moved picture, and boxes are painted where things went.
    """

    @property
    def transform(self) -> Transform:
        """From pixels of the picture that the last `apply` got to pixels of the one it gave back."""
        ...


class Analyzer(Protocol):
    """Looks at frames beside the video, at its own rate. Never slows the picture.

    A `shared` analyzer has one instance for all cameras and gets a batch with at most one frame of each; any other has one
    instance per camera and gets one frame at a time, in order, with gaps.
    """

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        """Return one Findings per frame, in order."""
        ...


class Interpreter(Protocol):
    """An analyzer that reads what another one found: tracks from boxes, zones from tracks, names from faces.

    It is called once after each result of the analyzer it reads (skipping some when it is too slow), with the frame that
    result is about. One instance per camera, called by one thread at a time.
    """

    def interpret(self, frame: Frame, findings: Findings) -> Findings:
        """Return own findings about `frame`; `findings` is what the analyzer it reads says about that very frame."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """The box that an operator drew around the one object to follow."""

    box: tuple[float, float, float, float]
    """x1, y1, x2, y2 in pixels of the source picture."""


@runtime_checkable
class TargetAnalyzer(Analyzer, Protocol):
    """An analyzer that follows what the operator points at."""

    def follow(self, target: Target | None) -> None:
        """Start following `target` from the next frame on; None stops. Called by the thread that calls `analyze`."""
        ...


@runtime_checkable
class Counting(Protocol):
    """An analyzer that counts over time."""

    def reset_counts(self) -> None:
        """Begin again at zero. Called by the thread that calls `analyze` or `interpret`."""
        ...


@runtime_checkable
class Heir(Protocol):
    """An analyzer that can take over what another instance of its own class has learned."""

    def adopt(self, previous: Any) -> None:
        """Take over from `previous`, which served the same camera with other parameters and is not called any more."""
        ...


@runtime_checkable
class Backed(Protocol):
    """A stage instance that knows what its model runs on."""

    @property
    def backend(self) -> str:
        """For the operator, e.g. `CPU`, `CUDA`, `OpenVINO`."""
        ...


@dataclass(frozen=True, slots=True)
class Resources:
    """What a stage factory may use."""

    models: ModelStore
    gallery: Gallery = field(default_factory=Gallery)
    """The people that may be recognised."""


def param(
    default: Any,
    label: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    step: float | None = None,
    unit: str = "",
    choices: Sequence[str] = (),
    help: str = "",
) -> Any:
    """Declare one parameter of a stage: a dataclass field with all that form, schema and validation need.

    The type of `default` is the type of the parameter: bool, int, float, str (one of `choices`, or free text when there are
    none), or tuple (several of `choices`).
    """
    metadata = {
        "label": label, "minimum": minimum, "maximum": maximum, "step": step, "unit": unit, "choices": tuple(choices), "help": help,
        "editor": "", "check": None,
    }  # fmt: skip
    return field(default=default, metadata=metadata)


def checked_param(
    default: Any, label: str, check: Callable[[object, str], Any], *, editor: str = "", unit: str = "", help: str = ""
) -> Any:
    """Declare a parameter that none of the types of `param` describes.

    Args:
        check: `check(value, name)` gives the canonical, hashable value of an untrusted one, or raises Invalid; it accepts its
            own results and the default.
        editor: what the dashboard edits it with, e.g. `shapes:zone`; a line of text without one.
    """
    metadata = {
        "label": label, "minimum": None, "maximum": None, "step": None, "unit": unit, "choices": (), "help": help,
        "editor": editor, "check": check,
    }  # fmt: skip
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class NoParams:
    """Parameters of a stage that has none."""


@dataclass(frozen=True, slots=True)
class StageInfo:
    """One registered stage."""

    name: str
    """Also its key in the flat options map, e.g. `face_detection`."""
    kind: Literal["filter", "analyzer"]
    label: str
    description: str
    factory: Callable[[Any, Resources], Any]
    """`factory(params, resources)` gives a Filter or an Analyzer; may raise AnalyzerError."""
    params: type
    """Frozen dataclass whose fields are made with `param(...)`."""
    unavailable: Callable[[Resources], str | None]
    """The reason why it cannot run here and the way to get it, or None when it can. Cheap: no heavy import."""
    group: str = ""
    """The heading under which the dashboard lists it, e.g. `People`."""
    uses: tuple[str, ...] | Callable[[Any], tuple[str, ...]] = ()
    """Analyzers whose findings this stage needs; they run while it is on, shown or not. May depend on its parameters."""
    reads: str = ""
    """Analyzer only: it is an Interpreter of this analyzer's findings, which runs while it is on, shown or not."""
    is_hidden: bool = False
    """Analyzer only: it has no switch; it runs for the stages that use it, with its default parameters."""
    goes_first: bool = False
    """Analyzer only: it gets its turn before others that wait, because something is hidden by what it finds."""
    moves: bool = False
    """Filter only: it is a MovingFilter, which gives the picture another size or puts its pixels elsewhere."""
    hides: bool = False
    """Filter only: it is there to hide something, so while it fails the whole picture is made unreadable."""
    shared: bool = False
    """Analyzer only: one instance for all cameras, batched."""
    rate_hz: float = 10.0
    """Analyzer only: how often it wants a frame of a camera."""
    is_neutral: Callable[[Any], bool] | None = None
    """Filter without a switch of its own (brightness/contrast/saturation): on whenever its parameters are not neutral.
    Its parameters stand in the flat options map under their own names."""
    licence: str = "MIT"
    backend: str = "OpenCV"

    def needs(self, params: Any) -> tuple[str, ...]:
        """Analyzers that must run while this stage is on with these parameters."""
        uses = self.uses(params) if callable(self.uses) else self.uses
        return (*uses, self.reads) if self.reads else uses

    def option_key(self, param_name: str) -> str:
        """What a parameter is called in the flat options map."""
        return param_name if self.is_neutral is not None else f"{self.name}_{param_name}"


LONGEST_TEXT = 500
_registry: dict[str, StageInfo] = {}


def _always_available(_resources: Resources) -> str | None:
    return None


def register(
    name: str,
    factory: Callable[[Any, Resources], Any],
    *,
    kind: Literal["filter", "analyzer"],
    label: str,
    description: str,
    params: type = NoParams,
    unavailable: Callable[[Resources], str | None] = _always_available,
    **more: Any,
) -> None:
    """Enter a stage into the registry. `more`: the remaining fields of StageInfo.

    Raises:
        ValueError: the name is taken or is not snake_case. A programming error, not a user's.
    """
    if not name.isidentifier() or name != name.lower():
        raise ValueError(f"stage name {name!r} must be snake_case")
    known = _registry.get(name)
    if known is not None and known.factory.__module__ != factory.__module__:
        raise ValueError(f"stage name {name!r} is taken by {known.factory.__module__}")
    _registry[name] = StageInfo(
        name=name, kind=kind, label=label, description=description, factory=factory, params=params, unavailable=unavailable, **more
    )


def put_first(names: Sequence[str]) -> None:
    """Give these registered stages the first places, in this order, whatever was imported first."""
    global _registry
    _registry = {name: _registry[name] for name in names} | _registry


def stages() -> tuple[StageInfo, ...]:
    """All registered stages, in the default order of a chain."""
    return tuple(_registry.values())


def stage(name: str) -> StageInfo:
    """The stage of that name.

    Raises:
        Invalid: there is none.
    """
    try:
        return _registry[name]
    except KeyError:
        raise Invalid(
            f"There is no filter or analyzer named {name!r}.", code="unknown_stage", field=name, allowed=sorted(_registry)
        ) from None


def make_params(info: StageInfo, values: Mapping[str, object], *, prefix: str = "") -> Any:
    """Build the parameters of a stage from untrusted values; absent ones take their defaults.

    Args:
        prefix: put before a field's name in error messages.

    Raises:
        Invalid: unknown name, wrong type or out of range; names the field and what is allowed.
    """
    known = {f.name: f for f in fields(info.params)}
    for name in values:
        if name not in known:
            raise Invalid(
                f"{info.label} has no parameter {name!r}.", code="unknown_option", field=prefix + str(name), allowed=sorted(known)
            )
    return info.params(**{name: check_value(known[name], value, prefix + name) for name, value in values.items()})


def check_value(spec: "Field[Any]", value: object, name: str) -> object:
    """Return `value` as the type of the parameter `spec`; `name` is what messages call it.

    Raises:
        Invalid: with `field` and `allowed`.
    """
    default, check = spec.default, spec.metadata["check"]
    if default is MISSING:
        raise TypeError(f"parameter {spec.name} needs a default")
    if check is not None:
        return check(value, name)
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
        raise Invalid(f"{name} must be true or false.", code="wrong_type", field=name, allowed=[True, False])
    if isinstance(default, str):
        return _check_text(value, spec.metadata["choices"], name)
    if isinstance(default, tuple):
        return _check_several(value, spec.metadata["choices"], name)
    return _check_number(spec, value, name)


def _check_text(value: object, choices: Sequence[str], name: str) -> str:
    if isinstance(value, str) and value in choices:
        return value
    if choices:
        raise Invalid(f"{name} must be one of {', '.join(choices)}.", code="wrong_value", field=name, allowed=list(choices))
    if isinstance(value, str) and len(value) <= LONGEST_TEXT and (not value or value.isprintable()):
        return value
    raise Invalid(f"{name} must be one line of text, at most {LONGEST_TEXT} letters.", code="wrong_type", field=name)


def _check_several(value: object, choices: Sequence[str], name: str) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and all(isinstance(item, str) and item in choices for item in value):
        return tuple(choice for choice in choices if choice in value)
    raise Invalid(f"{name} must be a list of some of {', '.join(choices)}.", code="wrong_value", field=name, allowed=list(choices))


def _check_number(spec: "Field[Any]", value: object, name: str) -> float | int:
    kind: type[int] | type[float] = int if isinstance(spec.default, int) else float
    minimum, maximum = spec.metadata["minimum"], spec.metadata["maximum"]
    allowed = {"type": "integer" if kind is int else "number", "minimum": minimum, "maximum": maximum}
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not abs(value) <= sys.float_info.max  # neither infinite nor NaN, nor a whole number that no float holds
        or (kind is int and value != int(value))
    ):
        words = "a whole number" if kind is int else "a number"
        raise Invalid(f"{name} must be {words}.", code="wrong_type", field=name, allowed=allowed)
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        raise Invalid(f"{name} must lie between {minimum} and {maximum}.", code="out_of_range", field=name, allowed=allowed)
    return kind(value)
