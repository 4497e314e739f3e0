"""What a job is to work on, from wherever it comes: files of a form, videos that were uploaded before, addresses of the web.

Called by request threads, for `job_desk`.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import Invalid, SightlineError, SourceError, Unsupported
from sightline.jobs.contract import JobKind
from sightline.jobs.fetching import name_in, web_address
from sightline.jobs.gathering import STORAGE_SCHEME
from sightline.media.address import AddressPolicy
from sightline.media.extras import Extra, probe_extra
from sightline.media.probe import probe_file
from sightline.records.assets import Asset
from sightline.records.jobs import JobInput
from sightline.web.reception import ReceivedFile, safe_name

FIELD = "files"
MOST_FILES = 50
SHOWN_MAX_CHARS = 160


@dataclass(frozen=True, slots=True)
class Footage:
    """One input of a job that is being entered."""

    name: str
    """As the user calls it."""
    path: Path | None = None
    """Where it lies; None: the job fetches it from `origin` when it begins."""
    sha256: str = ""
    size_bytes: int = 0
    origin: str = ""
    is_copied: bool = False
    """Others need the file at `path` as well."""
    extra: Extra | None = None
    """What it is beside footage."""
    duration_s: float = 0.0
    """0: not known."""


def of_files(files: Iterable[ReceivedFile], wanted: JobKind, *, is_strict: bool, is_all: bool) -> tuple[list[Footage], list[str]]:
    """The files that are videos, those that the kind takes besides, and words about the others.

    Args:
        is_strict: refuse every file that is neither, instead of leaving it out.
        is_all: there is no other footage: at least one file must be left.

    Raises: why the first one is refused.
    """
    usable, notices = [], []
    refusal: SightlineError | None = None
    for file in files:
        part, name = file.part, file.original_name
        try:
            extra, duration_s = _medium(file, wanted)
            usable.append(Footage(name, part.path, part.sha256, part.size_bytes, extra=extra, duration_s=duration_s))
        except SightlineError as err:
            if is_strict:
                raise
            refusal = refusal or err
            notices.append(f"{name} was left out: {err.message}")
    if is_all and not usable and refusal is not None:
        raise refusal
    return usable, notices


def of_asset(asset: Asset, folder: Path) -> Footage:
    """A video that was uploaded before, into `folder` or into S3."""
    name, duration_s = asset.original_name, asset.duration_s or 0.0
    if asset.storage_key:
        origin = STORAGE_SCHEME + asset.storage_key
        return Footage(name, None, asset.sha256, asset.size_bytes, origin, duration_s=duration_s)
    return Footage(name, folder / asset.file_name, asset.sha256, asset.size_bytes, is_copied=True, duration_s=duration_s)


def of_urls(urls: Sequence[str], policy: AddressPolicy) -> list[Footage]:
    """Videos at addresses of the web. Raises: Invalid (no such address), Forbidden (the policy refuses it)."""
    return [_of_url(url, policy) for url in urls]


def check_footage(wanted: JobKind, footage: Sequence[Footage]) -> None:
    """Raises: Invalid (`wrong_count`): more or fewer than the kind takes."""
    count = sum(item.extra is None for item in footage)
    if not 1 <= count <= wanted.most_inputs:
        words = "one video" if wanted.most_inputs == 1 else f"1 to {wanted.most_inputs} videos"
        raise Invalid(f"{wanted.label} takes {words}.", code="wrong_count", field=FIELD, allowed={"most": wanted.most_inputs})
    extras = [item.extra for item in footage if item.extra is not None]
    for extra in extras:
        if extra not in wanted.extras or extras.count(extra) > 1:
            most = "no" if extra not in wanted.extras else "at most one file with"
            raise Invalid(f"{wanted.label} takes {most} {extra}.", code="wrong_count", field=FIELD)


def keep(number: int, item: Footage, folder: Path, data_dir: Path) -> JobInput:
    """Bring it into the job's folder, if it is here."""
    target = folder / safe_name(item.name, f"{number + 1:03d}")
    if item.path is not None and item.is_copied:
        shutil.copyfile(item.path, target)
    elif item.path is not None:
        item.path.rename(target)
    shown = "".join(char for char in item.name if char.isprintable())[:SHOWN_MAX_CHARS] or "video"
    path = target.relative_to(data_dir.absolute()).as_posix()
    return JobInput(shown, path, item.sha256, item.size_bytes, item.origin, item.duration_s)


def _medium(file: ReceivedFile, wanted: JobKind) -> tuple[Extra | None, float]:
    """What a file is beside footage, None: it is a video; and a video's seconds. Raises: Unsupported, Invalid."""
    if not file.part.size_bytes:
        raise Invalid("The file is empty.", code="empty_file", field=FIELD)
    try:
        return None, probe_file(file.part.path).duration_s or 0.0
    except Unsupported:
        extra = probe_extra(file.part.path) if wanted.extras else None
        if extra is None:
            raise
        return extra, 0.0


def _of_url(url: str, policy: AddressPolicy) -> Footage:
    try:
        address = web_address(url.strip())
        policy.check(address)
    except SourceError as err:
        raise Invalid(err.message, code="bad_url", field="urls") from err
    return Footage(name_in(address), origin=url.strip())
