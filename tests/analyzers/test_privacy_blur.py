"""The privacy blur covers faces, and everything while nobody knows where faces are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analyzers
from sightline.media.chain import ChainSpec
from sightline.media.findings import Box, Detection, Findings
from sightline.media.frame import Image
from sightline.media.models import ModelStore
from sightline.media.stage import Moment, Resources, make_params, stage
from sightline.media.wanted import shown_analyzers, wanted_analyzers

analyzers.load(entry_points=False)

FACE: Box = (300.0, 100.0, 360.0, 160.0)
SECOND_NS = 1_000_000_000


def made(**params: Any) -> Any:
    info = stage("privacy_blur")
    return info.factory(make_params(info, params), Resources(ModelStore(Path("none"))))


def told(kind: str, boxes: tuple[Box, ...], seen_ns: int = 0, size: tuple[int, int] = (640, 360)) -> Findings:
    """What the hidden analyzer of that kind says."""
    return Findings(f"privacy_{kind}", "yard", 1, seen_ns, seen_ns, size, tuple(Detection("it", 0.9, box) for box in boxes))


def moment(
    pts_ns: int, boxes: tuple[Box, ...] | None, *, found_at_ns: int | None = None, size: tuple[int, int] = (640, 360)
) -> Moment:
    """A moment at which these faces are known; None = nobody has searched."""
    if boxes is None:
        return Moment("yard", "Yard", 1, pts_ns, 0.0)
    return knowing(pts_ns, told("faces", boxes, pts_ns if found_at_ns is None else found_at_ns, size))


def knowing(pts_ns: int, *findings: Findings) -> Moment:
    return Moment("yard", "Yard", 1, pts_ns, 0.0, {found.analyzer: found for found in findings})


def is_covered(result: Image, scene: Image, box: Box) -> bool:
    """Whether nothing of the fine detail is left in the box."""
    x1, y1, x2, y2 = (int(edge) for edge in box)
    after = result[y1:y2, x1:x2].astype(float)
    before = scene[y1:y2, x1:x2].astype(float)
    if after.std() < 1:
        return True
    return float(np.corrcoef(np.diff(after, axis=1).ravel(), np.diff(before, axis=1).ravel())[0, 1]) < 0.5


@pytest.mark.parametrize("style", ["pixelate", "blur", "black"])
def test_faces_are_covered_and_the_rest_is_untouched(scene: Image, style: str) -> None:
    result = made(style=style, margin=25).apply(scene, moment(0, (FACE,)))
    assert is_covered(result, scene, FACE)
    untouched = np.ones(scene.shape[:2], bool)
    untouched[85:175, 285:375] = False
    assert np.array_equal(result[untouched], scene[untouched])


def test_the_margin_is_covered_too(scene: Image) -> None:
    result = made(style="black", margin=50).apply(scene, moment(0, (FACE,)))
    assert not result[70:190, 270:390].any()


def test_no_face_leaves_the_picture_alone(scene: Image) -> None:
    assert np.array_equal(made().apply(scene, moment(0, ())), scene)


@pytest.mark.parametrize(
    "unknown",
    [
        moment(5 * SECOND_NS, None),
        moment(5 * SECOND_NS, (), found_at_ns=3 * SECOND_NS),
        moment(5 * SECOND_NS, (), size=(320, 180)),
    ],
    ids=["no findings", "old findings", "findings of another size"],
)
def test_not_knowing_covers_the_whole_picture(scene: Image, unknown: Moment) -> None:
    result = made().apply(scene, unknown)
    for box in ((0.0, 0.0, 200.0, 200.0), (400.0, 100.0, 640.0, 360.0), FACE):
        assert is_covered(result, scene, box)


def test_a_face_lost_for_a_moment_stays_covered(scene: Image) -> None:
    blur = made()
    blur.apply(scene, moment(0, (FACE,)))
    assert is_covered(blur.apply(scene, moment(SECOND_NS // 2, ())), scene, FACE)
    assert np.array_equal(blur.apply(scene, moment(2 * SECOND_NS, ())), scene)


def test_a_moving_face_leaves_no_trail(scene: Image) -> None:
    blur = made(style="black", margin=0)
    for step in range(10):
        box = (100.0 + 10 * step, 100.0, 160.0 + 10 * step, 160.0)
        result = blur.apply(scene, moment(step * SECOND_NS // 30, (box,)))
    assert not result[100:160, 190:250].any()
    assert result[100:160, 100:150].any()


def test_a_clock_that_went_back_does_not_keep_boxes_for_ever(scene: Image) -> None:
    blur = made()
    blur.apply(scene, moment(100 * SECOND_NS, (FACE,)))
    assert np.array_equal(blur.apply(scene, moment(SECOND_NS, ())), scene)


def test_boxes_beyond_the_edge_are_cut(scene: Image) -> None:
    result = made(style="black").apply(scene, moment(0, ((-40.0, -40.0, 30.0, 30.0), (620.0, 340.0, 700.0, 400.0))))
    assert not result[:30, :30].any()
    assert not result[340:, 620:].any()


def test_people_and_plates_are_covered_when_asked(scene: Image) -> None:
    person, plate = (50.0, 50.0, 150.0, 300.0), (500.0, 200.0, 560.0, 220.0)
    known = knowing(0, told("faces", (FACE,)), told("people", (person,)), told("plates", (plate,)))
    everything = made(people=True, plates=True).apply(scene, known)
    assert all(is_covered(everything, scene, box) for box in (FACE, person, plate))
    people_only = made(faces=False, people=True).apply(scene, known)
    assert is_covered(people_only, scene, person)
    assert not is_covered(people_only, scene, plate)
    assert not is_covered(people_only, scene, FACE)


@pytest.mark.parametrize("missing", ["faces", "people", "plates"])
def test_each_kind_that_nobody_searches_closes_the_picture(scene: Image, missing: str) -> None:
    known = [told(kind, ()) for kind in ("faces", "people", "plates") if kind != missing]
    assert is_covered(made(people=True, plates=True).apply(scene, knowing(0, *known)), scene, (0.0, 0.0, 640.0, 360.0))


def test_with_nothing_chosen_the_whole_picture_is_covered(scene: Image) -> None:
    known = knowing(0, told("faces", ()))
    assert is_covered(made(faces=False).apply(scene, known), scene, (0.0, 0.0, 640.0, 360.0))


def test_only_what_is_chosen_is_searched() -> None:
    info = stage("privacy_blur")
    assert info.needs(make_params(info, {})) == ("privacy_faces",)
    assert set(info.needs(make_params(info, {"faces": False, "people": True, "plates": True}))) == {
        "privacy_people", "privacy_plates",
    }  # fmt: skip


def test_no_setting_of_another_stage_opens_a_hole() -> None:
    """Whatever the operator's own analyzers are told, what must be hidden is searched with settings of its own."""
    spec = ChainSpec.default().with_options(
        {"privacy_blur": True, "privacy_blur_people": True, "face_detection": True, "face_detection_confidence": 1.0}
    )
    wanted = wanted_analyzers(spec)
    assert {"privacy_faces", "privacy_people"} <= set(wanted)
    assert wanted["privacy_faces"] == stage("privacy_faces").params()
    hidden = {"privacy_faces", "privacy_people", "privacy_plates"}
    assert not any(key.startswith(tuple(hidden)) for key in spec.options())
    assert not shown_analyzers(spec) & hidden
    assert {"privacy_faces", "privacy_people"} <= set(wanted_analyzers(spec.with_processing(False)))


def test_a_picture_covered_for_long_is_told_of(scene: Image) -> None:
    blur = made(people=True)
    for seconds in range(5):
        blur.apply(scene, knowing(seconds * SECOND_NS, told("faces", (), seconds * SECOND_NS)))
        assert bool(blur.notice) == (seconds >= 3), seconds
    assert "people" in blur.notice
    blur.apply(scene, knowing(5 * SECOND_NS, told("faces", (), 5 * SECOND_NS), told("people", (), 5 * SECOND_NS)))
    assert blur.notice == ""


def test_plates_without_weights_cover_all_and_say_how_to_get_them(scene: Image) -> None:
    blur = made(plates=True)
    assert is_covered(blur.apply(scene, moment(0, ())), scene, (0.0, 0.0, 640.0, 360.0))
    assert "license_plate_detection_lpd_yunet_2023mar.onnx" in blur.notice
    blur.apply(scene, knowing(SECOND_NS, told("faces", (), SECOND_NS), told("plates", (), SECOND_NS)))
    assert blur.notice == "", "they came while the filter ran"


def entering(scene: Image) -> Image:
    """Somebody has come in."""
    image = scene.copy()
    image[100:200, 300:380] = 255 - scene[100:200, 300:380] // 4
    return image


def test_somebody_new_is_covered_before_anybody_found_him(scene: Image) -> None:
    newcomer = (310.0, 110.0, 370.0, 190.0)
    for is_strict in (True, False):
        blur = made(cover_changes=is_strict)
        blur.apply(scene, moment(0, ()))
        came_in = entering(scene)
        result = blur.apply(came_in, moment(SECOND_NS // 30, (), found_at_ns=0))
        assert is_covered(result, came_in, newcomer) == is_strict
        assert np.array_equal(result[250:], scene[250:])


def test_when_the_looks_fall_behind_changes_are_covered_unasked(scene: Image) -> None:
    newcomer = (310.0, 110.0, 370.0, 190.0)
    blur = made()
    blur.apply(scene, moment(0, ()))
    came_in = entering(scene)
    covered = []
    for frame in range(1, 20):
        result = blur.apply(came_in, moment(frame * SECOND_NS // 30, (), found_at_ns=0))
        covered.append(is_covered(result, came_in, newcomer))
    assert covered == [frame / 30 > 0.35 for frame in range(1, 20)]


def test_what_was_searched_and_found_empty_is_clear_again(scene: Image) -> None:
    blur = made(cover_changes=True)
    came_in = entering(scene)
    blur.apply(scene, moment(0, ()))
    blur.apply(came_in, moment(SECOND_NS // 30, (), found_at_ns=0))
    assert np.array_equal(blur.apply(came_in, moment(SECOND_NS // 15, (), found_at_ns=SECOND_NS // 30)), came_in)


def test_changes_since_a_picture_that_was_never_seen_cover_everything(scene: Image) -> None:
    blur = made(cover_changes=True)
    result = blur.apply(scene, moment(SECOND_NS, (), found_at_ns=SECOND_NS // 2))
    assert is_covered(result, scene, (0.0, 0.0, 640.0, 360.0))
