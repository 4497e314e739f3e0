"""Logging set-up, the same in every process: one line per record to stderr, as text or JSON, credentials removed.

Each process entry (supervisor, web, engine, worker) calls `configure` once, first thing. Redaction works on the finished line, so
that it reaches messages, arguments and tracebacks alike, of our own code and of any library.
"""

import json
import logging
import sys
import threading
import time
from types import TracebackType

from sightline.errors import Invalid, SightlineError
from sightline.media.redaction import redact
from sightline.settings import Settings

log = logging.getLogger(__name__)

EXIT_CANNOT_START, EXIT_WRONG_SETTING = 1, 2
QUIET = (
    *("urllib3", "botocore", "boto3", "s3transfer", "httpx", "httpcore", "aiohttp.access", "alembic.runtime"),
    *("engineio", "socketio"),
)
"""Libraries whose INFO lines say nothing to an operator; their warnings still come through."""


def configure(settings: Settings, process: str) -> None:
    """Send all records of this process to stderr.

    Args:
        process: short name that stands in each line: `supervisor`, `web`, `engine`, `worker`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(settings, process))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if settings.debug else settings.log_level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_thread_death


def explain(err: SightlineError) -> int:
    """Say in one line why this process cannot start; return its exit status: 2 for a wrong setting, else 1."""
    # Without `configure`, as when the settings themselves are wrong, Python writes the bare message to stderr.
    log.error("%s", redact(err.message))
    return EXIT_WRONG_SETTING if isinstance(err, Invalid) else EXIT_CANNOT_START


def formatter(settings: Settings, process: str) -> logging.Formatter:
    """The formatter for `settings.log_format`; both redact."""
    return JsonLines(process) if settings.log_format == "json" else TextLines(process)


class _Lines(logging.Formatter):
    def __init__(self, process: str, line: str | None = None) -> None:
        super().__init__(line, "%Y-%m-%d %H:%M:%S")
        self._process = process

    def _logger(self, record: logging.LogRecord) -> str:
        # A module started with `python -m` does not know its own name.
        return f"sightline.{self._process}" if record.name == "__main__" else record.name


class TextLines(_Lines):
    """`2026-01-31 10:11:12 INFO    engine sightline.live.camera: message`"""

    def __init__(self, process: str) -> None:
        super().__init__(process, f"%(asctime)s %(levelname)-7s {process} %(logger)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        record.logger = self._logger(record)
        return redact(super().format(record))


class JsonLines(_Lines):
    """One JSON object a line: at, level, process, logger, thread, message and, where there is one, error (the traceback)."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "process": self._process,
            "logger": self._logger(record),
            "thread": record.threadName,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            line["error"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("sightline").critical("This process stops: %s", error, exc_info=(kind, error, trace))


def _log_thread_death(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None:
        return
    name = args.thread.name if args.thread else "unknown"
    error = (args.exc_type, args.exc_value, args.exc_traceback)
    logging.getLogger("sightline").error("Thread %s died: %s", name, args.exc_value, exc_info=error)
