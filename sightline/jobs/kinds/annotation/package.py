"""`final_package.zip`: `dense_proposals.pkl` and a zip of frames per clip. The same input gives the same bytes."""

import shutil
import zipfile
from pathlib import Path

from sightline.jobs.contract import Work
from sightline.jobs.kinds.annotation import clips
from sightline.jobs.kinds.annotation import proposals as dense
from sightline.jobs.kinds.annotation.clips import Cut

STAGE = "package"
FILE = "final_package.zip"
EPOCH = (1980, 1, 1, 0, 0, 0)
RIGHTS = 0o100644 << 16


def package(work: Work) -> None:
    """Frames of each clip into a zip of their own, and all of these beside the proposals."""
    source = work.folder_of(clips.STAGE)
    cut = Cut.read(source)
    with zipfile.ZipFile(work.result(FILE, "application/zip"), "w", zipfile.ZIP_STORED) as bundle:
        add(bundle, dense.FILE, work.folder_of(dense.STAGE) / dense.FILE)
        for number, clip in enumerate(cut.clips):
            # An inner zip needs a file to go back in: readers of streams stumble over sizes that follow the data.
            inner = work.folder / f"{clip.name}.zip"
            with zipfile.ZipFile(inner, "w", zipfile.ZIP_STORED) as frames:
                for name in clip.frame_names:
                    add(frames, name, source / "frames" / clip.name / name)
            add(bundle, f"frames/{inner.name}", inner)
            inner.unlink()
            work.progress(number / len(cut.clips), clip.name)


def add(bundle: zipfile.ZipFile, name: str, path: Path) -> None:
    """A file into a zip, with no time and no owner of its own."""
    info = entry(name)
    info.file_size = path.stat().st_size
    with path.open("rb") as source, bundle.open(info, "w") as target:
        shutil.copyfileobj(source, target, 1 << 20)


def entry(name: str) -> zipfile.ZipInfo:
    """What every entry of that name says of itself, whenever it is made."""
    info = zipfile.ZipInfo(name, EPOCH)
    info.external_attr = RIGHTS
    info.create_system = 3
    return info
