"""The pages for people: dashboard and login. Everything on them comes from the API. Runs in request threads."""

from typing import Any

from flask import Blueprint, jsonify, redirect, render_template, request, url_for

from sightline import __version__
from sightline.web.guard import maybe_identity

pages = Blueprint("pages", __name__)


@pages.get("/")
def index() -> Any:
    """The dashboard; for programs (Accept: application/json) what this service is."""
    if _wants_json():
        return jsonify(
            service="Sightline", version=__version__, status="running",
            endpoints={"dashboard": "/", "api": "/openapi.json", "docs": "/docs", "health": "/health", "stream": "/video_feed"},
        )  # fmt: skip
    if maybe_identity() is None:
        return redirect(url_for("pages.login"))
    return render_template("index.html", version=__version__)


@pages.get("/login")
def login() -> Any:
    """The login page; whoever is logged in goes on to the dashboard."""
    if maybe_identity() is not None:
        return redirect(url_for("pages.index"))
    return render_template("login.html", version=__version__)


def _wants_json() -> bool:
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
