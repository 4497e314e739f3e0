"""The process of one attempt: `python -m sightline.jobs.child JOB_ID ATTEMPT RUNNER_PID`. Writes its log to stderr."""

import logging
import os
import sys

import cv2

import analyzers
from sightline.errors import SightlineError
from sightline.jobs.contract import kind
from sightline.jobs.execute import execute
from sightline.logs import configure, explain
from sightline.parent_death import end_with_parent
from sightline.records.database import Database
from sightline.records.jobs import Jobs, Lost
from sightline.settings import Settings

log = logging.getLogger(__name__)

NICENESS = 10
"""The live picture goes first."""
EXIT_LOST = 3


def main(arguments: list[str]) -> int:
    """Run the attempt; 0 when the row says how it ended."""
    job_id, attempt, runner = arguments[0], int(arguments[1]), int(arguments[2])
    if not end_with_parent(runner):
        return EXIT_LOST  # the next attempt may run already
    os.nice(NICENESS)
    try:
        settings = Settings.from_env()
        configure(settings, "job")
        database = Database(settings.database)
        if kind(Jobs(database).get(job_id).kind).needs_analyzers:
            analyzers.load()
        cv2.setNumThreads(1)
        execute(job_id, attempt, settings, database)
    except Lost as err:
        log.warning("%s", err.message)
        return EXIT_LOST
    except SightlineError as err:
        return explain(err)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
