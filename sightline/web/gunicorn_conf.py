"""How gunicorn serves the app: one process, many threads, since every open picture stream and WebSocket holds one.

Read by gunicorn (`-c python:sightline.web.gunicorn_conf`); names and hooks are gunicorn's.
"""

import logging
import os
import signal
import sys
from typing import Any

from gunicorn.arbiter import Arbiter

from sightline import logs
from sightline.errors import SightlineError
from sightline.settings import Settings

try:
    _settings = Settings.from_env()
except SightlineError as _err:
    raise SystemExit(logs.explain(_err)) from None

bind = f"{f'[{_settings.host}]' if ':' in _settings.host else _settings.host}:{_settings.port}"
workers = 1
worker_class = "gthread"
threads = _settings.web_threads
worker_connections = _settings.web_threads + 256
keepalive = 15
timeout = 60
graceful_timeout = 2
accesslog = None
"""Query strings hold signatures; nginx writes the access log, without them."""
loglevel = "warning"
worker_tmp_dir = "/dev/shm"
limit_request_line = 8190
forwarded_allow_ips = ""
"""X-Forwarded-* is read by the app itself, as far as TRUSTED_PROXIES says."""


def on_starting(_server: Any) -> None:
    """gunicorn's own lines take the product's form."""
    logs.configure(_settings, "web")


def post_worker_init(worker: Any) -> None:
    """In the worker process, after the app was built: start its threads, and have SIGTERM end the open streams first."""
    from sightline.web.app_factory import start_background, stop_background  # here, so that the master process stays small

    start_background(worker.wsgi)

    def stop(number: int, frame: Any) -> None:
        stop_background(worker.wsgi)
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, stop)


def worker_exit(_server: Any, worker: Any) -> None:
    """Threads of streams whose viewers do not read any more must not keep the process: Python would wait for them for ever.

    When the app could not be built the status says so: gunicorn then ends as a whole, instead of trying anew every second.
    """
    reason = sys.exc_info()[1]  # gunicorn calls this while its SystemExit is on the way out
    has_failed = not worker.booted and isinstance(reason, SystemExit) and reason.code not in (None, 0)
    logging.shutdown()
    os._exit(Arbiter.WORKER_BOOT_ERROR if has_failed else 0)
