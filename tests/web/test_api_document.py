"""The OpenAPI document, its pages, the security headers, and the pages for people."""

import re
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from sightline.web import policy
from tests.web.callers import Caller, assert_problem

SEED_ROUTES = [
    ("get", "/video_feed"), ("post", "/api/start_camera"), ("post", "/api/stop_camera"), ("post", "/api/toggle_processing"),
    ("post", "/api/update_options"), ("get", "/api/get_options"), ("post", "/api/save_frame"), ("post", "/api/cloud_upload"),
    ("get", "/api/stats"), ("post", "/api/reset_stats"), ("post", "/api/start_tracking"), ("post", "/api/stop_tracking"),
    ("get", "/api/advanced_options"), ("post", "/api/upload_video"), ("get", "/api/stream_config"), ("post", "/api/stream_config"),
    ("post", "/api/export_data"), ("post", "/api/model_download"), ("get", "/health"), ("get", "/health/"),
    ("get", "/health/detailed"), ("get", "/health/readiness"), ("get", "/health/liveness"), ("get", "/api/health"),
]  # fmt: skip
PAGES = frozenset({"static", "pages.index", "pages.login", "docs.document", "docs.swagger", "docs.redoc", "docs.asset"})


@pytest.fixture
def document(nobody: Caller) -> dict[str, Any]:
    answer = nobody.get("/openapi.json")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json
    return body


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)  # type: ignore[arg-type]


@pytest.mark.parametrize(("method", "path"), SEED_ROUTES)
def test_every_promised_route_is_there(document: dict[str, Any], method: str, path: str) -> None:
    operation = document["paths"][path][method]

    assert operation["summary"] and operation["responses"]["4XX"]


def test_every_route_of_the_app_is_documented(app: Flask, document: dict[str, Any]) -> None:
    documented = {(path, method.upper()) for path, item in document["paths"].items() for method in item}

    for rule in app.url_map.iter_rules():
        if rule.endpoint in PAGES:
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert (path, method) in documented, rule
    assert set(policy.ENDPOINTS) >= PAGES


def test_errors_are_documented_as_problems(document: dict[str, Any]) -> None:
    problem = document["components"]["schemas"]["Problem"]

    assert {"type", "title", "status", "detail", "code", "message", "success"} <= problem["properties"].keys()
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["responses"]["422"]["content"]["application/json"]["schema"]["$ref"].endswith("/Problem")


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_pages_load_nothing_from_elsewhere_and_run_no_inline_script(nobody: Caller, page: str) -> None:
    answer = nobody.get(page)

    assert answer.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert addresses and all(address.startswith(("/docs/assets/", "/static/")) for address in addresses)
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*src=)", answer.text)
    for address in addresses:
        asset = nobody.get(address)
        assert asset.status_code == 200 and asset.content_length
        asset.close()
    assert_problem(nobody.get("/docs/assets/nothing.js"), 404)


@pytest.mark.parametrize("path", ["/login", "/health/liveness", "/api/me", "/no/such/page", "/static/img/no-signal.jpg", "/docs"])
def test_every_answer_carries_the_security_headers(nobody: Caller, path: str) -> None:
    answer = nobody.get(path)

    csp = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in csp and "frame-ancestors 'none'" in csp and "object-src 'none'" in csp
    assert "unsafe-eval" not in csp and "unsafe-inline" not in csp.split("script-src", 1)[1].split(";", 1)[0]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    answer.close()


def test_the_front_door(nobody: Caller, viewer: Caller) -> None:
    info = nobody.get("/", headers={"Accept": "application/json"}).json
    assert (
        info["service"] == "Sightline" and info["version"] and info["status"] == "running" and "/docs" in info["endpoints"].values()
    )
    away = nobody.get("/", headers={"Accept": "text/html"})
    assert away.status_code == 302 and away.headers["Location"].endswith("/login")
    assert nobody.get("/login").status_code == 200
    assert viewer.get("/login").status_code == 302
    page = viewer.get("/")
    assert page.status_code == 200 and "text/html" in page.content_type
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.text) and not re.search(r"\son\w+=", page.text)
