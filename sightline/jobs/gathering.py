"""The inputs of a task, brought to where its stages can read them."""

from sightline.errors import JobError
from sightline.jobs.contract import WorkInput
from sightline.jobs.task import Task
from sightline.settings import Settings


def gather(task: Task, settings: Settings) -> tuple[WorkInput, ...]:
    """Every input as a file on this machine, in order.

    Raises:
        JobError: `input_missing`: the file was deleted.
    """
    inputs = tuple(WorkInput(i.name, (settings.data_dir / i.path).absolute(), i.sha256) for i in task.inputs)
    gone = [item.name for item in inputs if not item.path.is_file()]
    if gone:
        raise JobError(f"The input {gone[0]} is no longer there. Send it again.", code="input_missing", inputs=gone)
    return inputs
