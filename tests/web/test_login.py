"""Sessions, tokens, CSRF, the brake on guessing, the first admin, and AUTH=off."""

import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from flask import Flask

from sightline.settings import Settings
from sightline.web.accounts import hash_password
from sightline.web.services import EXTENSION, Services
from tests.web.callers import PASSWORD, Caller, assert_problem, log_in


def parts_of(app: Flask) -> Services:
    services: Services = app.extensions[EXTENSION]
    return services


def token_of(app: Flask, username: str = "admin") -> str:
    answer = app.test_client().post("/api/token", json={"username": username, "password": PASSWORD})
    assert answer.status_code == 200 and answer.json["token_type"] == "bearer" and answer.json["expires_in"] > 0
    return str(answer.json["access_token"])


def by_token(app: Flask, token: str) -> Caller:
    return Caller(app.test_client(), headers={"Authorization": f"Bearer {token}"})


def test_a_session_cookie_is_kept_from_scripts(lonely_app: Any) -> None:
    answer = lonely_app().test_client().post("/api/login", json={"username": "admin", "password": PASSWORD})

    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" not in cookie
    assert answer.json["user"] == {"username": "admin", "role": "admin"}


def test_the_cookie_is_secure_over_https(lonely_app: Any) -> None:
    client = lonely_app(TRUSTED_PROXIES="1").test_client()

    answer = client.post("/api/login", json={"username": "admin", "password": PASSWORD}, headers={"X-Forwarded-Proto": "https"})

    assert "Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"]


def test_me_and_logout(lonely_app: Any) -> None:
    caller = log_in(lonely_app(), "admin")

    me = caller.get("/api/me").json
    assert me == {"username": "admin", "role": "admin", "cameras": None, "csrf_token": caller.csrf}
    assert caller.post("/api/logout", {}).status_code == 200
    assert_problem(caller.get("/api/me"), 401, "login_needed")


def test_a_bearer_token_needs_no_csrf_token(lonely_app: Any) -> None:
    app = lonely_app()
    caller = by_token(app, token_of(app))

    assert caller.get("/api/me").json["username"] == "admin"
    assert caller.post("/api/users", {"username": "eve", "password": PASSWORD}).status_code == 201


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 1},
        {"aud": "something else"},
        {"sub": "999"},
        {"sub": "admin"},
        {"ver": 99},
        {"exp": None},
    ],
)
def test_tokens_that_are_not_quite_right_are_refused(lonely_app: Any, claims: dict[str, Any]) -> None:
    app = lonely_app()
    key = parts_of(app).settings.derived_key("token")
    good = jwt.decode(token_of(app), key, algorithms=["HS256"], audience="sightline-api")
    changed = {name: value for name, value in {**good, **claims}.items() if value is not None}

    assert_problem(by_token(app, jwt.encode(changed, key, algorithm="HS256")).get("/api/me"), 401, "bad_token")


def test_a_token_without_signature_or_with_another_key_is_refused(lonely_app: Any) -> None:
    app = lonely_app()
    claims = jwt.decode(token_of(app), options={"verify_signature": False})

    for forged in (jwt.encode(claims, "", algorithm="none"), jwt.encode(claims, "x" * 64, algorithm="HS256")):
        assert_problem(by_token(app, forged).get("/api/me"), 401, "bad_token")


def test_a_new_password_ends_other_sessions_and_tokens(lonely_app: Any) -> None:
    app = lonely_app()
    here, elsewhere, program = log_in(app, "admin"), log_in(app, "admin"), by_token(app, token_of(app))

    assert_problem(here.post("/api/me/password", {"old": "wrong password", "new": "another password"}), 401, "wrong_password")
    assert_problem(here.post("/api/me/password", {"old": PASSWORD, "new": "short"}), 422, "weak_password")
    answer = here.post("/api/me/password", {"old": PASSWORD, "new": "another password"})

    assert answer.status_code == 200
    here.csrf = answer.json["csrf_token"]
    assert here.get("/api/me").status_code == 200
    assert_problem(elsewhere.get("/api/me"), 401, "login_needed")
    assert_problem(program.get("/api/me"), 401, "bad_token")


def test_a_changed_role_or_deletion_counts_at_once(lonely_app: Any) -> None:
    app = lonely_app()
    users = parts_of(app).users
    user = users.add("olga", hash_password(PASSWORD), "operator")
    olga = log_in(app, "olga")
    assert olga.get("/api/uploads").status_code == 200

    users.update(user.id, role="viewer")
    assert_problem(olga.get("/api/uploads"), 403, "role_too_low")
    users.delete(user.id)
    assert_problem(olga.get("/api/me"), 401, "login_needed")


def test_five_wrong_passwords_lock_this_name_from_this_address_only(lonely_app: Any) -> None:
    app = lonely_app(TRUSTED_PROXIES="1")
    client = app.test_client()

    def attempt(password: str, address: str = "10.0.0.1", username: str = "admin") -> Any:
        headers = {"X-Forwarded-For": address}
        return client.post("/api/login", json={"username": username, "password": password}, headers=headers)

    for _ in range(5):
        assert_problem(attempt("wrong"), 401, "wrong_password")
    locked = attempt(PASSWORD)
    body = assert_problem(locked, 429, "too_many_logins")
    assert 1 <= body["retry_after_s"] <= 300 and int(locked.headers["Retry-After"]) == body["retry_after_s"]
    assert attempt(PASSWORD, address="10.0.0.2").status_code == 200


def test_twenty_failures_lock_an_address_whatever_the_names(lonely_app: Any) -> None:
    client = lonely_app().test_client()
    for number in range(20):
        assert_problem(client.post("/api/token", json={"username": f"user{number}", "password": "wrong"}), 401)

    assert_problem(client.post("/api/login", json={"username": "admin", "password": PASSWORD}), 429, "too_many_logins")


def test_the_lock_outlives_a_restart(lonely_app: Any, tmp_path: Path) -> None:
    folder = str(tmp_path / "kept")
    client = lonely_app(DATA_DIR=folder).test_client()
    for _ in range(5):
        client.post("/api/login", json={"username": "admin", "password": "wrong"})

    again = lonely_app(DATA_DIR=folder).test_client()
    assert_problem(again.post("/api/login", json={"username": "admin", "password": PASSWORD}), 429, "too_many_logins")


def test_a_right_password_forgets_the_failures_before_it(lonely_app: Any) -> None:
    client = lonely_app().test_client()
    for _ in range(3):
        for _ in range(4):
            client.post("/api/login", json={"username": "admin", "password": "wrong"})
        assert client.post("/api/login", json={"username": "admin", "password": PASSWORD}).status_code == 200


def test_the_first_admin_gets_a_generated_password_printed_once(tmp_path: Path, lonely_app: Any, capsys: Any) -> None:
    folder = tmp_path / "first"
    app = lonely_app(DATA_DIR=str(folder), ADMIN_PASSWORD="")
    printed = capsys.readouterr().out
    file = folder / "admin_password"
    password = file.read_text().strip()

    assert password in printed and len(password) >= 12
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    log_in(app, "admin", password)
    lonely_app(DATA_DIR=str(folder), ADMIN_PASSWORD="")
    assert password not in capsys.readouterr().out


def test_passwords_are_hashed_with_scrypt() -> None:
    assert hash_password(PASSWORD).startswith("scrypt:")
    assert hash_password(PASSWORD) != hash_password(PASSWORD)


def test_auth_off_needs_no_login_but_answers_to_localhost_only(lonely_app: Any) -> None:
    client = lonely_app(AUTH="off").test_client()

    assert client.get("/api/me").json["role"] == "admin"
    assert client.post("/api/stop_camera", json={}, headers={"Host": "127.0.0.1:5000"}).status_code == 404  # no camera yet
    for host in ("evil.example", "192.168.1.7:5000", "localhost.evil.example"):
        assert_problem(client.get("/api/me", headers={"Host": host}), 403, "bad_host")
    assert_problem(client.post("/api/stop_camera", json={}, headers={"Origin": "http://evil.example"}), 403, "bad_origin")
    assert_problem(client.post("/api/stop_camera", json={}, headers={"Sec-Fetch-Site": "cross-site"}), 403, "bad_origin")


@pytest.mark.parametrize("host", ["evil.example:5000", "[", ""])
def test_auth_off_lets_no_socket_in_from_another_host(lonely_app: Any, host: str) -> None:
    client = lonely_app(AUTH="off").test_client()

    def knock(host: str) -> str:
        way = {"base_url": "http://localhost", "headers": {"Host": host, "Origin": f"http://{host}"}}
        opened = client.get("/socket.io/?EIO=4&transport=polling", **way)
        if opened.status_code != 200:
            return "refused"
        session = f"/socket.io/?EIO=4&transport=polling&sid={json.loads(opened.data[1:])['sid']}"
        client.post(session, data=b"40", **way)
        return client.get(session, **way).text[:2]

    assert knock(host) in ("44", "refused")
    assert knock("localhost:5000") == "40"


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "http://]"])
def test_an_origin_that_is_none_is_refused(nobody: Caller, origin: str) -> None:
    body = {"username": "admin", "password": PASSWORD}
    assert_problem(nobody.post("/api/login", body, headers={"Origin": origin}), 403, "bad_origin")


def test_a_listed_origin_may_call_with_a_token(lonely_app: Any) -> None:
    app = lonely_app(CORS_ORIGINS="https://board.example, https://other.example")
    caller = by_token(app, token_of(app))

    answer = caller.post("/api/users", {"username": "eve", "password": PASSWORD}, headers={"Origin": "https://board.example"})
    assert answer.status_code == 201
    assert answer.headers["Access-Control-Allow-Origin"] == "https://board.example"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    preflight = app.test_client().options("/api/users", headers={"Origin": "https://other.example"})
    assert preflight.status_code == 200 and "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Origin" not in caller.get("/api/me", headers={"Origin": "https://evil.example"}).headers


def test_settings_never_reach_an_answer(lonely_app: Any) -> None:
    app = lonely_app(SECRET_KEY="the-signing-key-of-this-test", AWS_SECRET_ACCESS_KEY="the-aws-secret")
    caller = log_in(app, "admin")
    assert isinstance(parts_of(app).settings, Settings)
    for path in (
        "/api/me",
        "/api/stream_config",
        "/api/advanced_options",
        "/health/detailed",
        "/metrics",
        "/openapi.json",
        "/api/cameras",
    ):
        text = caller.get(path).text
        assert "the-signing-key" not in text and "the-aws-secret" not in text and PASSWORD not in text


METRICS_TOKEN = "the-token-of-prometheus"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {METRICS_TOKEN}", 200),
        (f"bearer  {METRICS_TOKEN} ", 200),
        (f"Basic {METRICS_TOKEN}", 401),
        (f"Bearer {METRICS_TOKEN}x", 401),
        (f"Bearer {METRICS_TOKEN[:-1]}", 401),
        ("Bearer ", 401),
        ("Bearer t\xf6ken", 401),
        ("", 401),
    ],
)
def test_prometheus_reads_the_metrics_with_its_token(lonely_app: Any, header: str, status: int) -> None:
    client = lonely_app(METRICS_TOKEN=METRICS_TOKEN).test_client()

    answer = client.get("/metrics", headers={"Authorization": header})

    assert answer.status_code == status, answer.text
    assert ("sightline_web_requests_total" in answer.text) is (status == 200) and METRICS_TOKEN not in answer.text


def test_the_token_of_prometheus_opens_nothing_else(lonely_app: Any) -> None:
    app = lonely_app(METRICS_TOKEN=METRICS_TOKEN)
    scraper = by_token(app, METRICS_TOKEN)

    for path in ("/api/me", "/api/cameras", "/video_feed", "/api/users"):
        assert_problem(scraper.get(path), 401, "bad_token")
    assert "cameras" not in scraper.get("/health/detailed").json
    assert log_in(app, "admin").get("/metrics").status_code == 200


@pytest.mark.parametrize("header", ["Bearer ", "Bearer", "Bearer None"])
def test_without_a_metrics_token_no_empty_one_is_let_in(lonely_app: Any, header: str) -> None:
    answer = lonely_app().test_client().get("/metrics", headers={"Authorization": header})

    assert answer.status_code == 401
