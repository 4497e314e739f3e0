"""The deployment files are true: compose fits its schema, names real settings, and runs what exists; the image is complete."""

import http.server
import importlib.util
import json
import os
import re
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from sightline.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
COMPOSE_SCHEMA = Path("/usr/lib/python3/dist-packages/compose/config/compose_spec.json")
OURS = ("web", "engine", "worker", "jobs")
GIVEN = {"POSTGRES_PASSWORD": "word"}


def substituted(value: Any) -> Any:
    """Compose's own `${NAME:-default}` and `${NAME:?message}`, in values only."""
    if isinstance(value, dict):
        return {key: substituted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [substituted(each) for each in value]
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda m: GIVEN.get(m[1], m[2] or ""), value)
    return value


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(substituted(yaml.safe_load((ROOT / "docker-compose.yml").read_text())))


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    return dict(compose["services"])


def test_compose_fits_its_schema(compose: dict[str, Any], require: Callable[..., str]) -> None:
    if not COMPOSE_SCHEMA.exists():
        require("docker-compose", "the compose schema (package docker-compose) is not installed")
    jsonschema.Draft201909Validator(json.loads(COMPOSE_SCHEMA.read_text())).validate(compose)


def test_compose_itself_accepts_the_file(require: Callable[..., str]) -> None:
    command = [require("docker-compose"), "--file", "docker-compose.yml", "config", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **GIVEN}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_all_parts_are_there(services: dict[str, Any]) -> None:
    assert set(services) == {*OURS, "nginx", "postgres", "redis"}


def test_only_nginx_can_be_reached_from_outside(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_and_its_value_is_taken(services: dict[str, Any], name: str) -> None:
    environment = {key: str(value) for key, value in services[name]["environment"].items()}
    known = {str(v) for f in Settings.model_fields.values() for v in getattr(f.validation_alias, "choices", [f.validation_alias])}
    assert set(environment) - known == set()
    settings = Settings.from_env(environment)
    assert settings.database_url == "postgresql://sightline:word@postgres:5432/sightline"
    assert settings.auth == "on"


def test_addresses_of_the_parts_fit_together(services: dict[str, Any]) -> None:
    web, engine, nginx = (services[name]["environment"] for name in ("web", "engine", "nginx"))
    port = engine["ENGINE_BIND"].rpartition(":")[2]
    assert web["ENGINES"] == f"http://engine:{port}"
    assert nginx["ENGINE_ADDRESS"] == f"engine:{port}"
    assert nginx["WEB_ADDRESS"] == f"web:{web['PORT']}"
    assert (web["ACCEL_REDIRECT"], web["TRUSTED_PROXIES"]) == ("1", "1")
    assert services["nginx"]["ports"][0].endswith(f":{nginx['NGINX_LISTEN']}")


def test_what_keeps_data_has_a_named_volume(compose: dict[str, Any], services: dict[str, Any]) -> None:
    named = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", []) if volume[0] != "."}
    assert named == set(compose["volumes"]) == {"data", "postgres", "redis"}
    assert {services[name]["volumes"][0] for name in OURS} == {"data:/data"}


def test_nothing_has_more_rights_than_it_needs(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert not service.get("privileged"), name
        assert "no-new-privileges:true" in service["security_opt"], name
    assert all(services[name]["read_only"] and services[name]["cap_drop"] == ["ALL"] for name in (*OURS, "nginx", "redis"))
    assert "user" not in services["web"]  # the image's own, which is not root


def test_everything_with_a_port_has_a_health_check(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "healthcheck" not in service] == ["worker", "jobs"]


def test_secrets_come_from_outside(services: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    lines = [line for line in text.splitlines() if re.search(r"(PASSWORD|SECRET|KEY_ID)\w*:", line)]
    assert lines and all("${" in line for line in lines)


def test_the_commands_and_mounted_files_exist(services: dict[str, Any]) -> None:
    for name in OURS:
        words = services[name]["command"]
        module = "gunicorn" if words[0] == "gunicorn" else words[2]
        assert importlib.util.find_spec(module), module
    assert importlib.util.find_spec("sightline.web.gunicorn_conf")
    mounts = [volume.split(":")[0] for volume in services["nginx"]["volumes"]]
    assert [mount for mount in mounts if not (ROOT / mount).exists()] == []


def test_the_image_is_not_root_and_has_every_source_folder() -> None:
    text = (ROOT / "infrastructure" / "Dockerfile").read_text()
    stages = text.split("\nFROM ")
    assert re.findall(r"^USER (\S+)", stages[-1], re.M) == ["sightline"]
    assert "--no-deps -r /requirements.lock" in text
    copied = [line.split()[1] for line in text.splitlines() if line.startswith("COPY ") and "--from" not in line]
    assert [path for path in copied if not (ROOT / path).exists()] == []
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert [path for path in copied if not any(entry.startswith(path) or path.startswith(entry) for entry in allowed)] == []
    assert {"app.py", "sightline", "analyzers", "templates", "static", "models"} <= set(copied)


@pytest.mark.system
def test_the_files_of_the_image_are_all_that_is_needed(product: Callable[..., Any], tmp_path: Path) -> None:
    image = tmp_path / "app"
    image.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "*.onnx", "*.part")
    for name in ("analyzers", "sightline", "templates", "static", "models"):
        shutil.copytree(ROOT / name, image / name, ignore=ignored)
    shutil.copy(ROOT / "app.py", image)
    before = {path.relative_to(image) for path in image.rglob("*")}
    running = product(root=image, PYTHONDONTWRITEBYTECODE="1")
    client = running.login()
    assert "Sightline" in client.get("/").text
    assert client.get("/health/readiness").status_code == 200
    assert running.stop() == 0
    # The container's file system is read-only: nothing may be written beside the program.
    assert {path.relative_to(image) for path in image.rglob("*")} == before


class Healthy(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path in ("/health", "/health/liveness") else 404)
        self.end_headers()

    def log_message(self, *_words: object) -> None: ...

    def address_string(self) -> str:
        return "client"  # a Unix socket's peer has no host to name


class Ill(Healthy):
    status = 503


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def check(process: str, **environment: str) -> int:
    command = [sys.executable, "-m", "sightline.pulse", process]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True).returncode


@pytest.mark.parametrize(("handler", "code"), [(Healthy, 0), (Ill, 1)])
def test_the_health_check_asks_the_web_process(handler: type[Healthy], code: int) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with serving(server):
        assert check("web", PORT=str(server.server_port)) == code


@pytest.mark.parametrize(("handler", "code"), [(Healthy, 0), (Ill, 1)])
def test_the_health_check_asks_the_engine_over_its_socket(settings: Settings, handler: type[Healthy], code: int) -> None:
    settings.engine_socket.parent.mkdir(parents=True)
    with serving(socketserver.ThreadingUnixStreamServer(str(settings.engine_socket), handler)):
        assert check("engine", DATA_DIR=str(settings.data_dir)) == code


def test_the_health_check_fails_when_nobody_answers(settings: Settings, free_port: int) -> None:
    assert check("web", PORT=str(free_port)) == 1
    assert check("engine", DATA_DIR=str(settings.data_dir)) == 1
