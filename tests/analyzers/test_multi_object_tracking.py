"""Tracking as a stage: numbers, counts, trails; and with the real detector on real footage."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import analyzers
from analyzers.multi_object_tracking import MultiObjectTracking, TrackingParams
from sightline.media.findings import Detection, Findings
from sightline.media.frame import BgrPicture, Frame
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage

Frames = Callable[..., Iterator[Frame]]


VGA = (640, 480)


def look(
    tracking: MultiObjectTracking,
    tenths: int,
    *found: Detection,
    candidates: tuple[Detection, ...] = (),
    size: tuple[int, int] = VGA,
) -> Findings:
    pts_ns = tenths * 100_000_000
    frame = Frame("yard", tenths, pts_ns, pts_ns, 0.0, BgrPicture(np.zeros((size[1], size[0], 3), np.uint8)))
    return tracking.interpret(frame, Findings.of("object_detection", frame, detections=found, candidates=candidates))


def person(x: float, score: float = 0.9, *, label: str = "person") -> Detection:
    return Detection(label, score, (x - 20, 100, x + 20, 200))


def test_numbers_counts_and_the_trail() -> None:
    tracking = MultiObjectTracking(TrackingParams(), None)
    for tenths in range(10, 30):
        found = look(tracking, tenths, person(100 + 5 * tenths), person(500, label="car"))
    assert sorted((d.label, d.track_id) for d in found.detections) == [("car", 1), ("person", 2)]
    assert found.measures["now"] == found.measures["total"] == 2
    assert found.measures["now_by_class"] == found.measures["total_by_class"] == {"car": 1, "person": 1}
    walked = next(mark for mark in found.marks if mark.key == "person")
    assert walked.points[0] == pytest.approx((245, 200), abs=3)
    assert walked.points[-1] == pytest.approx((155, 200), abs=3)
    assert not any(mark.text or mark.closed for mark in found.marks)


def test_a_trail_is_as_long_as_asked_and_never_too_long_to_draw() -> None:
    for trail_s, points in ((0.0, 0), (1.0, 11), (30.0, 40)):
        tracking = MultiObjectTracking(TrackingParams(trail_s=trail_s), None)
        for tenths in range(10, 200):
            found = look(tracking, tenths, person(100 + tenths))
        assert sum(len(mark.points) for mark in found.marks) == pytest.approx(points, abs=2)


def test_a_weak_box_continues_and_does_not_begin() -> None:
    tracking = MultiObjectTracking(TrackingParams(), None)
    assert [look(tracking, t, person(300, 0.35)).measures["total"] for t in range(10, 20)] == [0] * 10
    for tenths in range(20, 25):
        look(tracking, tenths, person(300, 0.5))
    found = look(tracking, 25, candidates=(person(302, 0.15), person(500, 0.2)))
    assert [(d.track_id, d.score) for d in found.detections] == [(1, 0.15)]


def test_only_the_chosen_classes_are_followed() -> None:
    tracking = MultiObjectTracking(TrackingParams(classes="vehicles"), None)
    for tenths in range(10, 15):
        found = look(tracking, tenths, person(100), person(400, label="bus"))
    assert [d.label for d in found.detections] == ["bus"]


def test_a_changed_parameter_keeps_numbers_and_counts_and_a_reset_the_numbers() -> None:
    old = MultiObjectTracking(TrackingParams(), None)
    for tenths in range(10, 20):
        look(old, tenths, person(300))
    new = MultiObjectTracking(TrackingParams(trail_s=1.0), None)
    new.adopt(old)
    found = look(new, 20, person(300))
    assert (found.detections[0].track_id, found.measures["total"]) == (1, 1)
    new.reset_counts()
    found = look(new, 21, person(300))
    assert (found.detections[0].track_id, found.measures["total"], found.measures["now"]) == (1, 0, 1)


def test_another_resolution_is_another_scene() -> None:
    tracking = MultiObjectTracking(TrackingParams(), None)
    for tenths in range(10, 15):
        look(tracking, tenths, person(300))
    for tenths in range(15, 18):
        found = look(tracking, tenths, person(300), size=(1280, 720))
    assert [d.track_id for d in found.detections] == [2]


def test_it_says_what_tells_people_apart() -> None:
    off = MultiObjectTracking(TrackingParams(appearance=False), None)
    missing = stage("multi_object_tracking").factory(TrackingParams(), Resources(ModelStore(Path("no-such-folder"))))
    assert look(off, 10).measures["appearance"] == "off"
    assert "not here" in str(look(missing, 10).measures["appearance"])


def test_people_who_cross_keep_their_numbers_on_real_footage(clip: Frames, asset: Callable[[str], Path]) -> None:
    """Six people of a surveillance clip, three of whom meet: six numbers, found by the real detector with real appearances."""
    analyzers.load(entry_points=False)
    resources = Resources(ModelStore(asset("weights/yolov8n.onnx").parent))
    objects = stage("object_detection")
    detector = objects.factory(make_params(objects, {"model": "yolov8n", "classes": "people"}), resources)
    tracking = stage("multi_object_tracking").factory(TrackingParams(), resources)
    for frame in clip("surveillance_people_69f.mp4"):
        found = tracking.interpret(frame, detector.analyze([frame])[0])
        assert len({d.track_id for d in found.detections}) == len(found.detections)
    assert found.measures["total_by_class"] == {"person": 6}
    assert found.measures["appearance"] == "osnet_x0_25_msmt17.onnx"
