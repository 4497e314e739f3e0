"""Detectors: pictures in, boxes with labels (and keypoints) out. One `Detector` may serve many cameras and threads."""

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sightline.errors import AnalyzerError
from sightline.media.findings import Box, Detection, clamp_box
from sightline.media.frame import Image
from sightline.vision.coco import COCO_BONES, COCO_LABELS
from sightline.vision.inference.backend import Array
from sightline.vision.inference.layouts import LAYOUTS, Candidates, Layout, find_layout
from sightline.vision.inference.letterbox import Letterbox, letterbox
from sightline.vision.inference.nms import suppress
from sightline.vision.inference.session import DEFAULT_SIDE_PX, Session, open_session

LEAST_CONFIDENCE = 0.01
"""Below this, detectors claim something in every cell."""


class Detector:
    """One object or pose detector."""

    def __init__(self, path: Path, *, threads: int | None = None, layout: str = "", labels: Sequence[str] = ()) -> None:
        """Load the file.

        Args:
            threads: cores that one inference may use; None = all that models may use.
            layout: one of LAYOUTS; empty = told by the shape of an answer.
            labels: names of the classes; empty = those in the file, else COCO's.

        Raises:
            AnalyzerError: not a model, damaged, or not a detector of a known layout.
        """
        self._session = open_session(path, threads)
        self.name = path.name
        self._side_px = _input_side(self._session)
        self._layout = self._find_layout(layout)
        self.labels = tuple(labels) or _labels(self._session.metadata)

    @property
    def provider(self) -> str:
        """What runs it, for the operator: `CPU`, `CUDA`, `OpenVINO`…"""
        return self._session.provider

    @property
    def layout(self) -> str:
        """The name of the family."""
        return self._layout.name

    def detect(self, image: Image, confidence: float, overlap: float | None = None) -> list[Detection]:
        """Find objects in one BGR picture; boxes in its pixels, best first. See `detect_many`."""
        return self.detect_many([image], confidence, overlap)[0]

    def detect_many(self, images: Sequence[Image], confidence: float, overlap: float | None = None) -> list[list[Detection]]:
        """Find objects in pictures of any sizes, in one run where that is quicker; boxes in their pixels, best first.

        Args:
            overlap: IoU from which two boxes of a class are one thing; None = what the model's own implementation takes.

        Raises:
            AnalyzerError: the runtime failed.
        """
        if not images:
            return []
        least = max(confidence, LEAST_CONFIDENCE)
        boxed = [self._boxed(image) for image in images]
        answers = self._session.run_batch(self._layout.pixels.tensor([box.pixels for box in boxed]))
        return [
            self._detections(
                self._read([array[i] for array in answers], least), boxed[i], (image.shape[1], image.shape[0]), overlap
            )
            for i, image in enumerate(images)
        ]

    def _boxed(self, image: Image) -> Letterbox:
        layout = self._layout
        return letterbox(image, self._side_px, centred=layout.is_centred, border=layout.border, stride_px=layout.stride_px)

    def _read(self, answer: Sequence[Array], least: float) -> Candidates:
        # Numbers that are none come from broken weights; they are sorted out below, and worth no warning here.
        with np.errstate(all="ignore"):
            return self._layout.read(answer, self._side_px, least)

    def _detections(
        self, found: Candidates, box: Letterbox, size_px: tuple[int, int], overlap: float | None
    ) -> list[Detection]:  # fmt: skip
        usable = np.isfinite(found.boxes).all(axis=1) & np.isfinite(found.scores)
        boxes, scores, classes = box.to_picture(found.boxes[usable]), found.scores[usable], found.classes[usable]
        points = None if found.keypoints is None else _in_picture(found.keypoints[usable], box, size_px)
        detections = []
        for i in suppress(boxes, scores, classes, overlap or self._layout.nms_iou):
            clamped = clamp_box(_box(boxes[i]), size_px)
            if clamped[2] > clamped[0] and clamped[3] > clamped[1]:
                keypoints = () if points is None else tuple(_point(row) for row in points[i])
                bones = COCO_BONES if len(keypoints) == 17 else ()
                score = min(1.0, float(scores[i]))
                detections.append(Detection(self._label(int(classes[i])), score, clamped, keypoints=keypoints, bones=bones))
        return detections

    def _label(self, number: int) -> str:
        return self.labels[number] if number < len(self.labels) else f"class {number}"

    def _find_layout(self, name: str) -> Layout:
        if name in LAYOUTS:
            return LAYOUTS[name]
        answer = self._session.run_batch(np.zeros((1, 3, self._side_px[1], self._side_px[0]), np.float32))
        layout = find_layout(answer, self._side_px, self._session.metadata)
        if layout is None:
            shapes = ", ".join("×".join(map(str, array.shape)) for array in answer)
            raise AnalyzerError(
                f"{self.name} is no object detector of a known layout (its output is {shapes}). "
                "Use an export of YOLOv5, YOLOv8 or later, YOLOX or NanoDet.",
                code="model_unknown_layout",
            )
        return layout


def _box(row: Array) -> Box:
    x1, y1, x2, y2 = row.tolist()
    return (x1, y1, x2, y2)


def _point(row: Array) -> tuple[float, float, float]:
    x, y, score = row.tolist()
    return (x, y, score)


def _in_picture(keypoints: Array, box: Letterbox, size_px: tuple[int, int]) -> Array:
    """Keypoints `(n, k, 3)` in the picture; those that are no numbers lie in the corner, with no certainty."""
    moved = np.concatenate([box.points_to_picture(keypoints[..., :2]), keypoints[..., 2:]], axis=2)
    moved[~np.isfinite(moved).all(axis=2)] = 0
    return np.clip(moved, 0, [size_px[0], size_px[1], 1])  # type: ignore[no-any-return]


def _input_side(session: Session) -> tuple[int, int]:
    """Width, height of the model's input `(n, 3, height, width)`."""
    shape = session.input_shape
    if len(session.inputs) != 1 or len(shape) != 4 or shape[1] not in (3, None):
        raise AnalyzerError(f"{session.name} takes no colour picture (1×3×height×width).", code="model_unknown_layout")
    return shape[3] or DEFAULT_SIDE_PX, shape[2] or DEFAULT_SIDE_PX


def _labels(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Class names from the file (Ultralytics writes them), else COCO's."""
    try:
        names = ast.literal_eval(metadata.get("names", ""))
    except (ValueError, SyntaxError):
        return COCO_LABELS
    if isinstance(names, dict):
        return tuple(str(names[key]) for key in sorted(names))
    return COCO_LABELS
