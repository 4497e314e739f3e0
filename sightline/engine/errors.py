"""Errors of the engine's API as problem JSON (RFC 9457). The engine's table from error class to status is here."""

import json
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from sightline.errors import (
    AnalyzerError,
    Conflict,
    EngineUnavailable,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    SightlineError,
    SourceError,
    StorageError,
    TooLarge,
    Unauthenticated,
    Unsupported,
)

log = logging.getLogger(__name__)

STATUS: dict[type[SightlineError], int] = {
    Invalid: 422, Forbidden: 403, Unauthenticated: 401, NotFound: 404, Conflict: 409, TooLarge: 413, RateLimited: 429,
    Unsupported: 415, SourceError: 502, AnalyzerError: 500, StorageError: 503, EngineUnavailable: 503,
}  # fmt: skip

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error of a handler into a problem answer."""
    try:
        return await handler(request)
    except SightlineError as err:
        return problem(STATUS.get(type(err), 500), err.code, err.message, err.facts)
    except web.HTTPException as err:
        if err.status < 400:
            raise
        return problem(err.status, _code(err.reason), f"{err.reason}: {request.method} {request.path}", {})
    except ConnectionError:
        raise  # the client went away: there is nobody to answer
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return problem(500, "internal_error", "The engine met an unexpected error; its log says more.", {})


def problem(status: int, code: str, detail: str, facts: dict[str, object]) -> web.Response:
    title = code.replace("_", " ").capitalize()
    body = {**facts, "type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    return web.Response(status=status, content_type="application/problem+json", text=json.dumps(body, default=str))


def _code(reason: str) -> str:
    return reason.lower().replace(" ", "_")
