"""Default deny: every route and every event is in the table, and the table is what happens."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from sightline.web import policy
from sightline.web.accounts import Role
from tests.web.callers import Caller, assert_problem

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Endpoint, method and an example path of every route."""
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<int:\w+>", "999999", rule.rule)
        path = re.sub(r"<path:\w+>|<\w+>", "nothing", path)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, path


def test_every_route_is_in_the_table(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}

    assert endpoints == set(policy.ENDPOINTS)


def test_every_socket_event_is_in_the_table(app: Flask) -> None:
    handlers = app.extensions["sightline.sockets"].io.server.handlers["/"]

    assert set(handlers) == set(policy.EVENTS)


def test_a_route_that_the_table_forgot_is_refused(lonely_app: Any) -> None:
    app = lonely_app()
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")

    assert_problem(app.test_client().get("/forgotten"), 403, "not_in_policy")


def test_strangers_reach_public_routes_only(app: Flask, nobody: Caller) -> None:
    for endpoint, method, path in routes(app):
        answer = nobody.send(method, path, {} if method in UNSAFE else None)
        if policy.ENDPOINTS[endpoint] is policy.PUBLIC:
            assert answer.status_code not in (401, 403), endpoint
        else:
            assert_problem(answer, 401, "login_needed")


def test_a_wrong_token_is_as_good_as_none(app: Flask, nobody: Caller) -> None:
    nobody.headers["Authorization"] = "Bearer e30.e30.e30"
    for endpoint, method, path in routes(app):
        if policy.ENDPOINTS[endpoint] is not policy.PUBLIC:
            assert_problem(nobody.send(method, path, {} if method in UNSAFE else None), 401, "bad_token")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_each_role_is_refused_what_is_above_it(app: Flask, role: Role, request: pytest.FixtureRequest) -> None:
    caller: Caller = request.getfixturevalue(role.word)
    above = [(e, m, p) for e, m, p in routes(app) if isinstance(policy.ENDPOINTS[e], Role) and policy.ENDPOINTS[e] > role]
    assert above
    for _endpoint, method, path in above:
        assert_problem(caller.send(method, path, {} if method in UNSAFE else None), 403, "role_too_low")


def test_every_unsafe_route_wants_the_csrf_token(app: Flask, admin: Caller) -> None:
    admin.csrf = "wrong"
    for endpoint, method, path in routes(app):
        if method in UNSAFE and policy.ENDPOINTS[endpoint] is not policy.PUBLIC:
            assert_problem(admin.send(method, path, {}), 403, "csrf")


def test_every_unsafe_route_refuses_other_origins(app: Flask, admin: Caller) -> None:
    for _endpoint, method, path in routes(app):
        if method in UNSAFE:
            for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
                assert_problem(admin.send(method, path, {}, headers={"Origin": origin}), 403, "bad_origin")


def test_a_camera_that_a_user_may_not_see_is_closed_on_every_route(app: Flask, guest: Caller) -> None:
    tried = 0
    for rule in app.url_map.iter_rules():
        access = policy.ENDPOINTS[rule.endpoint]
        is_default = rule.endpoint in policy.DEFAULT_CAMERA_ENDPOINTS
        if ("<camera_id>" not in rule.rule and not is_default) or (isinstance(access, Role) and access > Role.OPERATOR):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path = rule.rule.replace("<camera_id>", "default")
            assert_problem(guest.send(method, path, {} if method in UNSAFE else None), 403, "camera_forbidden")
            tried += 1
    assert tried > 20


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "/video_feed?camera=default", None), ("GET", "/video_feed", None), ("POST", "/api/save_frame", {"camera": "default"})],
)
def test_a_camera_named_in_query_or_body_is_checked_too(guest: Caller, method: str, path: str, body: object) -> None:
    assert_problem(guest.send(method, path, body), 403, "camera_forbidden")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/api/users/{}", None),
        ("PATCH", "/api/users/{}", {}),
        ("GET", "/api/frames/{}/image", None),
        ("DELETE", "/api/frames/{}", None),
        ("POST", "/api/uploads/{}/retry", {}),
        ("GET", "/api/frames?before={}", None),
        ("GET", "/api/events?before={}", None),
        ("GET", "/api/uploads?before={}", None),
        ("PATCH", "/api/cameras/default", {"position": 0}),
    ],
)
@pytest.mark.parametrize("number", [2**63, 10**30])
def test_a_number_no_database_holds_is_refused(admin: Caller, method: str, path: str, body: Any, number: int) -> None:
    sent = {name: number for name in body} if body is not None else None
    assert_problem(admin.send(method, path.format(number), sent), 422)


def test_lists_show_only_what_a_user_may_see(guest: Caller, operator: Caller) -> None:
    assert operator.post("/api/save_frame", {}).status_code == 200

    assert guest.get("/api/cameras").json == {"cameras": []}
    assert guest.get("/api/frames").json["frames"] == []
    assert guest.get("/api/frames?camera=default").json["frames"] == []
    assert guest.get("/api/events").json["events"] == []
    frame_id = operator.get("/api/frames").json["frames"][0]["id"]
    assert_problem(guest.get(f"/api/frames/{frame_id}/image"), 403, "camera_forbidden")
    assert_problem(guest.delete(f"/api/frames/{frame_id}"), 403, "camera_forbidden")
