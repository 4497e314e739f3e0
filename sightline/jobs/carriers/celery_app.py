"""JOB_CARRIER=celery: ids of jobs travel through Redis, one message each. Needs the extra `celery`.

A message is taken off the queue before its job begins, and there are no results and no retries: the lease in the database knows
better than Redis whether a job is alive. What a message brings too late, or twice, finds no job to claim and ends.
"""

import logging
import threading
import time
from urllib.parse import urlsplit

from sightline.errors import Invalid, StorageError
from sightline.jobs.runner import Runner
from sightline.settings import Settings

try:
    from celery import Celery
    from kombu.exceptions import OperationalError
except ModuleNotFoundError as err:
    words = "JOB_CARRIER=celery needs the package celery. Install it: pip install 'celery[redis]'"
    raise Invalid(words, code="bad_setting", field="JOB_CARRIER") from err

log = logging.getLogger(__name__)

QUEUE = "sightline_jobs"
TASK = "sightline.run_job"
ANSWER_S = 2.0
"""How long Redis may take to answer somebody who waits for it."""


def make_app(settings: Settings) -> Celery:
    """A Celery application without tasks. Raises: Invalid (REDIS_URL is missing or wrong)."""
    if urlsplit(settings.redis_url).scheme not in ("redis", "rediss"):
        words = "JOB_CARRIER=celery needs REDIS_URL, such as redis://localhost:6379/0"
        raise Invalid(words, code="bad_setting", field="REDIS_URL")
    app = Celery("sightline", broker=settings.redis_url, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE, task_ignore_result=True, task_acks_late=False, worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True, broker_connection_timeout=ANSWER_S, broker_connection_max_retries=None,
        broker_transport_options={"socket_connect_timeout": ANSWER_S, "socket_timeout": 2 * ANSWER_S, "max_retries": 1},
        worker_hijack_root_logger=False, worker_send_task_events=False, task_serializer="json", accept_content=["json"],
    )  # fmt: skip
    return app


class CeleryCarrier:
    """Publishes."""

    def __init__(self, settings: Settings) -> None:
        self._app = make_app(settings)
        self._refusals = (OperationalError, OSError, *self._app.connection_for_write().connection_errors)

    def publish(self, job_id: str) -> None:
        try:
            self._app.send_task(TASK, (job_id,), queue=QUEUE, retry=False)
        except self._refusals as err:
            raise _away() from err

    def is_empty(self) -> bool:
        try:
            with self._app.connection_for_write() as connection:
                count: int = connection.default_channel.queue_declare(queue=QUEUE).message_count
                return count == 0
        except self._refusals as err:
            raise _away() from err


def answering_workers(settings: Settings) -> int:
    """How many Celery workers answer within half of ANSWER_S. Raises: Invalid, StorageError (`broker_unavailable`)."""
    app = make_app(settings)
    try:
        return len(app.control.ping(timeout=ANSWER_S / 2))
    except (OperationalError, OSError, *app.connection_for_write().connection_errors) as err:
        raise _away() from err


def _away() -> StorageError:
    return StorageError("Redis (REDIS_URL) does not answer; the job waits until it does.", code="broker_unavailable")


class JobTask:
    """What a Celery worker does with a message."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.stop = threading.Event()
        """Set: the worker ends; running jobs are given back at once and none is begun."""

    def run(self, job_id: str) -> None:
        begin_s = time.monotonic()
        if self.stop.is_set() or not self._runner.work(self.stop, job_id):
            log.info("Job %s is not waiting here; its message is dropped", job_id)
            return
        log.info("Job %s was worked on for %.1f s", job_id, time.monotonic() - begin_s)
