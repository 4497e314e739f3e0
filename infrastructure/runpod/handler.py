"""What a machine of RunPod runs: one job after the other, each to its end. Started by the image beside this file.

Try it without RunPod: `python handler.py --test_input '{"input": …}'`; the payload is that of `sightline/jobs/remote/payload.py`.
"""

import logging
import sys
from typing import Any

import runpod

from sightline.errors import Invalid, SightlineError
from sightline.jobs.remote.worker import carry_out
from sightline.logs import configure, explain
from sightline.records.jobs import JobState
from sightline.settings import Settings

log = logging.getLogger(__name__)


def handle(job: dict[str, Any]) -> dict[str, Any]:
    """Carry out a job. What came of it lies in the bucket; the answer is for people who look at RunPod's console.

    A call that RunPod repeats finds the result of the first one and runs nothing.
    """
    try:
        settings = Settings.from_env()
        result = carry_out(
            job["input"], settings, lambda progress: runpod.serverless.progress_update(job, dict(progress)), str(job["id"])
        )  # fmt: skip
    except SightlineError as err:
        log.error("%s (%s)", err.message, err.code)
        return {"error": f"{err.message} ({err.code})"}
    if result.state == JobState.FAILED:
        return {"error": str((result.error or {}).get("message", "It failed."))}
    return {"state": str(result.state), "outputs": [output.key for output in result.outputs]}


def main() -> int:
    """Wait for jobs until RunPod takes the machine away; the exit code is 2 for a wrong setting."""
    try:
        settings = Settings.from_env()
        configure(settings, "runpod")
        if settings.storage_type != "s3":
            words = "A machine of RunPod needs STORAGE_TYPE=s3 and the S3 settings of the installation whose jobs it runs."
            raise Invalid(words, code="bad_setting", field="STORAGE_TYPE")
    except SightlineError as err:
        return explain(err)
    runpod.serverless.start({"handler": handle})
    return 0


if __name__ == "__main__":
    sys.exit(main())
