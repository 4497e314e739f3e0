"""The contract of a kind of batch job, and the registry they enter.

A kind is one folder or file in `jobs/kinds/` that builds a `JobKind`: its parameters (a frozen dataclass of `param(...)` fields, as
filters have them) and its stages, in order. A stage is a function that reads the inputs and earlier stages through `Work`, writes
files into its own folder, and tells how far it is. A stage whose inputs have not changed is not run a second time.
"""

import importlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from sightline.errors import Invalid
from sightline.media.extras import Extra
from sightline.media.models import ModelStore
from sightline.media.stage import check_value
from sightline.settings import Settings

log = logging.getLogger(__name__)

BUILTIN = ("showcase", "annotation", "analyze", "transcode")
"""Modules of `jobs/kinds`, in the order in which they are offered."""
ENTRY_POINT_GROUP = "sightline.job_kinds"
"""Of packages that bring kinds of their own: `name = "module:KIND"`."""


@dataclass(frozen=True, slots=True)
class WorkInput:
    """One file to work on."""

    name: str
    """As the user called it."""
    path: Path
    sha256: str


class Work(Protocol):
    """What a stage may use. Made by `execute`, called by the one thread that runs the stage."""

    @property
    def inputs(self) -> tuple[WorkInput, ...]: ...

    @property
    def params(self) -> Any:
        """Instance of the kind's parameters."""
        ...

    @property
    def folder(self) -> Path:
        """The folder of this stage, empty at its start but for what a lost attempt has kept; what lies in it at its end stays."""
        ...

    @property
    def preview(self) -> Path:
        """A JPEG that people look at while the job runs: what was made so far. Replaced whole, at most every 2 s."""
        ...

    @property
    def settings(self) -> Settings: ...

    @property
    def models(self) -> ModelStore: ...

    def folder_of(self, stage: str) -> Path:
        """The folder of an earlier stage, for reading."""
        ...

    def keep(self, name: str) -> None:
        """This file or folder in the stage's folder is whole, and is not written to any more.

        For long stages that make one thing after another: when the attempt is lost, the next one finds it in its folder.
        """
        ...

    def is_kept(self, name: str) -> bool:
        """Whether an attempt has kept it; made from the same inputs and parameters by the same version of the stage."""
        ...

    def progress(self, share: float, message: str = "") -> None:
        """Tell how far this stage is, 0..1. Call it at least once a second.

        Raises:
            Cancelled: somebody wants the job to end.
        """
        ...

    def notice(self, words: str) -> None:
        """Tell the user of something that went otherwise than asked although the job goes on."""
        ...

    def result(self, name: str, content_type: str) -> Path:
        """A path in this stage's folder; the file that is written there becomes a result of the job under `name`."""
        ...

    def command(self, command: Sequence[str], *, duration_s: float | None = None, message: str = "") -> None:
        """Run an outside program in a process of its own; ffmpeg's `-progress pipe:1` moves the progress bar.

        Args:
            duration_s: length of what ffmpeg writes.

        Raises:
            JobError: it failed; with the command and the end of what it said. Cancelled.
        """
        ...


@dataclass(frozen=True, slots=True)
class JobStage:
    """One step of a kind."""

    name: str
    label: str
    run: Callable[[Work], None]
    weight: float = 1.0
    """Its share of the whole, relative to the others'."""
    version: int = 1
    """Counts up when the code changes what it gives: kept results of an older version are not taken up."""
    uses: tuple[str, ...] | None = None
    """Names of the parameters it depends on; None = all. Changing others does not run it again."""


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of batch job."""

    name: str
    label: str
    description: str
    params: type
    """Frozen dataclass whose fields are made with `param(...)`."""
    stages: tuple[JobStage, ...]
    most_inputs: int = 1
    extras: tuple[Extra, ...] = ()
    """What it takes beside its footage, one of each at most. They are inputs too: a stage tells them by `extra_of`."""
    estimate_s: Callable[[float], float] = lambda duration_s: 10 + duration_s
    """About how long it takes for inputs of that many seconds, on this kind of machine."""
    timeout_s: float = 4 * 3600.0
    needs_analyzers: bool = True
    """Whether its stages run analyzers of the dashboard: only then are they loaded."""
    unavailable: Callable[[Settings], str | None] = lambda _settings: None
    """The reason why it cannot run here and the way to get it, or None."""


def kinds() -> tuple[JobKind, ...]:
    """All kinds, the built-in ones first."""
    return (*(_load(name) for name in BUILTIN), *(known for name, known in _outside().items() if name not in BUILTIN))


def kind(name: str) -> JobKind:
    """The kind of that name. Raises: Invalid."""
    if name in BUILTIN:
        return _load(name)
    if name in _outside():
        return _outside()[name]
    allowed = [known.name for known in kinds()]
    raise Invalid(f"There is no kind of job named {name!r}.", code="unknown_kind", field="kind", allowed=allowed)


def make_job_params(job_kind: JobKind, values: Mapping[str, object]) -> Any:
    """Parameters from untrusted values; absent ones take their defaults.

    Raises:
        Invalid: unknown name, wrong type or out of range; names the field and what is allowed.
    """
    known = {spec.name: spec for spec in fields(job_kind.params)}
    for name in values:
        if name not in known:
            raise Invalid(
                f"{job_kind.label} has no parameter {name!r}.",
                code="unknown_parameter",
                field=f"params.{name}",
                allowed=sorted(known),
            )
    checked = {name: check_value(known[name], value, f"params.{name}") for name, value in values.items()}
    return job_kind.params(**checked)


def _load(name: str) -> JobKind:
    module = importlib.import_module(f"sightline.jobs.kinds.{name}")
    loaded: JobKind = module.KIND
    return loaded


@cache
def _outside() -> Mapping[str, JobKind]:
    """Kinds of other packages; looked for once per process."""
    found: dict[str, JobKind] = {}
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda p: p.name):
        try:
            loaded = point.load()
        except Exception:
            # Foreign code may raise anything at import, and must never keep other jobs from running.
            log.exception("The kind of job %s could not be loaded; going on without it", point.name)
            continue
        if isinstance(loaded, JobKind):
            found[loaded.name] = loaded
        else:
            log.error("%s is no JobKind; going on without it", point.value)
    return found
