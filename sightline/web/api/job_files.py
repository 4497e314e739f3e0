"""All results of a job as one zip; the shots of a showcase, for choosing others."""

from typing import Any

from flask import Response, send_file

from sightline.web.job_files import zip_of
from sightline.web.job_schemas import JobPath, ShotList, ShotPath
from sightline.web.job_shots import shot_picture, shots_of
from sightline.web.schemas import resource
from sightline.web.services import services

api = resource("job_files", __name__, "Batch jobs: everything as one file, shots of a showcase")


@api.get("/api/v1/jobs/<job_id>/outputs.zip")
def all_outputs(path: JobPath) -> Response:
    """All results as one zip, with a list of checksums in `sightline-manifest.json`."""
    parts = services()
    job = parts.jobs.jobs.get(path.job_id)
    answer = Response(zip_of(job, parts.settings), mimetype="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{job.kind}-{job.id}.zip"'
    return answer


@api.get("/api/v1/jobs/<job_id>/shots", responses={200: ShotList})
def list_shots(path: JobPath) -> dict[str, Any]:
    """Every shot of a showcase: its room, score and picture, and why it was chosen or left out."""
    parts = services()
    return shots_of(parts.jobs.jobs.get(path.job_id), parts.settings)


@api.get("/api/v1/jobs/<job_id>/shots/<number>/picture")
def get_shot_picture(path: ShotPath) -> Response:
    """The best picture of a shot."""
    parts = services()
    picture = shot_picture(parts.jobs.jobs.get(path.job_id), path.number, parts.settings)
    return send_file(picture, mimetype="image/jpeg", conditional=True, max_age=3600)
