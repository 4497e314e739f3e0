"""Scores of tracking by motmetrics at an IoU of 0.5, files of the MOT challenge, and stock ByteTrack to compare with.

Stock ByteTrack is `trackers.ByteTrackTracker`; it gets four settings (its own and our thresholds, with and without the uncertain
boxes), and the best figure of the four counts.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import motmetrics
import numpy as np
import supervision
from trackers import ByteTrackTracker

from benchmarks.footage import ASSETS
from benchmarks.report import fail
from sightline.media.findings import Box, Detection
from sightline.vision.tracking.association import overlaps

LEAST_IOU = 0.5
CERTAIN = 0.4
"""The product's default for beginning a track; stock ByteTrack is tried with it too."""

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


def best_stock(sequence: Footage) -> Score:
    """Stock ByteTrack's best figures, each for itself."""
    own: dict[str, Any] = {}
    tuned = {"track_activation_threshold": CERTAIN, "high_conf_det_threshold": CERTAIN}
    scores = [
        score(sequence.truth, _track_stock(sequence, least, settings)) for settings in (own, tuned) for least in (0.0, CERTAIN)
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


def score(truth: Boxes, told: Boxes) -> Score:
    """How well the numbered boxes that were told agree with the true ones."""
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


def read_truth(path: Path) -> Boxes:
    """Ground truth of the MOT challenge."""
    truth: Boxes = defaultdict(list)
    for frame, number, box, _ in read_rows(path):
        truth[frame].append((number, box))
    return dict(truth)


def read_rows(path: Path) -> list[tuple[int, int, Box, float]]:
    """Frame, number, box and score of each line of a file of the MOT challenge."""
    rows = []
    for line in path.read_text().splitlines():
        frame, number, x, y, w, h, certainty = (float(part) for part in line.split(",")[:7])
        rows.append((int(frame), int(number), (x, y, x + w, y + h), certainty))
    return rows


def asset(name: str) -> Path:
    path = ASSETS / name
    if not path.exists():
        fail(f"{name} is not in {ASSETS}")
    return path
