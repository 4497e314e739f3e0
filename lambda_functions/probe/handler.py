"""AWS Lambda: what a job consists of, for the state machine. Event: `{"job_id", "attempt"}`.

Only numbers go into the state of the machine, which may have 262 144 characters: names and addresses stay in storage.
"""

from typing import Any

from sightline.jobs.remote.attempt_files import AttemptFiles
from sightline.jobs.remote.payload import read_payload
from sightline.jobs.remote.serverless import machine_settings
from sightline.storage import results_storage


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answers `{"clips": [{"number"}], "size_bytes"}`."""
    files = AttemptFiles(results_storage(machine_settings()), event["job_id"], int(event["attempt"]))
    task = read_payload(files.payload())
    clips = [{"number": number} for number in range(len(task.inputs))]
    return {"clips": clips, "size_bytes": sum(item.size_bytes for item in task.inputs)}
