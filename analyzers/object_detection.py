"""Objects: people, vehicles and the other COCO classes with a detector's weight file; people only, with OpenCV's HOG, without one.

HOG misses whoever is smaller than a quarter of the picture's height, so that it serves a camera at a door, not one over a yard.
What the models cost and find is measured by `benchmarks/inference.py` and `benchmarks/accuracy`. One instance serves all cameras,
called by one thread at a time.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from sightline.errors import AnalyzerError, Invalid
from sightline.media.findings import Detection, Findings, clamp_box
from sightline.media.frame import Frame, Image, shrink_to_width
from sightline.media.models import ModelStore
from sightline.media.stage import LONGEST_TEXT, Resources, checked_param, param, register
from sightline.vision.coco import COCO_LABELS
from sightline.vision.inference import Detector, is_runnable, locate
from sightline.vision.steady import KEPT_SHARE, Steady
from sightline.vision.tiles import detect_in_tiles

WEIGHTS = {
    "yolo11n": ("yolo11n.onnx",),
    "yolov8n": ("yolov8n.onnx",),
    "yolox_nano": ("yolox_nano.onnx",),
    "yolox_s": ("object_detection_yolox_2022nov.onnx",),
    "nanodet_m": ("nanodet_m.onnx",),
    "yolov8n_pt": ("yolov8n.pt",),
    "own": ("objects.onnx", "objects.pt"),
}
"""Names of models and their files; `auto` takes the first that is here. The first five stand in the manifest."""
AUTO = ("own", "yolo11n", "yolov8n", "yolox_nano", "yolox_s", "nanodet_m", "yolov8n_pt")
HOG = "hog"
HOG_WIDTH_PX = 640
HOG_MARGIN_X, HOG_MARGIN_Y = 0.14, 0.06
"""Share of a HOG window around the person on each side."""
SAME_THING_IOU = 0.5
"""Two boxes of one class that overlap as much are one thing; COCO counts a box as found from the same overlap on."""
LEAST_CANDIDATE = 0.1
"""What is at least this certain, but less than asked for, is handed to trackers as a candidate."""
VEHICLES = ("bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat")
ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")
CLASSES: dict[str, frozenset[str] | None] = {
    "all": None,
    "people": frozenset(("person",)),
    "vehicles": frozenset(VEHICLES),
    "people and vehicles": frozenset(("person", *VEHICLES)),
    "animals": frozenset(ANIMALS),
    "things": frozenset(COCO_LABELS) - {"person", *VEHICLES, *ANIMALS},
}
TILES = {"off": 1, "2×2": 2, "3×3": 3}


def check_thresholds(value: object, name: str) -> str:
    """`person 0.5, car 0.3`, written evenly. Raises: Invalid."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise Invalid(f"{name} must be a line of text such as “person 0.5, car 0.3”.", code="wrong_type", field=name)
    return ", ".join(f"{label} {threshold:g}" for label, threshold in read_thresholds(value, name).items())


def read_thresholds(text: str, name: str) -> dict[str, float]:
    """Least score by class, from `person 0.5, car 0.3`. Raises: Invalid."""
    thresholds: dict[str, float] = {}
    for part in (part.strip() for part in text.split(",") if part.strip()):
        label, _, number = part.replace(":", " ").replace("=", " ").rpartition(" ")
        try:
            threshold = float(number)
        except ValueError:
            threshold = math.nan
        if not label.strip() or not label.isprintable() or not 0 < threshold <= 1:
            raise Invalid(
                f"{name}: “{part}” must be a class and a number above 0 and up to 1, such as “person 0.5”.",
                code="wrong_value", field=name,
            )  # fmt: skip
        thresholds[" ".join(label.split())] = threshold
    return thresholds


@dataclass(frozen=True)
class ObjectParams:
    confidence: float = param(0.25, "Confidence", minimum=0.05, maximum=0.95, step=0.05, help="Less certain objects are ignored.")
    classes: str = param("all", "Look for", choices=tuple(CLASSES))
    only: tuple[str, ...] = param((), "Only these classes", choices=COCO_LABELS, help="Any of these instead of the choice above.")
    thresholds: str = checked_param(
        "", "Confidence by class", check_thresholds, help="Other than the one above for some classes, e.g. person 0.5, car 0.3"
    )
    steady: bool = param(True, "Steady", help="What was certain at the last look stays while it is a quarter less certain.")
    tiles: str = param(
        "off", "Small objects", choices=tuple(TILES), help="Look at pieces of the picture too: 5 or 10 looks instead of one."
    )
    model: str = param(
        "auto",
        "Model",
        choices=("auto", *WEIGHTS, HOG),
        help="auto takes the best one whose weight file is here; hog finds people only and needs no file; "
        "own is objects.onnx or objects.pt in MODELS_DIR.",
    )


class Finder(Protocol):
    """What looks at pictures."""

    name: str

    @property
    def provider(self) -> str: ...

    def detect_many(self, images: Sequence[Image], confidence: float, overlap: float | None = None) -> list[list[Detection]]: ...


class HogPeople:
    """People by histograms of oriented gradients; the model is part of OpenCV."""

    name = "OpenCV HOG"
    provider = "OpenCV"

    def __init__(self) -> None:
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())  # type: ignore[attr-defined]

    def detect_many(self, images: Sequence[Image], confidence: float, overlap: float | None = None) -> list[list[Detection]]:
        return [self.detect(image, confidence) for image in images]

    def detect(self, image: Image, confidence: float) -> list[Detection]:
        small = cv2.cvtColor(shrink_to_width(image, HOG_WIDTH_PX), cv2.COLOR_BGR2GRAY)
        window_w, window_h = self._hog.winSize
        # OpenCV wants at least one whole window.
        right, bottom = max(0, window_w - small.shape[1]), max(0, window_h - small.shape[0])
        padded = cv2.copyMakeBorder(small, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
        rects, weights = self._hog.detectMultiScale(padded, winStride=(8, 8), padding=(8, 8), scale=1.1)
        scale = image.shape[1] / small.shape[1]
        size_px = (image.shape[1], image.shape[0])
        people = [_person(rect, float(w), scale, size_px) for rect, w in zip(rects, np.ravel(weights), strict=True)]
        return [p for p in people if p.score >= confidence and p.box[2] > p.box[0] and p.box[3] > p.box[1]]


class ObjectDetection:
    """Looks at the frames of all cameras together, or at one after the other in pieces."""

    def __init__(self, params: ObjectParams, finder: Finder) -> None:
        self._confidence = params.confidence
        self._thresholds = read_thresholds(params.thresholds, "thresholds")
        self._wanted = frozenset(params.only) or CLASSES[params.classes]
        self._grid = TILES[params.tiles]
        self._finder = finder
        self._steady = Steady(self._threshold_of) if params.steady else None
        # The detector must tell of all that any class, the hysteresis or a tracker may want.
        least = min([self._confidence, *self._thresholds.values()]) * (KEPT_SHARE if params.steady else 1.0)
        self._least = min(least, LEAST_CANDIDATE)

    @property
    def backend(self) -> str:
        """Model and runtime, for the operator."""
        return f"{self._finder.name} on {self._finder.provider}"

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        if self._grid == 1:
            looks = self._detect([frame.image for frame in frames])
        else:
            looks = [detect_in_tiles(frame.image, self._grid, self._detect, SAME_THING_IOU) for frame in frames]
        return [self._findings(frame, found) for frame, found in zip(frames, looks, strict=True)]

    def _detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        return self._finder.detect_many(images, self._least, SAME_THING_IOU)

    def _findings(self, frame: Frame, found: Sequence[Detection]) -> Findings:
        wanted = [d for d in found if self._wanted is None or d.label in self._wanted]
        if self._steady is not None:
            chosen = self._steady.choose(frame, wanted)
        else:
            chosen = tuple(d for d in wanted if d.score >= self._threshold_of(d.label))
        measures = {"model": self._finder.name, "objects": len(chosen), "classes": dict(Counter(d.label for d in chosen))}
        candidates = tuple(d for d in wanted if d.score >= LEAST_CANDIDATE and not any(d is c for c in chosen))
        return Findings.of("object_detection", frame, detections=chosen, measures=measures, candidates=candidates)

    def _threshold_of(self, label: str) -> float:
        return self._thresholds.get(label, self._confidence)


def _person(rect: Sequence[int], weight: float, scale: float, size_px: tuple[int, int]) -> Detection:
    x, y, w, h = rect
    dx, dy = w * HOG_MARGIN_X, h * HOG_MARGIN_Y
    box = clamp_box(((x + dx) * scale, (y + dy) * scale, (x + w - dx) * scale, (y + h - dy) * scale), size_px)
    # The distance from the classifier's plane has no upper bound; this maps 0.5 to 0.4 and 2 to 0.86.
    return Detection("person", 1 - math.exp(-max(0.0, weight)), box)


def find_weights(models: ModelStore, wanted: str) -> Path | None:
    """The weight file that the parameter `model` asks for; None means HOG.

    Raises:
        AnalyzerError: a named file is not here.
    """
    if wanted == HOG:
        return None
    files = [file for name in (AUTO if wanted == "auto" else (wanted,)) for file in WEIGHTS[name]]
    here = [path for file in files if (path := locate(models, file)) is not None]
    # What was asked for by name may fail and tell why; of its own accord nothing is taken that cannot run.
    path = next((path for path in here if wanted != "auto" or is_runnable(path)), None)
    if path is None and wanted != "auto":
        raise AnalyzerError(
            f"The weight file {' or '.join(files)} is not on this machine. {_how_to_get(wanted)}", code="model_missing"
        )
    return path


def _how_to_get(wanted: str) -> str:
    if wanted in ("own", "yolov8n_pt"):
        return "Put it into MODELS_DIR, or choose another model."
    return f"Fetch it with `python -m sightline.media.models fetch {wanted}`, put it into MODELS_DIR, or choose another model."


def _make(params: ObjectParams, resources: Resources) -> ObjectDetection:
    path = find_weights(resources.models, params.model)
    return ObjectDetection(params, HogPeople() if path is None else Detector(path))


register(
    "object_detection",
    _make,
    kind="analyzer",
    group="Objects",
    label="Objects",
    description="Finds people; with a detector's weight file also vehicles, animals and things.",
    params=ObjectParams,
    shared=True,
    rate_hz=5.0,
    licence="MIT; weight files have their own",
    backend="onnxruntime, or OpenCV HOG",
)
