"""People and programs that call the web app in tests, and what every error answer must look like."""

from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from sightline.web.services import EXTENSION, Services

PASSWORD = "correct horse battery"


@dataclass
class Caller:
    """A browser with a session: sends the CSRF token with unsafe requests."""

    client: FlaskClient
    csrf: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: object = None, **more: Any) -> Any:
        headers = {"X-CSRF-Token": self.csrf, **self.headers, **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        return self.client.open(path, method=method, headers=headers, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.send("GET", path, **more)

    def post(self, path: str, body: object = None, **more: Any) -> Any:
        return self.send("POST", path, body, **more)

    def patch(self, path: str, body: object = None) -> Any:
        return self.send("PATCH", path, body)

    def delete(self, path: str) -> Any:
        return self.send("DELETE", path)


def log_in(app: Flask, username: str, password: str = PASSWORD) -> Caller:
    client = app.test_client()
    answer = client.post("/api/login", json={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    return Caller(client, answer.json["csrf_token"])


def close(app: Flask) -> None:
    parts: Services = app.extensions[EXTENSION]
    parts.stop.set()
    parts.database.close()


def assert_problem(answer: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """Check that an answer is problem JSON of that status (and code), and gives nothing away; return it."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.content_type == "application/problem+json"
    body: dict[str, Any] = answer.json
    assert body["status"] == status and body["success"] is False
    assert body["message"] == body["detail"] and body["title"] and body["type"].startswith("urn:sightline:problem:")
    if code is not None:
        assert body["code"] == code, body
    assert "Traceback" not in answer.text and 'File "' not in answer.text
    return body
