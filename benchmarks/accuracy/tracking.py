"""Tracking: MOTA and IDF1 by motmetrics at an IoU of 0.5, against stock ByteTrack on the same detections in the same run.

Three sequences with ground truth: the surveillance clip (PETS09-S2L1, frames 1 to 69) through the product's own detector and
tracker with appearances; TUD-Campus and PETS09-S2L1 with the detections that the MOT15 challenge gives out, which come without
pictures, so that place and motion decide alone. Stock ByteTrack is `trackers.ByteTrackTracker`; it gets four settings (its own and
our thresholds, with and without the uncertain boxes), and the best figure of the four counts.
`python -m benchmarks.accuracy.tracking`
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import motmetrics
import numpy as np
import supervision
from scipy.optimize import linear_sum_assignment
from trackers import ByteTrackTracker

import analyzers
from benchmarks.footage import ASSETS
from benchmarks.report import Figure, fail, report
from sightline.media.findings import Box, Detection, Findings
from sightline.media.frame import BgrPicture, Frame
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from sightline.vision.tracking.association import overlaps

LEAST_IOU = 0.5
CERTAIN = 0.4
"""The product's default for beginning a track; stock ByteTrack is tried with it too."""
WANTED_IDF1 = 0.85

Boxes = dict[int, list[tuple[int, Box]]]
"""By frame: number and box of each thing."""


@dataclass(frozen=True, slots=True)
class Footage:
    """One sequence with what was found in it and by whom it was tracked."""

    name: str
    truth: Boxes
    found: Mapping[int, Sequence[Detection]]
    """All boxes, uncertain ones included."""
    ours: Boxes
    fps: float


@dataclass(frozen=True, slots=True)
class Score:
    mota: float
    idf1: float
    switches: int


def figures() -> list[Figure]:
    return _measure()[0]


def _measure() -> tuple[list[Figure], dict[str, object]]:
    analyzers.load(entry_points=False)
    rows: list[Figure] = []
    notes: dict[str, object] = {}
    for sequence in (_surveillance(), _tud_campus(), _pets_with_given_detections()):
        ours = _score(sequence.truth, sequence.ours)
        stock = _best_stock(sequence)
        bound = _score(sequence.truth, _with_true_numbers(sequence))
        rows += [
            Figure(f"{sequence.name}: IDF1", ours.idf1, "", "stock ByteTrack", stock.idf1, "higher", 1.0),
            Figure(f"{sequence.name}: MOTA", ours.mota, "", "stock ByteTrack", stock.mota, "higher", 1.0),
        ]
        notes[f"{sequence.name}: changes of number, ours / stock"] = f"{ours.switches} / {stock.switches}"
        notes[f"{sequence.name}: IDF1 of the certain boxes with true numbers"] = round(bound.idf1, 3)
        if sequence.name == "surveillance":
            rows.append(Figure("surveillance: IDF1", ours.idf1, "", "wanted", WANTED_IDF1, "higher", 1.0))
    return rows, notes


def _surveillance() -> Footage:
    """Frame by frame through the stages as they come: the exact mode of analysis."""
    resources = Resources(ModelStore(_asset("weights/yolov8n.onnx").parent))
    objects, tracking = stage("object_detection"), stage("multi_object_tracking")
    detector = objects.factory(make_params(objects, {"model": "yolov8n", "classes": "people"}), resources)
    tracker = tracking.factory(tracking.params(), resources)
    video = cv2.VideoCapture(str(_asset("video/surveillance_people_69f.mp4")))
    fps = video.get(cv2.CAP_PROP_FPS)
    found: dict[int, list[Detection]] = {}
    ours: Boxes = {}
    while (read := video.read())[0]:
        number = len(found) + 1
        frame = _frame(number, fps, read[1])
        seen = detector.analyze([frame])[0]
        found[number] = [*seen.detections, *seen.candidates]
        ours[number] = _numbered(tracker.interpret(frame, seen))
    truth = _read_truth(_asset("groundtruth/mot15_PETS09-S2L1/gt_frames1-69_480x360.txt"))
    return Footage("surveillance", truth, found, ours, fps)


def _tud_campus() -> Footage:
    folder = _asset("groundtruth/mot15_TUD-Campus")
    found = _read_detections(folder / "det.txt")
    return Footage("TUD-Campus", _read_truth(folder / "gt.txt"), found, _track(found, 25.0, (640, 480)), 25.0)


def _pets_with_given_detections() -> Footage:
    folder = _asset("groundtruth/mot15_PETS09-S2L1")
    truth = _read_truth(folder / "gt_frames1-69_768x576.txt")
    found = {frame: boxes for frame, boxes in _read_detections(folder / "det.txt").items() if frame <= max(truth)}
    return Footage("PETS09-S2L1, given boxes", truth, found, _track(found, 7.0, (768, 576)), 7.0)


def _track(found: Mapping[int, Sequence[Detection]], fps: float, size_px: tuple[int, int]) -> Boxes:
    """Through the product's stage, on pictures that show nothing."""
    info = stage("multi_object_tracking")
    tracker = info.factory(make_params(info, {"appearance": False}), Resources(ModelStore(Path("none"))))
    nothing = np.zeros((size_px[1], size_px[0], 3), np.uint8)
    ours: Boxes = {}
    for number in range(1, max(found) + 1):
        frame = _frame(number, fps, nothing)
        seen = Findings.of("object_detection", frame, detections=tuple(found.get(number, ())))
        ours[number] = _numbered(tracker.interpret(frame, seen))
    return ours


def _best_stock(sequence: Footage) -> Score:
    own: dict[str, Any] = {}
    tuned = {"track_activation_threshold": CERTAIN, "high_conf_det_threshold": CERTAIN}
    scores = [
        _score(sequence.truth, _track_stock(sequence, least, settings)) for settings in (own, tuned) for least in (0.0, CERTAIN)
    ]
    return Score(max(s.mota for s in scores), max(s.idf1 for s in scores), min(s.switches for s in scores))


def _track_stock(sequence: Footage, least: float, settings: Mapping[str, Any]) -> Boxes:
    tracker = ByteTrackTracker(frame_rate=sequence.fps, **settings)
    told: Boxes = {}
    for number in range(1, max(sequence.found) + 1):
        boxes = [d for d in sequence.found.get(number, ()) if d.score >= least]
        given = supervision.Detections(
            xyxy=np.array([d.box for d in boxes], float).reshape(-1, 4), confidence=np.array([d.score for d in boxes], float),
            class_id=np.zeros(len(boxes), int),
        )  # fmt: skip
        tracked = tracker.update(given)
        pairs = zip(tracked.tracker_id, tracked.xyxy, strict=True)
        told[number] = [(int(i), (box[0], box[1], box[2], box[3])) for i, box in pairs if i is not None and i >= 0]
    return told


def _with_true_numbers(sequence: Footage) -> Boxes:
    """The certain boxes, each with the number of the truth it matches: no tracker can do better without inventing boxes."""
    told: Boxes = {}
    for number, truth in sequence.truth.items():
        boxes = [d.box for d in sequence.found.get(number, ()) if d.score >= CERTAIN]
        costs = 1 - overlaps([box for _, box in truth], boxes)
        pairs = {int(column): int(row) for row, column in zip(*linear_sum_assignment(costs), strict=True)}
        told[number] = [
            (truth[pairs[i]][0] if i in pairs and costs[pairs[i], i] <= 1 - LEAST_IOU else -number * 1000 - i, box)
            for i, box in enumerate(boxes)
        ]
    return told


def _score(truth: Boxes, told: Boxes) -> Score:
    accumulator = motmetrics.MOTAccumulator()
    for number in range(1, max(truth) + 1):
        true, said = truth.get(number, []), told.get(number, [])
        # motmetrics' own overlaps call what NumPy 2 has removed.
        distances = 1 - overlaps([box for _, box in true], [box for _, box in said])
        distances[distances > 1 - LEAST_IOU] = np.nan
        accumulator.update([n for n, _ in true], [n for n, _ in said], distances, frameid=number)
    summary = motmetrics.metrics.create().compute(accumulator, metrics=["mota", "idf1", "num_switches"], name="all")
    row = summary.loc["all"]
    return Score(float(row["mota"]), float(row["idf1"]), int(row["num_switches"]))


def _frame(number: int, fps: float, image: Any) -> Frame:
    pts_ns = round(number * 1e9 / fps)
    return Frame("benchmark", number, pts_ns, pts_ns, 0.0, BgrPicture(image))


def _numbered(findings: Findings) -> list[tuple[int, Box]]:
    return [(detection.track_id, detection.box) for detection in findings.detections if detection.track_id is not None]


def _read_truth(path: Path) -> Boxes:
    truth: Boxes = defaultdict(list)
    for frame, number, box, _ in _rows(path):
        truth[frame].append((number, box))
    return dict(truth)


def _read_detections(path: Path) -> dict[int, list[Detection]]:
    found: dict[int, list[Detection]] = defaultdict(list)
    for frame, _, box, score in _rows(path):
        found[frame].append(Detection("person", min(1.0, max(0.0, score)), box))
    return dict(found)


def _rows(path: Path) -> list[tuple[int, int, Box, float]]:
    """Frame, number, box and score of each line of a file of the MOT challenge."""
    rows = []
    for line in path.read_text().splitlines():
        frame, number, x, y, w, h, score = (float(part) for part in line.split(",")[:7])
        rows.append((int(frame), int(number), (x, y, x + w, y + h), score))
    return rows


def _asset(name: str) -> Path:
    path = ASSETS / name
    if not path.exists():
        fail(f"{name} is not in {ASSETS}")
    return path


if __name__ == "__main__":
    report("accuracy_tracking", *_measure())
