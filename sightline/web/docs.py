"""The API's own documentation: OpenAPI document, Swagger UI and ReDoc, all from files on this machine.

The pages hold no inline script, so that the content security policy stays strict: what they run are the files and starters below.
"""

from pathlib import Path

import flask_openapi3_redoc
import flask_openapi3_swagger
from flask import Blueprint, Response, current_app, jsonify, send_from_directory

from sightline.errors import NotFound

docs = Blueprint("docs", __name__)

SWAGGER_FILES = Path(flask_openapi3_swagger.__file__).parent / "templates" / "swagger"
REDOC_FILES = Path(flask_openapi3_redoc.__file__).parent / "templates" / "redoc"
ASSETS = {
    "swagger-ui.css": SWAGGER_FILES / "css",
    "swagger-ui-bundle.js": SWAGGER_FILES / "js",
    "redoc.standalone.js": REDOC_FILES / "js",
}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sightline API</title>
<link rel="icon" href="/static/img/mark.svg">{head}</head><body><div id="docs"></div>{scripts}</body></html>
"""
STARTERS = {
    "start-swagger.js": "SwaggerUIBundle({url: '/openapi.json', dom_id: '#docs', deepLinking: true, validatorUrl: null});\n",
    "start-redoc.js": "Redoc.init('/openapi.json', {disableSearch: true}, document.getElementById('docs'));\n",
}


@docs.get("/openapi.json")
def document() -> Response:
    """The OpenAPI document."""
    return jsonify(current_app.api_doc)  # type: ignore[attr-defined]


@docs.get("/docs")
def swagger() -> str:
    """Swagger UI."""
    return _page('<link rel="stylesheet" href="/docs/assets/swagger-ui.css">', "swagger-ui-bundle.js", "start-swagger.js")


@docs.get("/redoc")
def redoc() -> str:
    """ReDoc."""
    return _page("", "redoc.standalone.js", "start-redoc.js")


@docs.get("/docs/assets/<name>")
def asset(name: str) -> Response:
    """The files that the two pages are made of. Raises: NotFound."""
    if name in STARTERS:
        return Response(STARTERS[name], mimetype="text/javascript")
    if name not in ASSETS:
        raise NotFound("There is no such file.")
    return send_from_directory(ASSETS[name], name, max_age=86400)


def _page(head: str, *scripts: str) -> str:
    return PAGE.format(head=head, scripts="".join(f'<script src="/docs/assets/{name}"></script>' for name in scripts))
