"""Tracking: MOTA and IDF1 by motmetrics at an IoU of 0.5, against stock ByteTrack on the same detections in the same run.

Three sequences with ground truth: the surveillance clip (PETS09-S2L1, frames 1 to 69) through the product's own detector and
tracker with appearances; TUD-Campus and PETS09-S2L1 with the detections that the MOT15 challenge gives out, which come without
pictures, so that place and motion decide alone.
`python -m benchmarks.accuracy.tracking`
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

import analyzers
from benchmarks.accuracy.mot import CERTAIN, LEAST_IOU, Boxes, Footage, asset, best_stock, read_rows, read_truth, score
from benchmarks.report import Figure, report
from sightline.media.findings import Box, Detection, Findings
from sightline.media.frame import BgrPicture, Frame
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from sightline.vision.tracking.association import overlaps

WANTED_IDF1 = 0.85


def figures() -> list[Figure]:
    return _measure()[0]


def _measure() -> tuple[list[Figure], dict[str, object]]:
    analyzers.load(entry_points=False)
    rows: list[Figure] = []
    notes: dict[str, object] = {}
    for sequence in (_surveillance(), _tud_campus(), _pets_with_given_detections()):
        ours = score(sequence.truth, sequence.ours)
        stock = best_stock(sequence)
        bound = score(sequence.truth, _with_true_numbers(sequence))
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
    resources = Resources(ModelStore(asset("weights/yolov8n.onnx").parent))
    objects, tracking = stage("object_detection"), stage("multi_object_tracking")
    detector = objects.factory(make_params(objects, {"model": "yolov8n", "classes": "people"}), resources)
    tracker = tracking.factory(tracking.params(), resources)
    video = cv2.VideoCapture(str(asset("video/surveillance_people_69f.mp4")))
    fps = video.get(cv2.CAP_PROP_FPS)
    found: dict[int, list[Detection]] = {}
    ours: Boxes = {}
    while (read := video.read())[0]:
        number = len(found) + 1
        frame = _frame(number, fps, read[1])
        seen = detector.analyze([frame])[0]
        found[number] = [*seen.detections, *seen.candidates]
        ours[number] = _numbered(tracker.interpret(frame, seen))
    truth = read_truth(asset("groundtruth/mot15_PETS09-S2L1/gt_frames1-69_480x360.txt"))
    return Footage("surveillance", truth, found, ours, fps)


def _tud_campus() -> Footage:
    folder = asset("groundtruth/mot15_TUD-Campus")
    found = _read_detections(folder / "det.txt")
    return Footage("TUD-Campus", read_truth(folder / "gt.txt"), found, _track(found, 25.0, (640, 480)), 25.0)


def _pets_with_given_detections() -> Footage:
    folder = asset("groundtruth/mot15_PETS09-S2L1")
    truth = read_truth(folder / "gt_frames1-69_768x576.txt")
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


def _frame(number: int, fps: float, image: Any) -> Frame:
    pts_ns = round(number * 1e9 / fps)
    return Frame("benchmark", number, pts_ns, pts_ns, 0.0, BgrPicture(image))


def _numbered(findings: Findings) -> list[tuple[int, Box]]:
    return [(detection.track_id, detection.box) for detection in findings.detections if detection.track_id is not None]


def _read_detections(path: Path) -> dict[int, list[Detection]]:
    found: dict[int, list[Detection]] = defaultdict(list)
    for frame, _, box, certainty in read_rows(path):
        found[frame].append(Detection("person", min(1.0, max(0.0, certainty)), box))
    return dict(found)


if __name__ == "__main__":
    report("accuracy_tracking", *_measure())
