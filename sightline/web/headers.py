"""Headers of every answer: security, caching, CORS. Installed by `app_factory`; runs in the request's thread."""

from collections.abc import Sequence

from flask import Flask, Response, request

from sightline.web.guard import Guard

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
CSP_DOCS = CSP.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'") + "; worker-src 'self' blob:"
"""Swagger UI and ReDoc write style elements; scripts stay limited to files of our own."""
DOC_PAGES = frozenset({"docs.swagger", "docs.redoc"})

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

ALLOWED_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, Tus-Resumable, Upload-Length, Upload-Metadata, Upload-Offset, Upload-Checksum"
)
EXPOSED_HEADERS = (
    "Location, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Upload-Offset, Upload-Length, Upload-Expires, "
    "Sightline-Asset"
)


def install(app: Flask, guard: Guard, upload_origins: Sequence[str] = ()) -> None:
    """Add the headers to every answer of `app`. `upload_origins`: where pages may send videos besides us."""
    page = CSP.replace("ws: wss:", " ".join(("ws: wss:", *upload_origins)))

    def add(response: Response) -> Response:
        for name, value in ALWAYS.items():
            response.headers.setdefault(name, value)
        response.headers["Content-Security-Policy"] = CSP_DOCS if request.endpoint in DOC_PAGES else page
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "no-store")
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        _add_cors(response, guard)
        return response

    app.after_request(add)


def _add_cors(response: Response, guard: Guard) -> None:
    origin = request.headers.get("Origin")
    if not guard.is_listed_origin(origin):
        # Other pages may not even embed our pictures, which a login cookie or AUTH=off would otherwise give them.
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return
    response.headers["Access-Control-Allow-Origin"] = str(origin)
    response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
    response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, PATCH, DELETE"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.vary.add("Origin")
