"""The costs of stages through the API."""

from collections.abc import Callable

from flask import Flask

from tests.web.callers import Caller, assert_problem, log_in


def test_everybody_reads_them_and_administrators_measure(viewer: Caller, operator: Caller, admin: Caller) -> None:
    costs = viewer.get("/api/stage_costs").json
    assert (costs["enabled"], costs["stages"], costs["measuring"]) == (False, {}, False)
    assert costs["cores"] >= 1
    assert_problem(operator.post("/api/stage_costs/measure"), 403, "role_too_low")
    assert_problem(admin.post("/api/stage_costs/measure"), 409, "cost_preview_off")


def test_without_an_engine_there_are_none(lonely_app: Callable[..., Flask]) -> None:
    assert_problem(log_in(lonely_app(), "admin").get("/api/stage_costs"), 503, "engine_unavailable")
