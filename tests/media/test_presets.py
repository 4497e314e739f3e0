"""Presets: what they do to a chain, what of a chain they keep, and what is refused."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from sightline.errors import Invalid
from sightline.media import stage as stage_module
from sightline.media.chain import ChainSpec
from sightline.media.presets import BUILTIN, Preset, apply, check_name, check_preset, preset_of
from sightline.media.shapes import Shape, shapes_param
from sightline.media.stage import param, register


@dataclass(frozen=True)
class LightParams:
    amount: int = param(5, "Amount", minimum=0, maximum=10)


@dataclass(frozen=True)
class FenceParams:
    areas: tuple[Shape, ...] = shapes_param("zone", "Areas")
    seconds: float = param(2.0, "Seconds", minimum=0.0, maximum=9.0)


@dataclass(frozen=True)
class HideParams:
    plates: bool = param(False, "Plates")


@dataclass(frozen=True)
class ToneParams:
    tone: int = param(0, "Tone", minimum=-9, maximum=9)


def _nothing(_params: object, _resources: object) -> object:
    return object()


@pytest.fixture(autouse=True)
def few_stages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Five stages of every kind instead of the real ones."""
    monkeypatch.setattr(stage_module, "_registry", {})
    register("fence", _nothing, kind="analyzer", label="Fence", description="Watches.", params=FenceParams)
    register("light", _nothing, kind="filter", label="Light", description="Lifts.", params=LightParams)
    register("gray", _nothing, kind="filter", label="Gray", description="Greys.")
    register(
        "tone", _nothing, kind="filter", label="Tone", description="Tints.", params=ToneParams, is_neutral=lambda p: not p.tone
    )
    register(
        "privacy_blur", _nothing, kind="filter", label="Privacy", description="Hides.", params=HideParams,
        uses=lambda params: ("inner",) if params.plates else (),
    )  # fmt: skip
    register("inner", _nothing, kind="analyzer", label="Inner", description="Helps.", is_hidden=True)
    register("middle", _nothing, kind="analyzer", label="Middle", description="Reads.", reads="inner")
    register("outer", _nothing, kind="analyzer", label="Outer", description="Reads.", reads="middle")
    yield


def chain(**options: object) -> ChainSpec:
    return ChainSpec.default().with_options(options)


ZONE = [{"name": "Door", "points": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.9]]}]


def test_a_preset_sets_what_it_names_and_leaves_the_rest() -> None:
    before = chain(gray=True, light_amount=2)
    applied = apply(Preset("Bright", options={"light": True, "light_amount": 9}), before, {})

    assert applied.chain.options() == before.options() | {"light": True, "light_amount": 9}
    assert [(c.key, c.label, c.before, c.after) for c in applied.changes] == [
        ("light", "Light", False, True), ("light_amount", "Light: Amount", 2, 9),
    ]  # fmt: skip
    assert applied.skipped == ()
    assert applied.chain.version == before.version + 1


def test_others_off_clears_everything_but_the_privacy_blur() -> None:
    before = chain(gray=True, fence=True, tone=4, privacy_blur=True)
    after = apply(Preset("Plain", options={"light": True}, others_off=True), before, {}).chain

    assert {choice.name for choice in after.stages if choice.is_on} == {"light", "privacy_blur"}


def test_no_preset_switches_the_privacy_blur_off() -> None:
    applied = apply(Preset("Careless", options={"privacy_blur": False}), chain(privacy_blur=True), {})

    assert applied.chain.choice("privacy_blur").is_on
    assert applied.skipped == ("A preset does not switch the privacy blur off.",)


def test_what_is_not_here_is_left_out_and_said() -> None:
    preset = Preset("Other machine", options={"gray": True, "x_ray": True, "light": True, "light_amount": 3, "fence_seconds": 77})
    applied = apply(preset, chain(), {"light": "The weight file is missing."})

    assert {choice.name for choice in applied.chain.stages if choice.is_on} == {"gray"}
    assert applied.chain.options()["light_amount"] == 5
    assert applied.skipped == (
        "x_ray is not known to this version.", "Light: The weight file is missing.", "fence_seconds must lie between 0.0 and 9.0.",
    )  # fmt: skip


def test_nothing_is_made_to_need_what_is_not_here() -> None:
    """A privacy blur without its finder of plates would cover the whole picture."""
    preset = Preset("All", options={"privacy_blur": True, "privacy_blur_plates": True, "outer": True, "light": True})
    applied = apply(preset, chain(), {"inner": "The weight file is missing."})

    assert {choice.name for choice in applied.chain.stages if choice.is_on} == {"privacy_blur", "light"}
    assert applied.chain.options()["privacy_blur_plates"] is False
    assert applied.skipped == ("Privacy: Plates: The weight file is missing.", "Outer: The weight file is missing.")

    here = apply(preset, chain(privacy_blur_plates=True), {"inner": "The weight file is missing."}).chain
    assert here.choice("privacy_blur").is_on  # the operator had asked for it: it fails closed


def test_the_order_of_the_named_filters_is_taken_over() -> None:
    def names(spec: ChainSpec) -> list[str]:
        return [choice.name for choice in spec.stages]

    after = apply(Preset("Order", order=("tone", "light", "gone", "fence", "tone")), chain(), {}).chain

    assert names(chain()) == ["fence", "light", "gray", "tone", "privacy_blur", "inner", "middle", "outer"]
    assert names(after) == ["fence", "tone", "gray", "light", "privacy_blur", "inner", "middle", "outer"]


def test_saving_and_applying_makes_the_same_chain() -> None:
    source = chain(fence=True, fence_areas=ZONE, fence_seconds=4.0, light=True, light_amount=1, tone=-3, gray=False)
    moved = replace(source, stages=(source.stages[0], source.stages[3], *source.stages[1:3], *source.stages[4:]))
    preset = check_preset(preset_of(moved, "Mine", with_shapes=True, others_off=True))
    applied = apply(preset, chain(gray=True), {}).chain

    assert applied.options() == moved.options()
    assert preset.order == ("tone", "light")
    assert not preset_of(source, "Mine", with_shapes=True, others_off=True).options.keys() & {"gray", "privacy_blur", "inner"}


def test_drawn_shapes_stay_with_their_camera_unless_asked_for() -> None:
    source = chain(fence=True, fence_areas=ZONE)
    preset = preset_of(source, "Mine", with_shapes=False, others_off=False)

    assert preset.options == {"fence": True, "fence_seconds": 2.0}
    here = chain(fence_areas=[{**ZONE[0], "name": "Gate"}])
    assert apply(preset, here, {}).chain.options()["fence_areas"][0]["name"] == "Gate"


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "a/b", "a\\b", "..", ".", "line\nbreak", "nul\x00"])
def test_bad_names(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_name(name)
    assert (caught.value.code, caught.value.facts["field"]) == ("bad_name", "name")


@pytest.mark.parametrize(
    ("preset", "code"),
    [
        (Preset("A", "two\nlines"), "bad_description"),
        (Preset("A", "x" * 201), "bad_description"),
        (Preset("A", options={"light_amount": 11}), "out_of_range"),
        (Preset("A", options={"light": "yes"}), "wrong_type"),
        (Preset("A", options={"other": float("nan")}), "out_of_range"),
        (Preset("A", options={"other": "x" * 200_000}), "preset_too_large"),
        (Preset("A", order=("light",) * 50), "preset_too_large"),
    ],
)
def test_bad_presets(preset: Preset, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_preset(preset)
    assert caught.value.code == code


def test_options_of_another_version_are_kept() -> None:
    assert check_preset(Preset(" Mine ", options={"x_ray": True})) == Preset("Mine", options={"x_ray": True})


def test_the_builtin_presets_have_good_names() -> None:
    assert len({preset.name.casefold() for preset in BUILTIN}) == len(BUILTIN)
    for preset in BUILTIN:
        assert check_name(preset.name) == preset.name
        assert preset.description.endswith(".")
        assert preset.is_builtin
