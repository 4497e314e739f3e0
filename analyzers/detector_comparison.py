"""Two detectors on the same pictures: what both see, what only one of them sees, and what each costs.

Two boxes are the same thing when they have one label and overlap by an IoU of 0.5 or more; pairs are made from the largest overlap
down. Only labels that both models know are compared: where one knows people only, people are.
"""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from analyzers.object_detection import HOG, SAME_THING_IOU, WEIGHTS, Finder, HogPeople, find_weights
from sightline.media.findings import Detection, Findings, iou
from sightline.media.frame import Frame, Image
from sightline.media.stage import Resources, param, register
from sightline.vision.inference import Detector

NAME = "detector_comparison"
MODELS = ("auto", *WEIGHTS, HOG)
HOG_LABELS = ("person",)


@dataclass(frozen=True)
class ComparisonParams:
    model_a: str = param("auto", "Model A", choices=MODELS, help="auto is the best one whose weight file is here.")
    confidence_a: float = param(0.25, "Confidence of A", minimum=0.05, maximum=0.95, step=0.05)
    model_b: str = param(HOG, "Model B", choices=MODELS, help="hog finds people only and needs no file.")
    confidence_b: float = param(0.25, "Confidence of B", minimum=0.05, maximum=0.95, step=0.05)


@dataclass(frozen=True, slots=True)
class Matched:
    """What two detectors say of one picture."""

    both: tuple[tuple[Detection, Detection, float], ...]
    """A's detection, B's, and their IoU."""
    only_a: tuple[Detection, ...]
    only_b: tuple[Detection, ...]

    @property
    def union(self) -> int:
        return len(self.both) + len(self.only_a) + len(self.only_b)


def match(a: Sequence[Detection], b: Sequence[Detection], least_iou: float = SAME_THING_IOU) -> Matched:
    """Pair the detections of one label that overlap, the largest overlap first; each takes part in one pair."""
    overlaps = sorted(
        ((iou(one.box, other.box), i, j) for i, one in enumerate(a) for j, other in enumerate(b) if one.label == other.label),
        key=lambda overlap: (-overlap[0], overlap[1], overlap[2]),
    )
    taken_a: set[int] = set()
    taken_b: set[int] = set()
    pairs = []
    for overlap, i, j in overlaps:
        if overlap >= least_iou and i not in taken_a and j not in taken_b:
            taken_a.add(i)
            taken_b.add(j)
            pairs.append((a[i], b[j], overlap))
    only_a = tuple(one for i, one in enumerate(a) if i not in taken_a)
    return Matched(tuple(pairs), only_a, tuple(one for j, one in enumerate(b) if j not in taken_b))


class _Side:
    """One of the two detectors."""

    def __init__(self, finder: Finder, confidence: float) -> None:
        self.name = finder.name
        self.labels = frozenset(getattr(finder, "labels", HOG_LABELS))
        self._finder = finder
        self._confidence = confidence

    def look(self, image: Image, labels: frozenset[str]) -> tuple[list[Detection], float]:
        """What it finds of `labels`, and how many ms it took."""
        started_ns = time.monotonic_ns()
        found = self._finder.detect_many([image], self._confidence, SAME_THING_IOU)[0]
        cost_ms = (time.monotonic_ns() - started_ns) / 1e6
        return [detection for detection in found if detection.label in labels], cost_ms


class DetectorComparison:
    """Looks at one camera's frames with both detectors."""

    def __init__(self, a: _Side, b: _Side) -> None:
        self._a, self._b = a, b
        self._labels = a.labels & b.labels
        self._looks = self._both = self._union = 0
        self._numbers = itertools.count(1)

    @property
    def backend(self) -> str:
        return f"{self._a.name} and {self._b.name}"

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def _look(self, frame: Frame) -> Findings:
        found_a, ms_a = self._a.look(frame.image, self._labels)
        found_b, ms_b = self._b.look(frame.image, self._labels)
        matched = match(found_a, found_b)
        self._looks += 1
        self._both += len(matched.both)
        self._union += matched.union
        measures: dict[str, Any] = {
            "model_a": self._a.name, "model_b": self._b.name, "count_a": len(found_a), "count_b": len(found_b),
            "both": len(matched.both), "agreement": _share(len(matched.both), matched.union),
            "mean_agreement": _share(self._both, self._union), "looks": self._looks,
            "cost_ms_a": round(ms_a, 2), "cost_ms_b": round(ms_b, 2),
        }  # fmt: skip
        # A new number for each thing at each look: what is not seen again is gone at once, not carried on for a while.
        told = tuple(replace(detection, track_id=next(self._numbers)) for detection in _told(matched))
        return Findings.of(NAME, frame, detections=told, measures=measures)


def _share(both: int, union: int) -> float:
    """Two that see nothing agree."""
    return round(both / union, 4) if union else 1.0


def _told(matched: Matched) -> tuple[Detection, ...]:
    """Each thing once, with who saw it; a pair has A's box, and the corners of B's as keypoints that are not painted."""
    pairs = tuple(
        Detection(
            a.label, a.score, a.box, keypoints=((b.box[0], b.box[1], 0.0), (b.box[2], b.box[3], 0.0)),
            attributes={"by": "both", "score_b": round(b.score, 4), "overlap": round(overlap, 3)},
        )
        for a, b, overlap in matched.both
    )  # fmt: skip
    alone = ((matched.only_a, "a"), (matched.only_b, "b"))
    return (*pairs, *(Detection(d.label, d.score, d.box, attributes={"by": by}) for only, by in alone for d in only))


def _side(model: str, confidence: float, resources: Resources) -> _Side:
    path = find_weights(resources.models, model)
    return _Side(HogPeople() if path is None else Detector(path), confidence)


def _make(params: ComparisonParams, resources: Resources) -> DetectorComparison:
    return DetectorComparison(
        _side(params.model_a, params.confidence_a, resources), _side(params.model_b, params.confidence_b, resources)
    )


register(
    NAME,
    _make,
    kind="analyzer",
    group="Objects",
    label="Two detectors",
    description="Runs two models on the same pictures and shows what both see, what only one sees, and what each costs.",
    params=ComparisonParams,
    rate_hz=2.0,
    licence="MIT; weight files have their own",
    backend="onnxruntime, or OpenCV HOG",
)
