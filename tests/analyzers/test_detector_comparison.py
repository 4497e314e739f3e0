"""Two detectors side by side: pairs, agreement, and who saw what."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from analyzers.detector_comparison import ComparisonParams, DetectorComparison, _make, _Side, match
from sightline.analysis.carry import Carrier
from sightline.errors import AnalyzerError
from sightline.media.findings import Detection
from sightline.media.frame import BgrPicture, Frame, Image
from sightline.media.models import ModelStore
from sightline.media.stage import Resources


def thing(x: float, label: str = "person", score: float = 0.9, width: float = 100.0) -> Detection:
    return Detection(label, score, (x, 0.0, x + width, 100.0))


def frame(image: Image | None = None, seq: int = 1) -> Frame:
    picture = BgrPicture(np.zeros((100, 1000, 3), np.uint8) if image is None else image)
    return Frame("yard", seq, seq * 10**9, seq * 10**9, 1.0, picture)


@dataclass
class Says:
    """A detector that says what the test wants."""

    name: str
    found: Sequence[Detection]
    labels: tuple[str, ...] = ("person", "car")
    provider: str = "test"

    def detect_many(self, images: Sequence[Image], confidence: float, overlap: float | None = None) -> list[list[Detection]]:
        return [[d for d in self.found if d.score >= confidence] for _ in images]


def compare(a: Says, b: Says, confidence_b: float = 0.1) -> DetectorComparison:
    return DetectorComparison(_Side(a, 0.1), _Side(b, confidence_b))


def test_each_takes_part_in_the_pair_that_overlaps_most() -> None:
    a, b = [thing(0), thing(30)], [thing(28), thing(500)]
    matched = match(a, b)
    assert [(one.box[0], other.box[0]) for one, other, _ in matched.both] == [(30, 28)]
    assert matched.both[0][2] == pytest.approx(98 / 102)
    assert (matched.only_a, matched.only_b, matched.union) == ((a[0],), (b[1],), 3)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([thing(0)], [thing(0, "car")]),
        ([thing(0)], [thing(40)]),  # overlaps by 0.43
        ([thing(0)], []),
        ([], [thing(0)]),
    ],
)
def test_no_pair_of_other_labels_or_little_overlap(a: list[Detection], b: list[Detection]) -> None:
    matched = match(a, b)
    assert (len(matched.both), matched.union) == (0, len(a) + len(b))


def test_every_thing_is_told_once_with_who_saw_it() -> None:
    a = Says("a.onnx", [thing(0, score=0.8), thing(200, "car")])
    b = Says("b.onnx", [thing(10, score=0.6), thing(600), thing(800, score=0.2)])
    found = compare(a, b, confidence_b=0.5).analyze([frame()])[0]

    assert [(d.label, d.box[0], d.attributes["by"]) for d in found.detections] == [
        ("person", 0, "both"), ("car", 200, "a"), ("person", 600, "b"),
    ]  # fmt: skip
    pair = found.detections[0]
    assert pair.keypoints == ((10, 0, 0), (110, 100, 0))
    assert pair.attributes["score_b"] == 0.6
    assert pair.attributes["overlap"] == pytest.approx(90 / 110, abs=0.001)
    assert {name: found.measures[name] for name in ("count_a", "count_b", "both", "agreement", "model_a", "model_b")} == {
        "count_a": 2, "count_b": 2, "both": 1, "agreement": 0.3333, "model_a": "a.onnx", "model_b": "b.onnx",
    }  # fmt: skip


def test_what_is_not_seen_again_is_gone_at_the_next_look() -> None:
    a = Says("a", [thing(0), thing(300)])
    comparison, carrier = compare(a, Says("b", [])), Carrier(2.0)
    for seq, found in enumerate([a.found, a.found, [thing(302)]], start=1):
        a.found = found
        carrier.update(comparison.analyze([frame(seq=seq)])[0])
    newest = carrier.newest()
    assert newest is not None
    assert [(d.box[0], d.track_id) for d in newest.detections] == [(302, None)]


def test_agreement_is_counted_over_all_looks() -> None:
    a, b = Says("a", [thing(0)]), Says("b", [thing(0)])
    comparison = compare(a, b)
    assert comparison.analyze([frame()])[0].measures["mean_agreement"] == 1.0
    b.found = [thing(0), thing(200), thing(400), thing(600)]
    measures = comparison.analyze([frame(seq=2)])[0].measures
    assert (measures["agreement"], measures["mean_agreement"], measures["looks"]) == (0.25, 0.4, 2)


def test_two_that_see_nothing_agree() -> None:
    measures = compare(Says("a", []), Says("b", [])).analyze([frame()])[0].measures
    assert (measures["agreement"], measures["mean_agreement"]) == (1.0, 1.0)


def test_only_what_both_know_is_compared() -> None:
    people_only = Says("p", [thing(0)], labels=("person",))
    found = compare(Says("a", [thing(0), thing(300, "car")]), people_only).analyze([frame()])[0]
    assert (found.measures["count_a"], found.measures["agreement"]) == (1, 1.0)


def test_two_real_models_agree_on_a_clear_picture(asset: Callable[[str], Path]) -> None:
    folder = asset("weights/yolov8n.onnx").parent
    store = Resources(ModelStore(folder))
    if store.models.find("yolox_nano.onnx") is None:
        pytest.skip("yolox_nano.onnx is not among the weights")
    image = cv2.imread(str(asset("images/bus.jpg")))
    comparison = _make(ComparisonParams(model_a="yolov8n", model_b="yolox_nano", confidence_a=0.4, confidence_b=0.4), store)
    found = comparison.analyze([frame(image)])[0]  # type: ignore[arg-type]

    assert found.measures["agreement"] >= 0.6
    assert {d.label for d in found.detections if d.attributes["by"] == "both"} >= {"person", "bus"}
    assert found.measures["cost_ms_a"] > 0 and found.measures["cost_ms_b"] > 0


def test_a_model_agrees_with_itself(asset: Callable[[str], Path]) -> None:
    image = cv2.imread(str(asset("images/bus.jpg")))
    comparison = _make(ComparisonParams(model_a="hog", model_b="hog"), Resources(ModelStore(Path("no-such-folder"))))
    found = comparison.analyze([frame(image)])[0]  # type: ignore[arg-type]
    assert found.measures["agreement"] == 1.0
    assert all(d.attributes["by"] == "both" for d in found.detections)


def test_a_model_that_is_not_here_is_named() -> None:
    with pytest.raises(AnalyzerError) as caught:
        _make(ComparisonParams(model_b="yolox_s"), Resources(ModelStore(Path("no-such-folder"))))
    assert "object_detection_yolox_2022nov.onnx" in caught.value.message
