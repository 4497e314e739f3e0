"""The registry, and parameters from untrusted values."""

import math
from dataclasses import dataclass, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import Invalid
from sightline.media import stage as registry
from sightline.media.stage import StageInfo, make_params, param, register, stage, stages


@dataclass(frozen=True)
class Params:
    width: int = param(15, "Width", minimum=3, maximum=99)
    share: float = param(0.5, "Share", minimum=0.0, maximum=1.0)
    loud: bool = param(False, "Loud")
    colour: str = param("red", "Colour", choices=("red", "green"))


def make(_params: object, _resources: object) -> object:
    return object()


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registry", {})


@pytest.fixture
def info() -> StageInfo:
    register("sample", make, kind="filter", label="Sample", description="For tests.", params=Params)
    return stage("sample")


def test_stages_keep_the_order_of_registration() -> None:
    for name in ("b", "a", "c"):
        register(name, make, kind="filter", label=name, description=name)
    assert [info.name for info in stages()] == ["b", "a", "c"]


def test_the_order_does_not_depend_on_imports() -> None:
    for name in ("third", "b", "a"):
        register(name, make, kind="filter", label=name, description=name)
    registry.put_first(("a", "b"))
    assert [info.name for info in stages()] == ["a", "b", "third"]


@pytest.mark.parametrize("name", ["Blur", "my-filter", "2fast", ""])
def test_a_name_is_snake_case(name: str) -> None:
    with pytest.raises(ValueError, match="snake_case"):
        register(name, make, kind="filter", label="X", description="X")


def test_a_name_belongs_to_one_module() -> None:
    register("sample", make, kind="filter", label="First", description="X")
    register("sample", make, kind="filter", label="Reloaded", description="X")
    assert stage("sample").label == "Reloaded"

    def other(_params: object, _resources: object) -> object:
        return object()

    other.__module__ = "somebody.else"
    with pytest.raises(ValueError, match="taken"):
        register("sample", other, kind="filter", label="Thief", description="X")


def test_an_unknown_stage_names_what_there_is(info: StageInfo) -> None:
    with pytest.raises(Invalid) as caught:
        stage("nothing")
    assert caught.value.facts == {"field": "nothing", "allowed": ["sample"]}


def test_good_values_are_taken(info: StageInfo) -> None:
    assert make_params(info, {}) == Params()
    assert make_params(info, {"width": 5.0, "share": 1, "loud": True, "colour": "green"}) == Params(5, 1.0, True, "green")
    assert isinstance(make_params(info, {"width": 5.0}).width, int)
    assert isinstance(make_params(info, {"share": 1}).share, float)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"width": 2}, "out_of_range"),
        ({"width": 100}, "out_of_range"),
        ({"width": 5.5}, "wrong_type"),
        ({"width": "5"}, "wrong_type"),
        ({"width": True}, "wrong_type"),
        ({"width": None}, "wrong_type"),
        ({"share": math.nan}, "wrong_type"),
        ({"share": math.inf}, "wrong_type"),
        ({"share": 10**400}, "wrong_type"),
        ({"share": 1.01}, "out_of_range"),
        ({"loud": 1}, "wrong_type"),
        ({"loud": "true"}, "wrong_type"),
        ({"colour": "blue"}, "wrong_value"),
        ({"colour": 3}, "wrong_value"),
        ({"size": 3}, "unknown_option"),
    ],
)
def test_bad_values_name_the_field(info: StageInfo, values: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        make_params(info, values, prefix="sample.")
    assert caught.value.code == code
    assert caught.value.facts["field"] == f"sample.{next(iter(values))}"
    assert caught.value.facts["allowed"]


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)


@given(st.dictionaries(st.sampled_from(["width", "share", "loud", "colour", "x"]), anything))
def test_whatever_comes_gives_valid_parameters_or_invalid(values: dict[str, Any]) -> None:
    registry._registry.clear()
    register("sample", make, kind="filter", label="Sample", description="For tests.", params=Params)
    try:
        made = make_params(stage("sample"), values)
    except Invalid:
        return
    for spec in fields(Params):
        assert type(getattr(made, spec.name)) is type(spec.default)
    assert 3 <= made.width <= 99
    assert 0 <= made.share <= 1
    assert made.colour in ("red", "green")
