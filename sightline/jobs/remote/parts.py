"""The first stage of a job done by many machines at the same time, each on one input.

What a machine has kept of its input goes into storage as `jobs/<id>/parts/<what it was made from>.zip`. The machine that carries
out the whole job begins with all that is there and does the rest itself, so a part that failed costs time and nothing else.
"""

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

from sightline.errors import NotFound
from sightline.jobs.contract import kind
from sightline.jobs.execute import Execution
from sightline.jobs.task import Ledger, Task
from sightline.jobs.workspace import DONE, Workspace
from sightline.settings import Settings
from sightline.storage import Storage, results_storage


def carry_out_part(task: Task, number: int, settings: Settings, ledger: Ledger) -> None:
    """Run the first stage on the input at that place, from 0, and put into storage what it has kept.

    Raises:
        SightlineError: whatever the stage raises. Cancelled.
    """
    # Among the parts of a job on one machine each works in a folder of its own.
    alone = replace(task, job_id=f"{task.job_id}-{number}", inputs=(task.inputs[number],))
    workspace = Workspace(settings, alone.job_id)
    made_from = Execution(alone, settings, ledger).carry_out_first()
    packed = workspace.folder / "part.zip"
    _pack(workspace.stage(kind(task.kind).stages[0].name), packed)
    results_storage(settings).put(f"{_prefix(task.job_id)}{made_from}.zip", packed, "application/zip")
    workspace.remove()


def fetch_parts(task: Task, settings: Settings) -> int:
    """Bring the parts that are in storage to where the job finds them; how many there are. Raises: StorageError."""
    storage = results_storage(settings)
    folder = Workspace(settings, task.job_id).parts
    found = storage.list(_prefix(task.job_id))
    for one in found:
        target = folder / Path(one.key).stem
        if not target.exists():
            _unpack(storage, one.key, target)
    return len(found)


def _prefix(job_id: str) -> str:
    return f"jobs/{job_id}/parts/"


def _pack(stage: Path, packed: Path) -> None:
    """What the stage has kept, and its document, into one zip."""
    kept = json.loads((stage / DONE).read_text(encoding="utf-8"))["kept"]
    files = [path for name in kept for path in sorted([stage / name, *(stage / name).rglob("*")]) if path.is_file()]
    with zipfile.ZipFile(packed, "w") as archive:
        for path in (stage / DONE, *files):
            archive.write(path, path.relative_to(stage))


def _unpack(storage: Storage, key: str, target: Path) -> None:
    """The folder appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    packed, half = target.with_suffix(".zip"), target.with_suffix(".half")
    try:
        with packed.open("wb") as file:
            for piece in storage.pieces(key):
                file.write(piece)
    except NotFound:
        return
    shutil.rmtree(half, ignore_errors=True)
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(half)
    packed.unlink()
    half.rename(target)
