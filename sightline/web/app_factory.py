"""Builds the Flask app: services, gate, routes, error answers, headers, Socket.IO. Starts nothing.

`app.create_app()` calls it in the web process; `start_background` is called once per process, after the fork.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix

import analyzers
from sightline import __version__
from sightline.settings import Settings
from sightline.storage import upload_origins
from sightline.web import errors, headers, lingering
from sightline.web.accounts import ensure_first_admin
from sightline.web.api import (
    cameras,
    chain,
    costs,
    counters,
    dashboard,
    doctor,
    identities,
    job_files,
    jobs,
    kept,
    models,
    operations,
    pictures,
    presets,
    remote_calls,
    session,
    tus,
    uploads,
    users,
    webhooks,
)
from sightline.web.docs import docs
from sightline.web.guard import Guard
from sightline.web.pages import pages
from sightline.web.schemas import PROBLEMS, Problem
from sightline.web.services import EXTENSION, Services
from sightline.web.sockets import SOCKETS_EXTENSION, Sockets

ROOT = Path(__file__).resolve().parents[2]
JSON_MAX_BYTES = 4 * 1024 * 1024
"""Largest body but an upload; an import of 1,000 cameras fits."""
SESSION_LIFETIME = timedelta(days=7)
SECURITY: dict[str, Any] = {
    "session": {"type": "apiKey", "in": "cookie", "name": "sightline_session"},
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}
RESOURCES = (
    session,
    users,
    cameras,
    chain,
    presets,
    costs,
    counters,
    pictures,
    kept,
    uploads,
    tus,
    jobs,
    job_files,
    webhooks,
    doctor,
    models,
    remote_calls,
    identities,
    dashboard,
    operations,
)


class _Sessions(SecureCookieSessionInterface):
    """Session cookies that are Secure whenever the browser came over HTTPS."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def create_app(settings: Settings) -> OpenAPI:
    """Build the app. Opens and migrates the database; makes the first admin."""
    analyzers.load()
    app = OpenAPI(
        "sightline.web",
        info=Info(title="Sightline", version=__version__, description="Live camera analytics"),
        security_schemes=SECURITY,
        responses=PROBLEMS,
        servers=None,
        validation_error_model=Problem,
        validation_error_callback=errors.refuse_invalid,
        doc_ui=False,
        static_folder=str(ROOT / "static"),
        static_url_path="/static",
        template_folder=str(ROOT / "templates"),
    )
    _configure(app, settings)
    parts = Services.build(settings)
    ensure_first_admin(parts.users, settings)
    app.extensions[EXTENSION] = parts
    guard = Guard(settings, parts.login)
    parts.metrics.install(app)
    guard.install(app)
    headers.install(app, guard, upload_origins(settings))
    errors.install(app)
    lingering.install(app)
    for module in RESOURCES:
        app.register_api(module.api)
    app.register_blueprint(pages)
    app.register_blueprint(docs)
    app.extensions[SOCKETS_EXTENSION] = Sockets(app, parts, guard)
    return app


def start_background(app: Flask) -> None:
    """Start the threads of this process: the feed of each engine. Once per process, after the fork."""
    app.extensions[SOCKETS_EXTENSION].start()


def stop_background(app: Flask) -> None:
    """Let the threads and the open streams of this process end. Safe in a signal handler."""
    app.extensions[SOCKETS_EXTENSION].stop()


def _configure(app: OpenAPI, settings: Settings) -> None:
    app.secret_key = settings.derived_key("session")
    app.session_interface = _Sessions()
    app.config.update(
        SESSION_COOKIE_NAME="sightline_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=SESSION_LIFETIME,
        MAX_CONTENT_LENGTH=JSON_MAX_BYTES,
        TRAP_HTTP_EXCEPTIONS=False,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.trusted_proxies:
        n = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)  # type: ignore[method-assign]
