"""The worker of JOB_CARRIER=celery: `python -m sightline.jobs.carriers.celery_worker`. It runs JOB_SLOTS jobs at the same time.

Each job runs in a process of its own, as everywhere; Celery's threads only watch them. SIGTERM gives running jobs back at once.
Uploads, retention and the reaper stay with `sightline.worker`, which must run somewhere as well.
"""

import sys

from celery.signals import worker_shutting_down

from sightline.errors import Invalid, SightlineError
from sightline.jobs.carriers.celery_app import QUEUE, TASK, JobTask, make_app
from sightline.jobs.runner import Runner
from sightline.logs import configure, explain
from sightline.records.database import Database
from sightline.settings import Settings


def main() -> int:
    """Work until SIGTERM or SIGINT; the exit code: 2 for a wrong setting, 1 when it cannot begin."""
    try:
        settings = Settings.from_env()
        configure(settings, "jobs")
        if settings.job_slots == 0:
            raise Invalid("JOB_SLOTS must be 1 at least for a worker of jobs.", code="bad_setting", field="JOB_SLOTS")
        app = make_app(settings)
        database = Database(settings.database)
        database.migrate()
        task = JobTask(Runner(settings, database))
        app.task(task.run, name=TASK, ignore_result=True, acks_late=False, max_retries=0)
        worker_shutting_down.connect(lambda **_: task.stop.set(), weak=False)
    except SightlineError as err:
        return explain(err)
    app.worker_main([
        "worker", "--pool=threads", f"--concurrency={settings.job_slots}", f"--queues={QUEUE}", f"--loglevel={settings.log_level}",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
    ])  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
