"""Batch jobs: send footage, watch the progress, fetch the results."""

from collections.abc import Iterable
from typing import Any

from flask import Response, request, send_file
from flask_openapi3.models import RawModel

from sightline.jobs.telling import job_json
from sightline.records.jobs import Job, JobState
from sightline.storage.local import LocalStorage
from sightline.web.guard import current_identity
from sightline.web.job_desk import estimate
from sightline.web.job_schemas import (
    AgainBody,
    AssetJobBody,
    JobPath,
    JobsQuery,
    OutputPath,
    PinBody,
    ProcessingPath,
    ProcessVideoBody,
    UrlJobBody,
)
from sightline.web.schemas import Done, resource
from sightline.web.services import services

api = resource("jobs", __name__, "Batch jobs")

MOST_LISTED = 500


class FilesForm(RawModel):
    """multipart/form-data: `files`, `asset_ids` and `urls` (JSON lists) in any mixture, `kind`, `params` (JSON), `strict`.

    Header `Idempotency-Key` by choice.
    """

    mimetypes = ["multipart/form-data"]  # noqa: RUF012


@api.get("/api/v1/job_kinds")
def list_kinds() -> dict[str, Any]:
    """The kinds of jobs, with their parameters."""
    return {"kinds": services().jobs.kinds()}


@api.post("/api/v1/jobs/", responses={202: Done})
def add_job(raw: FilesForm) -> tuple[dict[str, Any], int]:
    """Send footage. Answers as soon as it is here and examined; the job runs afterwards."""
    parts = services()
    job = parts.jobs.take(raw, current_identity().user_id or None)
    return {**_accepted(job), "notices": list(job.notices)}, 202


@api.post("/api/v1/jobs/from_assets", responses={202: Done})
def add_job_from_assets(body: AssetJobBody) -> tuple[dict[str, Any], int]:
    """A job over videos that were uploaded before."""
    desk = services().jobs
    key = request.headers.get("Idempotency-Key")
    order = desk.order(body.kind, body.params, key, current_identity().user_id or None)
    return _accepted(desk.take_assets(body.asset_ids, order)), 202


@api.post("/api/v1/jobs/from_urls", responses={202: Done})
def add_job_from_urls(body: UrlJobBody) -> tuple[dict[str, Any], int]:
    """A job over videos of the web; it fetches them when it begins."""
    return _accepted(_job_over_urls(body.urls, body.kind, body.params)), 202


@api.post("/process-video", responses={202: Done})
def process_video(body: ProcessVideoBody) -> tuple[dict[str, Any], int]:
    """Fetch a video and work on it. `estimated_time`: seconds."""
    job = _job_over_urls([body.video_url], body.processing_type, {})
    seconds = estimate(job) - job.created_at
    return {
        "success": True, "message": "The video is fetched and worked on as soon as it is its turn.", "status": "processing",
        "job_id": job.id, "estimated_time": round(seconds),
    }, 202  # fmt: skip


@api.get("/processing-status/<job_id>")
def processing_status(path: JobPath) -> dict[str, Any]:
    """State, progress and results of a job."""
    return job_json(services().jobs.jobs.get(path.job_id))


@api.get("/api/jobs")
def list_all_jobs() -> dict[str, Any]:
    """The newest jobs of everybody, for admins."""
    jobs = services().jobs.jobs
    return {"jobs": [job_json(job) for job in jobs.page(MOST_LISTED)], "counts": jobs.counts()}


@api.delete("/api/jobs/<processing_id>", responses={200: Done})
def cancel_and_delete_job(path: ProcessingPath) -> dict[str, Any]:
    """Cancel a job if it is open, wait for its end, and delete it with all its files."""
    services().jobs.cancel_and_delete(path.processing_id)
    return {"success": True, "message": "The job and its files are deleted."}


@api.get("/api/v1/jobs/")
def list_jobs(query: JobsQuery) -> dict[str, Any]:
    """Jobs, newest first. `next` is the `before` of the next page."""
    jobs = services().jobs.jobs
    states = [JobState(query.status)] if query.status else []
    found = jobs.page(query.limit, query.before, states, query.kind or "", query.q or "")
    return {
        "jobs": [job_json(job) for job in found], "counts": jobs.counts(), "owners": _owners(found),
        "next": found[-1].created_at if len(found) == query.limit else None,
    }  # fmt: skip


@api.get("/api/v1/jobs/<job_id>")
def get_job(path: JobPath) -> dict[str, Any]:
    """State, progress by stage, and results of a job."""
    job = services().jobs.jobs.get(path.job_id)
    return {**job_json(job), "owners": _owners([job])}


@api.post("/api/v1/jobs/<job_id>/cancel")
def cancel_job(path: JobPath) -> dict[str, Any]:
    """End a job; a running one ends within seconds."""
    return job_json(services().jobs.jobs.cancel(path.job_id))


@api.post("/api/v1/jobs/<job_id>/retry")
def retry_job(path: JobPath) -> dict[str, Any]:
    """Try a failed or cancelled job again; stages that are done are not done again."""
    return job_json(services().jobs.retry(path.job_id))


@api.post("/api/v1/jobs/<job_id>/again", responses={202: Done})
def add_job_again(path: JobPath, body: AgainBody) -> tuple[dict[str, Any], int]:
    """A new job over the footage of an ended one, with some parameters changed; what they do not touch is not done again."""
    return _accepted(services().jobs.again(path.job_id, body.params, current_identity().user_id or None)), 202


@api.post("/api/v1/jobs/<job_id>/pin")
def pin_job(path: JobPath, body: PinBody) -> dict[str, Any]:
    """Keep a job from being deleted for its age, or no longer."""
    return job_json(services().jobs.jobs.pin(path.job_id, body.pinned))


@api.delete("/api/v1/jobs/<job_id>", responses={200: Done})
def delete_job(path: JobPath) -> dict[str, Any]:
    """Delete an ended job and all its files."""
    services().jobs.delete(path.job_id)
    return {"success": True, "message": "The job and its files are deleted."}


@api.get("/api/v1/jobs/<job_id>/log")
def job_log(path: JobPath) -> Response:
    """The end of what the job wrote to its log."""
    return Response(services().jobs.log(path.job_id), mimetype="text/plain")


@api.get("/api/v1/jobs/<job_id>/preview")
def job_preview(path: JobPath) -> Response:
    """What a running job has made so far, as a small JPEG that changes every few seconds; 204 while there is nothing to see."""
    picture = services().jobs.preview(path.job_id)
    if picture is None:
        return Response(status=204)
    return Response(picture, mimetype="image/jpeg", headers={"Cache-Control": "no-store"})


@api.get("/api/v1/jobs/<job_id>/outputs/<path:name>")
def job_output(path: OutputPath) -> Response:
    """A result. Players may ask for parts of it."""
    output, storage = services().jobs.output(path.job_id, path.name)
    is_download = request.args.get("download") == "1"
    shown = output.name.rpartition("/")[2]
    if isinstance(storage, LocalStorage):
        return send_file(
            storage.path(output.key), mimetype=output.content_type, as_attachment=is_download, download_name=shown,
            conditional=True, etag=output.sha256, max_age=3600,
        )  # fmt: skip
    return send_file(storage.open(output.key), mimetype=output.content_type, as_attachment=is_download, download_name=shown)


def _job_over_urls(urls: list[str], kind: str, params: dict[str, Any]) -> Job:
    desk = services().jobs
    return desk.take_urls(
        urls, desk.order(kind, params, request.headers.get("Idempotency-Key"), current_identity().user_id or None)
    )


def _owners(jobs: Iterable[Job]) -> dict[str, str]:
    """Names of the users who sent them, by id."""
    wanted = {job.owner_id for job in jobs}
    return {str(user.id): user.username for user in services().users.list() if user.id in wanted}


def _accepted(job: Any) -> dict[str, Any]:
    return {
        "success": True, "job_id": job.id, "status": "processing", "video_count": len(job.inputs),
        "estimated_completion": estimate(job), "message": "The job waits for its turn.",
    }  # fmt: skip
