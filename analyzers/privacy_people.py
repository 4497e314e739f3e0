"""People for the privacy blur: sensitive, with settings of its own, so that no setting of another stage leaves anybody
uncovered.

With a detector's weights here: every box that may be a person, down to a confidence of 0.15. Without: OpenCV's HOG for people who
stand at some distance, and MediaPipe's person mask for those near the camera; both miss people who are small. Runs for the
privacy blur, it has no switch. One instance per camera, called by one thread.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from analyzers.object_detection import HogPeople
from analyzers.person_segmentation import selfie
from sightline.media.findings import Box, Detection, Findings, clamp_box
from sightline.media.frame import Frame, Image, shrink_to_width
from sightline.media.models import ModelStore
from sightline.media.stage import NoParams, Resources, register
from sightline.vision.inference import Detector
from sightline.vision.solutions import missing_mediapipe

FILES = ("yolov8n.onnx", "yolo11n.onnx", "object_detection_yolox_2022nov.onnx", "yolox_nano.onnx", "nanodet_m.onnx")
"""Detectors of COCO classes, the most sensitive one that keeps up first."""
CONFIDENCE = 0.15
HOG_CONFIDENCE = 0.1
MASK_WIDTH_PX = 256
MASK_LEAST = 0.3
SMALLEST_BLOB = 0.002
"""Share of the picture from which a part of the mask is a person and no speck."""

Find = Callable[[Image], list[Box]]


class PrivacyPeople:
    """Finds whatever may be a person in the pictures of one camera."""

    def __init__(self, find: Find) -> None:
        self._find = find

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def _look(self, frame: Frame) -> Findings:
        boxes = (clamp_box(box, frame.size_px) for box in self._find(frame.image) if np.isfinite(box).all())
        people = tuple(Detection("person", 1.0, box) for box in boxes if box[2] > box[0] and box[3] > box[1])
        return Findings.of("privacy_people", frame, detections=people, measures={"people": len(people)})


def by_detector(detector: Detector) -> Find:
    """Whoever the network takes for a person."""
    return lambda image: [d.box for d in detector.detect(image, CONFIDENCE) if d.label == "person"]


def without_weights() -> Find:
    """HOG for people at a distance, the mask for those near the camera. Raises: AnalyzerError."""
    hog, mask_of = HogPeople(), selfie()

    def find(image: Image) -> list[Box]:
        far = [person.box for person in hog.detect(image, HOG_CONFIDENCE)]
        small = shrink_to_width(image, MASK_WIDTH_PX)
        return far + blobs(np.nan_to_num(mask_of(small)) >= MASK_LEAST, (image.shape[1], image.shape[0]))

    return find


def blobs(is_person: np.ndarray, size_px: tuple[int, int]) -> list[Box]:
    """Boxes, in pixels of a picture of `size_px`, around the connected parts of a `(h, w)` mask."""
    height, width = is_person.shape
    count, _, stats, _ = cv2.connectedComponentsWithStats(is_person.astype(np.uint8))
    scale_x, scale_y = size_px[0] / width, size_px[1] / height
    boxes = []
    for x, y, w, h, area in stats[1:count].tolist():
        if area >= SMALLEST_BLOB * height * width:
            boxes.append((x * scale_x, y * scale_y, (x + w) * scale_x, (y + h) * scale_y))
    return boxes


def find_detector(models: ModelStore) -> Path | None:
    """The weights of the preferred detector that is here."""
    return next((path for file in FILES if (path := models.find(file)) is not None), None)


def _make(_params: NoParams, resources: Resources) -> PrivacyPeople:
    path = find_detector(resources.models)
    return PrivacyPeople(without_weights() if path is None else by_detector(Detector(path)))


def _unavailable(resources: Resources) -> str | None:
    return missing_mediapipe() if find_detector(resources.models) is None else None


register(
    "privacy_people",
    _make,
    kind="analyzer",
    label="People to hide",
    description="Finds whatever may be a person, for the privacy blur.",
    unavailable=_unavailable,
    group="Privacy",
    is_hidden=True,
    goes_first=True,
    rate_hz=8.0,
    licence="MIT; weight files have their own",
    backend="onnxruntime, or OpenCV HOG and MediaPipe",
)
