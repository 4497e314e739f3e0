"""Who may talk to the engine. The Unix socket is trusted (only our own user can open it); TCP needs the key or a signed address."""

import hmac
import time

from aiohttp import web
from aiohttp.typedefs import Middleware

from sightline.engine.errors import Handler
from sightline.errors import Unauthenticated
from sightline.media.signing import verify_path
from sightline.settings import Settings

KEY_HEADER = "X-Sightline-Key"


def guard(settings: Settings) -> Middleware:
    """The middleware that stands before every route on TCP."""
    engine_key = settings.derived_key("engine").encode()
    media_key = settings.derived_key("media")

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get(KEY_HEADER, "").encode(errors="replace")
        if hmac.compare_digest(given, engine_key) or _is_signed(request, media_key):
            return await handler(request)
        raise Unauthenticated("This address needs the engine's key or a valid signature.", code="engine_key_required")

    return check


def _is_signed(request: web.Request, media_key: str) -> bool:
    if not (request.path.startswith("/media/") or request.path == "/health"):
        return False
    # Only reading can be signed, and only the path exactly as it was sent.
    return request.method == "GET" and verify_path(media_key, request.raw_path, time.time())
