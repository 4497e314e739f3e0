"""The gate before every view: host, origin, login, role, CSRF token, camera access, well-formed JSON. Refuses by default.

Installed by `app_factory` as `before_request`; runs in the request's thread.
"""

import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import Flask, g, request
from werkzeug.exceptions import BadRequest

from sightline.errors import Forbidden, Invalid, Unauthenticated, Unsupported
from sightline.records.cameras import DEFAULT_CAMERA
from sightline.settings import Settings, is_loopback_host
from sightline.web.accounts import Identity
from sightline.web.login import Login, check_csrf
from sightline.web.policy import DEFAULT_CAMERA_ENDPOINTS, ENDPOINTS, PUBLIC, Public

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
METRICS_ENDPOINT = "operations.metrics"
MULTIPART_ENDPOINTS = frozenset({
    "uploads.upload_video", "jobs.add_job", "identities.add_identity", "identities.add_pictures",
    "tus.add", "tus.write", "tus.override", "remote_calls.runpod_call",
})  # fmt: skip
"""Whose bodies are no JSON."""


class Guard:
    """Checks one request after the other; holds no state of them."""

    def __init__(self, settings: Settings, login: Login) -> None:
        self._login = login
        self._metrics_token = settings.metrics_token.get_secret_value()
        self._origins = frozenset(o.strip().rstrip("/").lower() for o in settings.cors_origins.split(",") if o.strip())

    def install(self, app: Flask) -> None:
        app.before_request(self.check)

    def check(self) -> None:
        """Let the request through, or raise the error it gets."""
        if self._login.is_off:
            check_host(request.host)
        if request.endpoint is None or request.method == "OPTIONS":
            return  # an unknown address or a preflight: nothing behind it runs
        if request.method not in SAFE_METHODS and not self.is_allowed_origin(request.headers.get("Origin"), request.environ):
            raise Forbidden("This page may not send requests to Sightline (see CORS_ORIGINS).", code="bad_origin")
        self._check_access(request.endpoint)
        if request.method not in SAFE_METHODS and request.endpoint not in MULTIPART_ENDPOINTS:
            _check_json()

    def is_allowed_origin(self, origin: str | None, environ: Mapping[str, object]) -> bool:
        """Whether a page of `origin` may send requests here. Programs send no Origin header."""
        if origin is None:
            return environ.get("HTTP_SEC_FETCH_SITE") not in ("cross-site", "same-site")
        if origin.lower() in self._origins:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False  # no browser sends such a thing
        # The scheme is left out: a TLS proxy that is not counted in TRUSTED_PROXIES makes it look different.
        return parts.netloc.lower() == str(environ.get("HTTP_HOST", "")).lower() and parts.scheme in ("http", "https")

    def is_listed_origin(self, origin: str | None) -> bool:
        """Whether CORS_ORIGINS names `origin`."""
        return origin is not None and origin.lower() in self._origins

    def _check_access(self, endpoint: str) -> None:
        access = ENDPOINTS.get(endpoint)
        if access is None:
            raise Forbidden("Nobody may call this address.", code="not_in_policy")
        if endpoint == METRICS_ENDPOINT and self._is_scraper():
            return
        identity = self._identify(is_public=access is PUBLIC)
        if isinstance(access, Public):
            return
        if identity is None:
            raise Unauthenticated("Log in first.", code="login_needed")
        if identity.by_session and request.method not in SAFE_METHODS:
            check_csrf(request)
        identity.must_be(access)
        camera_id = DEFAULT_CAMERA if endpoint in DEFAULT_CAMERA_ENDPOINTS else (request.view_args or {}).get("camera_id")
        if camera_id is not None:
            identity.must_see(camera_id)

    def _is_scraper(self) -> bool:
        """Whether Prometheus asks, with METRICS_TOKEN."""
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        is_right = secrets.compare_digest(sent.strip().encode(), self._metrics_token.encode())
        return bool(self._metrics_token) and scheme.lower() == "bearer" and is_right

    def _identify(self, *, is_public: bool) -> Identity | None:
        try:
            g.identity = self._login.identify(request)
        except Unauthenticated:
            if not is_public:
                raise
            g.identity = None  # an old token must not lock its owner out of the login itself
        identity: Identity | None = g.identity
        return identity


def current_identity() -> Identity:
    """Who sends this request. Only for views that are not public."""
    identity = maybe_identity()
    if identity is None:
        raise Unauthenticated("Log in first.", code="login_needed")
    return identity


def maybe_identity() -> Identity | None:
    """Who sends this request, or None: for public views."""
    identity: Identity | None = g.get("identity")
    return identity


def check_host(host_and_port: str) -> None:
    """Raises: Forbidden, unless a browser was sent here as localhost. For AUTH=off."""
    # Without a login the Host header is what tells a DNS-rebinding page from our own.
    try:
        host = urlsplit("//" + host_and_port).hostname or ""
    except ValueError:
        host = ""
    if not is_loopback_host(host):
        raise Forbidden("With AUTH=off Sightline answers on localhost only.", code="bad_host")


def _check_json() -> None:
    """Refuse a body that is not JSON, before a view takes it for an empty one."""
    if not request.content_length and "Transfer-Encoding" not in request.headers:
        return
    if not request.is_json:
        raise Unsupported("Send the body as JSON, with Content-Type: application/json.", code="not_json")
    try:
        request.get_json()
    except (BadRequest, RecursionError) as err:
        if getattr(err, "code", 400) != 400:
            raise
        raise Invalid("The body is not valid JSON.", code="bad_json") from err
