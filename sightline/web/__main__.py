"""`python -m sightline.web`: the web process on eventlet (SOCKETIO_ASYNC_MODE=eventlet); gunicorn has no worker for it any more."""

import os
import signal
import sys
from typing import Any

STOP_GRACE_S = 1.0


def main() -> int:
    """Serve until a stop signal."""
    import eventlet

    eventlet.monkey_patch()  # before anything else takes a lock or a socket
    return _serve()


def _serve() -> int:
    from sightline import logs
    from sightline.errors import SightlineError
    from sightline.settings import Settings
    from sightline.web.app_factory import create_app, start_background

    try:
        settings = Settings.from_env()
        logs.configure(settings, "web")
        app = create_app(settings)
    except SightlineError as err:
        return logs.explain(err)
    start_background(app)
    signal.signal(signal.SIGTERM, lambda _number, _frame: _stop(app))
    app.extensions["sightline.sockets"].io.run(app, host=settings.host, port=settings.port, log_output=False, use_reloader=False)
    return 0


def _stop(app: Any) -> None:
    """Let open streams and sockets end, then leave; eventlet's server would wait for its clients."""
    import eventlet

    from sightline.web.app_factory import stop_background

    stop_background(app)
    eventlet.spawn_after(STOP_GRACE_S, os._exit, 0)


if __name__ == "__main__":
    sys.exit(main())
