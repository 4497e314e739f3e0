"""Finds weight files by name, fetches, verifies and removes them. Any thread may call it."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from sightline.errors import AnalyzerError, Conflict, NotFound, SightlineError, StorageError
from sightline.media.models.manifest import MANIFEST, Model, read_manifest
from sightline.media.models.places import FETCH_FAILED, FolderPlace, Place, UrlPlace
from sightline.media.models.transfer import Progress, Watch, open_part, part_path
from sightline.settings import Settings

Verdict = Literal["good", "damaged", "other", "missing"]
"""`other`: not the file that was tested, of a model which everybody exports themselves."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What bringing all files of the mirror did, by names of models."""

    brought: tuple[str, ...] = ()
    here: tuple[str, ...] = ()
    """Were here already."""
    not_held: tuple[str, ...] = ()
    """The mirror does not have them."""
    skipped: tuple[str, ...] = ()
    """The mirror has them, but their licence was not accepted."""
    failed: dict[str, str] = field(default_factory=dict)
    """And why."""


@dataclass(frozen=True, slots=True)
class ModelStore:
    """The weight files of this machine and the places they come from."""

    models_dir: Path
    mirror: Path | None = None
    """A folder that is searched before the internet."""
    mirror_url: str = ""
    """The same as a URL; files lie directly below it."""
    manifest: Path = MANIFEST
    reserve_bytes: int = 0
    """Free disk space below which nothing is fetched."""
    bucket: Place | None = None
    """The mirror in a bucket, from a process that may speak to one."""

    @classmethod
    def from_settings(cls, settings: Settings) -> "ModelStore":
        """The store without a bucket: enough to find what is here."""
        return cls(
            settings.models_dir,
            settings.models_mirror_folder,
            settings.models_mirror_url,
            reserve_bytes=settings.disk_reserve_bytes,
        )

    def with_bucket(self, bucket: Place | None) -> "ModelStore":
        return replace(self, bucket=bucket)

    def find(self, file_name: str) -> Path | None:
        """The path of that weight file, or None when it is not on this machine."""
        for folder in (self.models_dir, self.mirror):
            if folder is not None and (folder / file_name).is_file():
                return folder / file_name
        return None

    def models(self) -> tuple[Model, ...]:
        """All models of the manifest."""
        return read_manifest(self.manifest)

    def model(self, name: str) -> Model:
        """Raises: NotFound: the manifest has no such model."""
        known = self.models()
        for model in known:
            if name in (model.name, model.file):
                return model
        raise NotFound(f"There is no model {name!r}.", code="model_not_found", allowed=[m.name for m in known])

    def fetch(
        self,
        name: str,
        progress: Progress = lambda _done, _total: None,
        *,
        accept_licence: bool = False,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Path:
        """Bring a model of the manifest into MODELS_DIR and return its path. Does nothing when it is there already.

        Raises:
            NotFound: the manifest has no such model.
            Conflict: its licence must be accepted (`licence_not_accepted`), another fetch of it runs (`already_downloading`), or
                it was cancelled (`model_cancelled`).
            AnalyzerError: no place has it, or what came was not that file.
            StorageError: the file cannot be written.
        """
        model = self.model(name)
        check_licence(model, is_accepted=accept_licence)
        return self._fetch(model, self.places_of(model), Watch(progress, is_cancelled))

    def places_of(self, model: Model) -> list[Place]:
        """Where the model can come from, in the order in which they are tried."""
        places: list[Place] = [place for place in self._mirrors() if not isinstance(place, FolderPlace) or place.holds(model)]
        if model.url:
            places.append(UrlPlace("Internet"))
        return places

    def verify(self, name: str) -> Verdict:
        """Read the whole file and compare its checksum.

        Raises:
            NotFound: the manifest has no such model. StorageError: the file cannot be read.
        """
        model = self.model(name)
        path = self.find(model.file)
        if path is None:
            return "missing"
        try:
            is_same = _sha256_of(path) == model.sha256
        except OSError as err:
            raise StorageError(
                f"{model.file} cannot be read: {err.strerror}.", is_transient=False, code="model_unreadable"
            ) from err
        if is_same:
            return "good"
        return "damaged" if model.url else "other"

    def remove(self, name: str) -> None:
        """Delete the file of a model from MODELS_DIR.

        Raises:
            NotFound: the manifest has no such model, or it is not here.
            Conflict: it lies in the mirror folder, which is not ours. StorageError: it cannot be deleted.
        """
        model = self.model(name)
        path = self.models_dir / model.file
        try:
            part_path(model, self.models_dir).unlink(missing_ok=True)
            path.unlink()
        except FileNotFoundError:
            if self.find(model.file) is not None:
                message = f"{model.file} lies in the mirror folder (MODELS_MIRROR), which Sightline only reads: delete it there."
                raise Conflict(message, code="model_in_mirror") from None
            raise NotFound(f"{model.file} is not here.", code="model_not_here") from None
        except OSError as err:
            message = f"{model.file} cannot be deleted: {err.strerror}."
            raise StorageError(message, is_transient=False, code="model_not_written") from err

    @property
    def has_mirror(self) -> bool:
        return any(True for _ in self._mirrors())

    def sync(
        self,
        started: Callable[[Model], Watch] = lambda _model: Watch(),
        *,
        ended: Callable[[Model, SightlineError | None], None] = lambda _model, _err: None,
        accept_licence: bool = False,
    ) -> SyncReport:
        """Bring every file of the manifest that the mirror has and that is not here.

        Args:
            started: called before each file that is fetched; who looks on.
            ended: called after each file for which `started` was called, with what went wrong.

        Raises:
            Conflict: MODELS_MIRROR is not set. AnalyzerError: the mirror does not answer.
        """
        mirrors = list(self._mirrors())
        if not mirrors:
            message = "There is no mirror to bring models from: set MODELS_MIRROR to a folder, a URL or s3://bucket/prefix."
            raise Conflict(message, code="no_mirror")
        report: dict[str, list[str]] = {"brought": [], "here": [], "not_held": [], "skipped": []}
        failed: dict[str, str] = {}
        for model in self.models():
            try:
                kind, holders = self._sync_need(model, mirrors, accept_licence)
                if kind == "brought":
                    self._sync_one(model, holders, started(model), ended)
                report[kind].append(model.name)
            except SightlineError as err:
                if err.code in ("mirror_unreachable", "model_cancelled"):
                    raise
                failed[model.name] = err.message
        return SyncReport(
            tuple(report["brought"]), tuple(report["here"]), tuple(report["not_held"]), tuple(report["skipped"]), failed
        )

    def _sync_need(self, model: Model, mirrors: list[Place], accept_licence: bool) -> tuple[str, list[Place]]:
        """The list of SyncReport to which the model belongs, and who has it when it is to be brought."""
        if self._is_right(model):
            return "here", []
        holders = [place for place in mirrors if _holds(place, model)]
        if not holders:
            return "not_held", []
        return ("skipped", []) if model.is_extra and not accept_licence else ("brought", holders)

    def _sync_one(
        self, model: Model, holders: list[Place], watch: Watch, ended: Callable[[Model, SightlineError | None], None]
    ) -> None:
        try:
            self._fetch(model, holders, watch)
        except SightlineError as err:
            ended(model, err)
            raise
        ended(model, None)

    def _fetch(self, model: Model, places: list[Place], watch: Watch) -> Path:
        target = self.models_dir / model.file
        if self._is_right(model):
            watch.progress(model.bytes, model.bytes)
            return target
        if not places:
            raise AnalyzerError(
                f"{model.file} has no public address. {model.source} Then put it into MODELS_DIR or MODELS_MIRROR.",
                code="model_no_address",
            )
        failures = []
        with open_part(model, self.models_dir, self.reserve_bytes) as part:
            for place in places:
                try:
                    part.receive(place, watch)
                    part.finish(target)
                    return target
                except AnalyzerError as err:
                    failures.append(f"{place.name}: {err.message}")
        raise AnalyzerError(f"{model.file} could not be fetched. " + " ".join(failures), code=FETCH_FAILED)

    def _is_right(self, model: Model) -> bool:
        target = self.models_dir / model.file
        if not target.is_file():
            return False
        return not model.sha256 or (target.stat().st_size == model.bytes and _sha256_of(target) == model.sha256)

    def _mirrors(self) -> Iterator[Place]:
        if self.mirror is not None:
            yield FolderPlace(self.mirror)
        if self.mirror_url:
            yield UrlPlace("Mirror", self.mirror_url)
        if self.bucket is not None:
            yield self.bucket


def check_licence(model: Model, *, is_accepted: bool) -> None:
    """Raises: Conflict (`licence_not_accepted`): the model's licence needs an explicit yes."""
    if model.is_extra and not is_accepted:
        message = (
            f"{model.name} is under {model.licence}, which binds whoever offers it over a network. Accept that licence to fetch it."
        )
        raise Conflict(message, code="licence_not_accepted", licence=model.licence)


def _holds(place: Place, model: Model) -> bool:
    try:
        return place.holds(model)
    except AnalyzerError as err:
        raise AnalyzerError(f"{place.name}: {err.message}", code="mirror_unreachable") from err


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
