"""Reading on, for a moment, what a client still sends after it was refused.

Closing a connection with unread bytes resets it, and the client would see "connection reset" instead of our answer.
Runs in the request's thread, after the answer was sent.
"""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request

LINGER_S = 2.0
CHUNK_BYTES = 256 * 1024


def install(app: Flask) -> None:
    """After every error answer of `app`, read what the client still sends, for 2 s at most."""

    def plan(response: Response) -> Response:
        if response.status_code >= HTTPStatus.BAD_REQUEST and (request.content_length or "Transfer-Encoding" in request.headers):
            environ = request.environ  # by the time it is needed the request's context is gone
            response.call_on_close(lambda: _read_rest(environ))
        return response

    app.after_request(plan)


def _read_rest(environ: Mapping[str, Any]) -> None:
    # The server's own stream: ours has a limit and would refuse.
    stream = environ["wsgi.input"]
    client = environ.get("gunicorn.socket")
    if client is not None:
        client.settimeout(LINGER_S)
    deadline = time.monotonic() + LINGER_S
    try:
        while time.monotonic() < deadline and stream.read(CHUNK_BYTES):
            pass
        if client is not None:
            client.settimeout(None)
    except OSError:
        return  # the client is gone
