"""A real engine, the web app on the same DATA_DIR, and people of every role."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from sightline.settings import Settings
from sightline.web.accounts import hash_password
from sightline.web.app_factory import create_app
from sightline.web.services import EXTENSION, Services
from tests.web.callers import PASSWORD, Caller, close, log_in
from tests.web.installation import EngineProcess

DEMO = "demo:?size=320x180&fps=15"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings of the shared installation."""
    folder = tmp_path_factory.mktemp("installation")
    return {"DATA_DIR": str(folder), "ADMIN_PASSWORD": PASSWORD, "VIDEO_FILE_PATH": DEMO, "DISK_RESERVE": "0"}


@pytest.fixture(scope="session")
def engine(environment: dict[str, str], wait_until: Callable[..., None]) -> Iterator[EngineProcess]:
    """The shared engine; its default camera is a small demo scene."""
    process = EngineProcess(Path(environment["DATA_DIR"]), environment)
    process.start(wait_until)
    yield process
    process.kill()


def make_app(environment: dict[str, str]) -> Flask:
    """The web app with an account of every role."""
    made = create_app(Settings.from_env(environment))
    made.testing = False
    parts: Services = made.extensions[EXTENSION]
    for role in ("viewer", "operator"):
        parts.users.add(role, hash_password(PASSWORD), role)
    parts.users.add("guest", hash_password(PASSWORD), "operator", ["garden"])
    return made


@pytest.fixture(scope="session")
def app(engine: EngineProcess, environment: dict[str, str]) -> Iterator[Flask]:
    """The web app of the shared installation."""
    made = make_app(environment)
    yield made
    close(made)


@pytest.fixture(scope="module")
def app_without_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The web app on a DATA_DIR of the file's own; a file whose tests need no picture takes it as its `app`."""
    made = make_app({"DATA_DIR": str(tmp_path_factory.mktemp("web")), "ADMIN_PASSWORD": PASSWORD, "DISK_RESERVE": "0"})
    yield made
    close(made)


@pytest.fixture
def parts(app: Flask) -> Services:
    """The services of the shared app."""
    services: Services = app.extensions[EXTENSION]
    return services


@pytest.fixture
def nobody(app: Flask) -> Caller:
    """Somebody who is not logged in."""
    return Caller(app.test_client())


@pytest.fixture
def admin(app: Flask) -> Caller:
    return log_in(app, "admin")


@pytest.fixture
def operator(app: Flask) -> Caller:
    return log_in(app, "operator")


@pytest.fixture
def viewer(app: Flask) -> Caller:
    return log_in(app, "viewer")


@pytest.fixture
def guest(app: Flask) -> Caller:
    """An operator who may see the camera `garden` only."""
    return log_in(app, "guest")


@pytest.fixture
def lonely_app(tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """`lonely_app(AUTH="off")` builds an app on a DATA_DIR of its own, without an engine."""
    made: list[Flask] = []

    def build(**changes: str) -> Flask:
        environment = {"DATA_DIR": str(tmp_path / f"var{len(made)}"), "ADMIN_PASSWORD": PASSWORD, "DISK_RESERVE": "0", **changes}
        made.append(create_app(Settings.from_env(environment)))
        return made[-1]

    yield build
    for app in made:
        close(app)
