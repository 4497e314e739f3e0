"""What has to run: engines, workers, and whoever carries jobs."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from sightline.errors import SightlineError, StorageError
from sightline.jobs.carriers import make_carrier, make_remote_carrier
from sightline.jobs.presence import workers_alive
from sightline.records.jobs import Jobs, JobState
from sightline.settings import Settings
from sightline.web.checks.line import Installation, Line

ENGINE_WAIT_S = 2.0
LABEL = "Where jobs run"
START = "Start Sightline with `python app.py`, which starts it again by itself; in containers look at the service's log."


def check_engines(here: Installation) -> Iterator[Line]:
    """The processes that show cameras."""
    for index, engine in enumerate(here.engines.all):
        label = "Video engine" if len(here.engines.all) == 1 else f"Video engine {index}"
        try:
            answer = engine.call("GET", "/health", timeout_s=ENGINE_WAIT_S)
        except SightlineError:
            yield Line(f"engine_{index}", label, "wrong", "It does not answer.", "No camera has a picture.", START)
            continue
        yield Line(f"engine_{index}", label, "ok", f"It answers and has {_several(len(answer.get('cameras', {})), 'camera')}.")


def check_workers(here: Installation) -> Iterator[Line]:
    """The processes that run jobs."""
    alive, slots = workers_alive(here.settings), here.settings.job_slots
    if not alive:
        changes = "Jobs wait, cloud uploads and webhooks are not sent, and nothing old is deleted."
        yield Line("workers", "Worker", "wrong", "None has given a sign of life.", changes, START)
        return
    detail = f"{_several(len(alive), 'worker')} alive."
    if here.settings.job_carrier == "embedded" and slots == 0:
        changes = "Jobs wait for ever: no worker runs any."
        yield Line("workers", "Worker", "wrong", f"{detail} JOB_SLOTS is 0.", changes, "Set JOB_SLOTS to 1 or more.")
    else:
        yield Line("workers", "Worker", "ok", f"{detail} Each runs {_several(slots, 'job')} at the same time (JOB_SLOTS).")


def check_jobs(here: Installation) -> Iterator[Line]:
    """What waits and runs, beside what may."""
    counts, most = Jobs(here.database).counts(), here.settings.jobs_most_open
    waiting = counts.get(JobState.QUEUED, 0)
    away = counts.get(JobState.WAITING_EXTERNAL, 0)
    running = counts.get(JobState.RUNNING, 0)
    detail = f"{running} running, {waiting} waiting" + (f", {away} on other machines" if away else "") + f"; {most} may be open."
    if running + waiting + away >= most:
        todo = "Wait, cancel some, or raise JOBS_MOST_OPEN."
        yield Line("jobs", "Jobs", "wrong", detail, "New jobs are refused.", todo, page="jobs")
    else:
        yield Line("jobs", "Jobs", "ok", detail, page="jobs")


def check_carrier(here: Installation) -> Iterator[Line]:
    """Who brings jobs to machines."""
    settings = here.settings
    if settings.job_carrier == "embedded":
        yield Line("carrier", LABEL, "ok", "On this machine, by the worker (JOB_CARRIER=embedded).")
    elif settings.job_carrier == "celery":
        yield _celery(settings)
    else:
        yield _remote(settings)


def _celery(settings: Settings) -> Line:
    where = urlsplit(settings.redis_url).hostname or "REDIS_URL"
    changes = "Jobs wait until it answers."
    try:
        carrier = make_carrier(settings)
        assert carrier is not None
        words = "nothing under way" if carrier.is_empty() else "jobs under way"
    except SightlineError as err:
        return Line("carrier", LABEL, "wrong", err.message, changes, "Start Redis, or correct REDIS_URL.")
    count = _celery_workers(settings)
    if not count:
        return Line(
            "carrier", LABEL, "wrong", f"Redis at {where} answers, but no Celery worker does.", "Jobs wait.",
            "Start one.", "python -m sightline.jobs.carriers.celery_worker",
        )  # fmt: skip
    return Line("carrier", LABEL, "ok", f"On {_several(count, 'Celery worker')}; Redis at {where} answers, {words}.")


def _celery_workers(settings: Settings) -> int:
    from sightline.jobs.carriers.celery_app import answering_workers  # an extra

    return answering_workers(settings)


def _remote(settings: Settings) -> Line:
    """RunPod or AWS: whether it answers and takes our jobs."""
    try:
        carrier = make_remote_carrier(settings)
        assert carrier is not None
        return Line("carrier", LABEL, "ok", carrier.health())
    except SightlineError as err:
        is_away = isinstance(err, StorageError) and err.is_transient
        what = "Look at the network, and at what the other side says of its state." if is_away else "Correct the setting."
        return Line("carrier", LABEL, "wrong", err.message, "Jobs wait here.", what)


def _several(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
