"""What others are told of a job: JobJson, in answers of the API, to dashboards and to webhooks."""

from typing import Any
from urllib.parse import quote

from sightline.records.jobs import Job, JobOutput


def job_json(job: Job) -> dict[str, Any]:
    """JobJson: what the API and the dashboard tell about a job."""
    stage = next((s for s in job.stages if s.state == "running"), None)
    outputs = [output_json(job, output) for output in job.outputs]
    return {
        "job_id": job.id, "kind": job.kind, "status": str(job.state), "progress": job.progress,
        "stage": stage.name if stage else None,
        "stages": [{name: getattr(s, name) for name in type(s).__dataclass_fields__} for s in job.stages], "eta_s": job.eta_s,
        "result_url": outputs[0]["url"] if outputs else None, "outputs": outputs, "notices": list(job.notices),
        "error": dict(job.error) if job.error else None, "inputs": [item.name for item in job.inputs], "params": dict(job.params),
        "owner_id": job.owner_id, "attempt": job.attempt, "is_pinned": job.is_pinned, "is_cancel_wanted": job.is_cancel_wanted,
        "created_at": job.created_at, "started_at": job.started_at, "completed_at": job.ended_at,
    }  # fmt: skip


def output_json(job: Job, output: JobOutput) -> dict[str, Any]:
    return {
        "name": output.name, "url": f"/api/v1/jobs/{job.id}/outputs/{quote(output.name)}", "bytes": output.size_bytes,
        "sha256": output.sha256, "content_type": output.content_type,
    }  # fmt: skip
