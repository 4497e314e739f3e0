"""Socket.IO over real WebSockets, on gunicorn and on eventlet: pushes, rooms, access, a dying engine, the end of the server."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.callers import PASSWORD
from tests.web.installation import EngineProcess, WebServer
from tests.web.socket_client import SocketClient

pytestmark = pytest.mark.system


class Site:
    """Engine and web server of one installation."""

    def __init__(self, engine: EngineProcess, web: WebServer) -> None:
        self.engine = engine
        self.web = web

    def connect(self, client: httpx.Client, **more: Any) -> SocketClient:
        return SocketClient(self.web.url, cookie=f"sightline_session={client.cookies['sightline_session']}", **more)


@pytest.fixture(scope="module", params=["threading", "eventlet"])
def site(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    wait_until: Callable[..., None],
    free_ports: Callable[[], int],
) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    environment = {
        "DATA_DIR": str(folder), "ADMIN_PASSWORD": PASSWORD, "VIDEO_FILE_PATH": "demo:?size=320x180&fps=10",
        "PORT": str(free_ports()), "DISK_RESERVE": "0", "SOCKETIO_ASYNC_MODE": request.param,
    }  # fmt: skip
    engine, web = EngineProcess(folder, environment), WebServer(folder, environment)
    engine.start(wait_until)
    web.start(wait_until)
    with web.logged_in() as admin:
        body = {"username": "guest", "password": PASSWORD, "role": "viewer", "cameras": ["garden"]}
        assert admin.post("/api/users", json=body).status_code == 201
    yield Site(engine, web)
    if web.process is not None and web.process.poll() is None:
        assert web.stop() == 0
    engine.kill()


@pytest.fixture
def admin(site: Site) -> Iterator[httpx.Client]:
    with site.web.logged_in() as client:
        yield client


def test_a_subscriber_gets_statistics_findings_and_states(site: Site, admin: httpx.Client) -> None:
    socket = site.connect(admin)
    assert socket.call("subscribe", {"camera": "default"}) == {"success": True, "camera": "default"}

    stats = socket.wait_for("stats", camera="default")
    assert stats["fps"] > 0 and {"latency_ms", "stages", "viewers"} <= stats.keys()
    admin.patch("/api/cameras/default/options", json={"motion_detection": True}).raise_for_status()
    assert socket.wait_for("findings", camera="default")["findings"][0]["analyzer"] == "motion_detection"
    admin.post("/api/cameras/default/stop").raise_for_status()
    assert socket.wait_for("camera", camera="default", state="stopped")
    admin.post("/api/cameras/default/start").raise_for_status()
    assert socket.wait_for("camera", camera="default", state="live")
    assert socket.call("unsubscribe", {"camera": "default"})["success"]
    socket.listen(0.3)
    assert "stats" not in socket.listen(1.5)
    socket.close()


def test_strangers_and_foreign_pages_do_not_get_in(site: Site, admin: httpx.Client) -> None:
    with pytest.raises(ConnectionError, match="login_needed"):
        SocketClient(site.web.url)
    with pytest.raises(ConnectionError, match="bad_token"):
        SocketClient(site.web.url, auth={"token": "e30.e30.e30"})
    knock = {"EIO": "4", "transport": "polling"}
    assert admin.get("/socket.io/", params=knock, headers={"Origin": "https://evil.example"}).status_code == 400
    assert admin.get("/socket.io/", params=knock, headers={"Origin": site.web.url}).status_code == 200
    site.connect(admin, origin="http://127.0.0.1").close()  # this client leaves the port out of its Host header


def test_a_program_comes_in_with_a_token(site: Site) -> None:
    token = httpx.post(site.web.url + "/api/token", json={"username": "admin", "password": PASSWORD}).json()["access_token"]

    socket = SocketClient(site.web.url, auth={"token": token})

    assert socket.call("subscribe", {"camera": "default"})["success"]
    assert socket.wait_for("stats", camera="default")
    socket.close()


@pytest.mark.parametrize("data", [None, "default", 7, [], {}, {"camera": None}, {"camera": ["default"]}])
def test_a_subscription_to_nothing_is_refused(site: Site, admin: httpx.Client, data: object) -> None:
    socket = site.connect(admin)

    assert socket.call("subscribe", data)["error"]["code"] == "invalid"
    socket.close()


def test_a_viewer_gets_nothing_of_cameras_that_are_not_theirs(site: Site, admin: httpx.Client) -> None:
    with site.web.logged_in("guest") as guest:
        socket = site.connect(guest)
        refusal = socket.call("subscribe", {"camera": "default"})
        assert refusal["success"] is False and refusal["error"]["code"] == "camera_forbidden"
        admin.post("/api/cameras/default/stop").raise_for_status()
        admin.post("/api/cameras/default/start").raise_for_status()

        assert socket.listen(1.5) == []
        assert socket.call("subscribe", {"camera": "garden"})["success"]
        socket.close()


def test_a_changed_account_loses_its_socket(site: Site, admin: httpx.Client) -> None:
    made = admin.post("/api/users", json={"username": "leaver", "password": PASSWORD}).json()
    with site.web.logged_in("leaver") as leaver:
        socket = site.connect(leaver)
        admin.delete(f"/api/users/{made['id']}").raise_for_status()

        socket.wait_closed()


def test_a_socket_that_says_it_is_gone_is_gone(site: Site, admin: httpx.Client) -> None:
    socket = site.connect(admin)
    socket.call("subscribe", {"camera": "default"})

    socket.send("disconnect", "transport close")

    socket.wait_closed()


def test_nobody_becomes_somebody_else_on_an_open_socket(site: Site, admin: httpx.Client) -> None:
    with site.web.logged_in("guest") as guest:
        token = admin.post("/api/token", json={"username": "admin", "password": PASSWORD}).json()["access_token"]
        socket = site.connect(guest)

        socket.send("connect", {}, {"token": token})

        assert socket.call("subscribe", {"camera": "default"})["error"]["code"] == "camera_forbidden"
        socket.close()


def test_a_dead_engine_is_reported_and_its_return_too(site: Site, admin: httpx.Client, wait_until: Callable[..., None]) -> None:
    socket = site.connect(admin)
    socket.call("subscribe", {"camera": "default"})

    site.engine.kill()
    assert socket.wait_for("camera", camera="default", reason="engine_unavailable")["state"] == "idle"
    assert admin.get("/api/cameras/default").json()["reason"] == "engine_unavailable"
    health = admin.get("/health")
    assert health.status_code == 503 and health.json()["failing"] == ["engine"]
    # What is changed meanwhile counts when the engine is back.
    admin.patch("/api/cameras/default/options", json={"grayscale": True}).raise_for_status()

    site.engine.start(wait_until)
    assert socket.wait_for("camera", camera="default", state="live")
    assert socket.wait_for("stats", camera="default")
    assert any(row["name"] == "grayscale" for row in admin.get("/api/stats").json()["stages"])
    socket.close()


def test_a_stop_ends_streams_and_sockets(site: Site, admin: httpx.Client) -> None:
    socket = site.connect(admin)
    with admin.stream("GET", "/video_feed") as stream:
        next(stream.iter_bytes())
        assert site.web.process is not None
        site.web.process.send_signal(signal.SIGTERM)
        assert site.web.process.wait(30) == 0
    socket.wait_closed()
    assert "Traceback" not in site.web.log
