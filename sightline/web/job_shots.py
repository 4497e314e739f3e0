"""The shots of a showcase for people to choose from: why each is in the film or not, and its picture. Called by request threads."""

import json
from pathlib import Path
from typing import Any

from sightline.errors import NotFound
from sightline.jobs.contract import kind, make_job_params
from sightline.jobs.workspace import Workspace
from sightline.records.jobs import OPEN, Job
from sightline.settings import Settings
from sightline.storage import results_storage

SHOWCASE = "showcase"
LOOK, SELECT, SELECTION = "look", "select", "selection.json"
"""Stages of a showcase, and what the second one writes down."""


def shots_of(job: Job, settings: Settings) -> dict[str, Any]:
    """All shots as stage `select` tells them, each with the address of its picture; what was pinned, banned and ordered.

    Raises:
        NotFound: `no_shots`: it is no showcase, or is not that far.
    """
    told = _selection(job, settings)
    names = [item.name for item in job.inputs]
    shots = [
        {
            **shot, "input_name": names[shot["input"]] if shot["input"] < len(names) else "",
            "picture": f"/api/v1/jobs/{job.id}/shots/{shot['number']}/picture",
        }
        for shot in told["shots"]
    ]  # fmt: skip
    wishes = {name: job.params.get(name, "") for name in ("pins", "bans", "order")}
    return {"means": told["means"], "shots": shots, **wishes}


def shot_picture(job: Job, number: int, settings: Settings) -> Path:
    """The JPEG file of a shot. Raises: NotFound."""
    folder = Workspace(settings, job.id).stage(LOOK)
    for shot in _selection(job, settings)["shots"]:
        path = folder / str(shot["picture"])
        if shot["number"] == number and path.is_file():
            return path
    raise NotFound(f"The job has no picture of shot {number}.", code="no_shots")


def _selection(job: Job, settings: Settings) -> dict[str, Any]:
    workspace = Workspace(settings, job.id)
    try:
        told = _written(workspace) or _stored(job, settings) or _left_over(job, workspace)
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise _no_shots() from err
    if told is None:
        raise _no_shots()
    return told


def _written(workspace: Workspace) -> dict[str, Any] | None:
    path = workspace.stage(SELECT) / SELECTION
    if not path.is_file():
        return None
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


def _stored(job: Job, settings: Settings) -> dict[str, Any] | None:
    """Of a job that ran on another machine only the results are here."""
    for output in job.outputs:
        if output.name == SELECTION:
            told: dict[str, Any] = json.loads(results_storage(settings).get(output.key))
            return told
    return None


def _left_over(job: Job, workspace: Workspace) -> dict[str, Any] | None:
    """Of a job that found no shot good enough: it has looked at all of them."""
    folder = workspace.stage(LOOK)
    if job.kind != SHOWCASE or job.state in OPEN or not folder.is_dir():
        return None
    from sightline.jobs.kinds.showcase.selection import selection_of  # loads all that looks at footage

    return selection_of(folder, make_job_params(kind(SHOWCASE), job.params))


def _no_shots() -> NotFound:
    return NotFound("There are no shots to choose from: this is no showcase, or it has not come that far.", code="no_shots")
