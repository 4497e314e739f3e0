"""The chain as a value: options, JSON, versions."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import analyzers
from sightline.errors import Invalid
from sightline.media.chain import ChainSpec

analyzers.load(entry_points=False)

NAMED_SWITCHES = (
    "face_detection", "edge_detection", "blur", "grayscale", "motion_detection", "object_tracking", "object_detection",
    "pose_estimation", "advanced_analysis",
)  # fmt: skip


def test_the_options_that_programs_rely_on_are_there() -> None:
    options = ChainSpec.default().options()
    assert all(options[name] is False for name in NAMED_SWITCHES)
    assert (options["brightness"], options["contrast"], options["saturation"]) == (0, 1.0, 1.0)
    assert options["blur_kernel_px"] == 15
    assert "adjust" not in options


def test_a_change_makes_a_new_version_and_leaves_the_old_alone() -> None:
    before = ChainSpec.default()
    after = before.with_options({"grayscale": True, "blur_kernel_px": 9, "brightness": 20})
    assert after.version == before.version + 1
    assert before.options()["grayscale"] is False
    assert after.choice("grayscale").is_on
    assert after.choice("blur").params.kernel_px == 9
    assert not after.choice("blur").is_on
    assert after.choice("adjust").is_on
    assert not after.with_options({"brightness": 0}).choice("adjust").is_on


@pytest.mark.parametrize(
    "changes",
    [
        {"no_such": True},
        {"grayscale": 1},
        {"brightness": 101},
        {"brightness": "20"},
        {"contrast": 3.5},
        {"adjust": True},
        {"blur_kernel_px": 2},
        {"grayscale": True, "saturation": -1},
        {"thermal_palette": "plaid"},
    ],
)
def test_a_bad_change_is_refused_as_a_whole(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        ChainSpec.default().with_options(changes)
    assert caught.value.facts["field"] in changes
    assert caught.value.facts["allowed"]


def test_json_and_back_is_the_same_chain() -> None:
    chain = ChainSpec.default().with_options({"thermal": True, "thermal_palette": "jet", "contrast": 1.5}).with_processing(False)
    again = ChainSpec.from_json(json.loads(json.dumps(chain.to_json())))
    assert again.stages == chain.stages
    assert again.processing is False


def test_stages_that_json_does_not_name_are_added_off() -> None:
    chain = ChainSpec.from_json({"stages": [{"name": "invert", "enabled": True}, {"name": "blur"}]})
    assert [c.name for c in chain.stages[:2]] == ["invert", "blur"]
    assert sorted(c.name for c in chain.stages) == sorted(analyzers.BUILTIN)
    assert [c.name for c in chain.stages if c.is_on] == ["invert"]
    assert ChainSpec.from_json({}).options() == ChainSpec.default().options()


@pytest.mark.parametrize(
    "data",
    [
        {"stages": "blur"},
        {"stages": ["blur"]},
        {"stages": [{}]},
        {"stages": [{"name": "nothing"}]},
        {"stages": [{"name": "blur"}, {"name": "blur"}]},
        {"stages": [{"name": "blur", "enabled": "yes"}]},
        {"stages": [{"name": "blur", "params": []}]},
        {"stages": [{"name": "blur", "params": {"kernel_px": 1}}]},
        {"stages": [{"name": "blur", "params": {"width": 5}}]},
        {"processing": "on"},
    ],
)
def test_bad_json_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        ChainSpec.from_json(data)


def test_nothing_that_changes_content_follows_the_privacy_blur_by_default() -> None:
    names = [c.name for c in ChainSpec.default().stages]
    assert names[names.index("privacy_blur") + 1 :] == ["upscale", "timestamp"]


@given(st.lists(st.sampled_from(NAMED_SWITCHES), max_size=20))
def test_switches_are_independent(flips: list[str]) -> None:
    chain = ChainSpec.default()
    for name in flips:
        chain = chain.with_options({name: not chain.options()[name]})
    options = chain.options()
    for name in NAMED_SWITCHES:
        assert options[name] is (flips.count(name) % 2 == 1)
    assert chain.version == 1 + len(flips)
