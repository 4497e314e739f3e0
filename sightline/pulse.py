"""Asks the web or the engine process of this machine whether it answers. Called by the supervisor and by container health checks.

    python -m sightline.pulse web|engine        exit code 0 when it is well, 1 when it is not

Imports the settings and the standard library only, so that the check costs little. The engine is asked over its Unix socket,
which needs no key.
"""

import http.client
import sys
from http import HTTPStatus

from sightline.settings import Settings
from sightline.unix_http import UnixConnection

CHECK_TIMEOUT_S = 4.0
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Addresses to listen on, and the one under which such a server is reached from here."""


def web_status(settings: Settings, timeout_s: float) -> int | None:
    """HTTP status of the web process's liveness route, or None when nothing answers in time."""
    host = ANY_ADDRESS.get(settings.host, settings.host)
    return _status(http.client.HTTPConnection(host, settings.port, timeout=timeout_s), "/health/liveness")


def engine_status(settings: Settings, timeout_s: float) -> int | None:
    """HTTP status of the local engine's health route, or None when nothing answers in time."""
    return _status(UnixConnection(settings.engine_socket, timeout_s), "/health")


def _status(connection: http.client.HTTPConnection, path: str) -> int | None:
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def main(arguments: list[str]) -> int:
    """Check one process; returns the exit code."""
    check = {"web": web_status, "engine": engine_status}.get(arguments[0] if arguments else "")
    if check is None:
        sys.stderr.write("usage: python -m sightline.pulse web|engine\n")
        return 2
    return 0 if check(Settings.from_env(), CHECK_TIMEOUT_S) == HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
