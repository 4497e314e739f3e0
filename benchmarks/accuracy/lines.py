"""Counting lines: made scenes with a known answer, which must come out exactly, with jitter of several pixels on the line.

* Made: walkers who cross, turn back on the line or stand on it. Their boxes jitter, are missed now and then and have
  changing scores; they go through tracking and zones as the product has them, at 5, 10 and 30 looks a second.
* Rendered: people cut out of a photo walk over the photo of a house, and the detector has to find them first.

The baseline counts every change of side of every track, which is what a line without hysteresis does.
`python -m benchmarks.accuracy.lines`
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import analyzers
from analyzers.zones import ZonesParams
from benchmarks.footage import ASSETS
from benchmarks.report import Figure, fail, report
from sightline.media.findings import Detection, Findings
from sightline.media.frame import BgrPicture, Frame, Image
from sightline.media.models import ModelStore
from sightline.media.shapes import Shape
from sightline.media.stage import Resources, make_params, stage
from sightline.vision.counting.geometry import is_left

SIZE = (960, 540)
LINE = Shape("Line", ((0.0, 0.55), (1.0, 0.6)))
JITTER_PX = 5.0
MISSED_SHARE = 0.1
SCENES_PER_RATE = 8
RATES_HZ = (5.0, 10.0, 30.0)
WALK_S = 6.0

Way = Callable[[float], tuple[float, float]]
"""Where the feet are at a time 0..1, in pixels."""


@dataclass(frozen=True, slots=True)
class Count:
    ins: int
    outs: int

    def errors(self, truth: "Count") -> int:
        return abs(self.ins - truth.ins) + abs(self.outs - truth.outs)


@dataclass(frozen=True, slots=True)
class Walker:
    """One who goes his way and what that counts."""

    way: Way
    begin_s: float
    counts: Count


class Counter:
    """Tracking and zones as the product has them, and the baseline on the same tracks."""

    def __init__(self, resources: Resources, appearance: bool) -> None:
        tracking, zones = stage("multi_object_tracking"), stage("zones")
        self._tracking = tracking.factory(make_params(tracking, {"appearance": appearance}), resources)
        self._zones = zones.factory(ZonesParams(lines=(LINE,)), resources)
        self._sides: dict[int, bool] = {}
        self._naive = [0, 0]
        self.told = Count(0, 0)

    @property
    def naive(self) -> Count:
        return Count(*self._naive)

    def look(self, frame: Frame, found: Findings) -> None:
        tracked = self._tracking.interpret(frame, found)
        line = self._zones.interpret(frame, tracked).measures["lines"]["Line"]
        self.told = Count(line["in"], line["out"])
        start, end = LINE.to_pixels(frame.size_px)
        for detection in found_numbered(tracked):
            x1, _, x2, y2 = detection.box
            side = is_left(start, end, ((x1 + x2) / 2, y2))
            before = self._sides.get(detection.track_id or 0, side)
            self._sides[detection.track_id or 0] = side
            if before != side:
                self._naive[0 if before else 1] += 1


def found_numbered(findings: Findings) -> Iterator[Detection]:
    return (detection for detection in findings.detections if detection.track_id is not None)


def figures() -> list[Figure]:
    return _measure()[0]


def _measure() -> tuple[list[Figure], dict[str, object]]:
    analyzers.load(entry_points=False)
    wrong = naive = crossings = 0
    for rate_hz in RATES_HZ:
        for seed in range(SCENES_PER_RATE):
            walkers = _walkers(np.random.default_rng(seed))
            truth = _answer(walkers)
            counter = _count_made(walkers, rate_hz, np.random.default_rng(1000 + seed))
            crossings += truth.ins + truth.outs
            wrong += counter.told.errors(truth)
            naive += counter.naive.errors(truth)
    rendered, truth = _count_rendered()
    rows = [
        Figure("made scenes: wrong counts", wrong, "counts", "every change of side", naive, "lower", 0.0),
        Figure("rendered scene: wrong counts", rendered.told.errors(truth), "counts", "none (1 in the ratio)", 1.0, "lower", 0.0),
    ]
    notes: dict[str, object] = {
        "crossings in the made scenes": crossings,
        "rendered scene, in / out": f"{rendered.told.ins} / {rendered.told.outs}, true {truth.ins} / {truth.outs}",
        "rendered scene, every change of side": f"{rendered.naive.ins} / {rendered.naive.outs}",
    }
    return rows, notes


def _walkers(random: np.random.Generator) -> list[Walker]:
    """Twelve, one after the other and a few together, each with his own column of the picture or a stroll along the line."""
    walkers = []
    for number in range(12):
        x = 90.0 + 65 * number
        on_line = SIZE[1] * (0.55 + 0.05 * x / SIZE[0])
        kind = ("down", "up", "turns back", "stands")[int(random.integers(4))]
        walkers.append(Walker(_way(kind, x, on_line), 1.0 + 1.5 * number, _counts(kind)))
    return walkers


def _way(kind: str, x: float, on_line: float) -> Way:
    """Up and down by 180 pixels around the line; who stands does so for half of his time, then goes on downwards."""
    above, below = on_line - 180, on_line + 180
    corners = {
        "down": ((0.0, above), (1.0, below)),
        "up": ((0.0, below), (1.0, above)),
        "turns back": ((0.0, above), (0.4, on_line), (0.6, on_line), (1.0, above)),
        "stands": ((0.0, above), (0.25, on_line), (0.75, on_line), (1.0, below)),
    }[kind]
    times, heights = zip(*corners, strict=True)
    return lambda share: (x + 10 * share, float(np.interp(share, times, heights)))


def _counts(kind: str) -> Count:
    return {"down": Count(1, 0), "up": Count(0, 1), "turns back": Count(0, 0), "stands": Count(1, 0)}[kind]


def _answer(walkers: Sequence[Walker]) -> Count:
    return Count(sum(w.counts.ins for w in walkers), sum(w.counts.outs for w in walkers))


def _count_made(walkers: Sequence[Walker], rate_hz: float, random: np.random.Generator) -> Counter:
    counter = Counter(Resources(ModelStore(Path("none"))), appearance=False)
    nothing = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    # The last ones who vanish count when they are gone for good.
    end_s = max(w.begin_s for w in walkers) + WALK_S + 4.0
    for step in range(round(end_s * rate_hz)):
        now_s = step / rate_hz
        seen = []
        for walker in walkers:
            share = (now_s - walker.begin_s) / WALK_S
            if 0 <= share <= 1 and random.random() > MISSED_SHARE:
                x, y = np.array(walker.way(share)) + random.normal(0, JITTER_PX, 2)
                seen.append(Detection("person", float(random.uniform(0.5, 0.95)), (x - 22, y - 110, x + 22, y)))
        frame = _frame(step + 1, now_s, nothing)
        counter.look(frame, Findings.of("object_detection", frame, detections=tuple(seen)))
    return counter


def _count_rendered() -> tuple[Counter, Count]:
    """Three people: one goes down, one goes up, one comes to the line and turns back; their places jitter."""
    resources = Resources(ModelStore(_asset("weights/yolov8n.onnx").parent))
    objects = stage("object_detection")
    detector = objects.factory(make_params(objects, {"model": "yolov8n", "classes": "people"}), resources)
    counter, random = Counter(resources, appearance=True), np.random.default_rng(5)
    people = _cut_outs()
    background = cv2.resize(_picture("images/houses/1_frontal.jpg"), SIZE)
    line_y = 0.575 * SIZE[1]
    ways = [_way("down", 200, line_y), _way("up", 480, line_y), _way("turns back", 760, line_y)]
    for step in range(round((WALK_S + 4) * 10)):
        image = background.copy()
        share = step / 10 / WALK_S
        if share <= 1:
            for person, way in zip(people, ways, strict=True):
                _paste(image, person, np.array(way(share)) + random.normal(0, 3, 2))
        frame = _frame(step + 1, 1 + step / 10, image)
        counter.look(frame, detector.analyze([frame])[0])
    return counter, Count(1, 1)


def _cut_outs() -> list[Image]:
    """Two people of bus.jpg, one of them also mirrored, 190 pixels high."""
    photo = _picture("images/bus.jpg")
    first, second = photo[398:902, 50:244], photo[405:857, 224:341]
    crops = (np.ascontiguousarray(first[:, ::-1]), first, second)
    return [cv2.resize(crop, (round(190 * crop.shape[1] / crop.shape[0]), 190), interpolation=cv2.INTER_AREA) for crop in crops]


def _paste(image: Image, person: Image, feet: Any) -> None:
    height, width = person.shape[:2]
    left, top = round(float(feet[0]) - width / 2), round(float(feet[1])) - height
    y1, y2 = max(0, top), min(image.shape[0], top + height)
    if y2 > y1:
        image[y1:y2, left : left + width] = person[y1 - top : y2 - top]


def _picture(name: str) -> Image:
    return cv2.imread(str(_asset(name)))  # type: ignore[return-value]


def _frame(number: int, now_s: float, image: Any) -> Frame:
    pts_ns = round((now_s + 1) * 1e9)
    return Frame("benchmark", number, pts_ns, pts_ns, 0.0, BgrPicture(image))


def _asset(name: str) -> Path:
    path = ASSETS / name
    if not path.exists():
        fail(f"{name} is not in {ASSETS}")
    return path


if __name__ == "__main__":
    report("accuracy_lines", *_measure())
