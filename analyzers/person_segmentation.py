"""People as a mask: how certainly each cell of a small grid shows a person. 6 ms per look, 30 MB.

`selfie` is MediaPipe's model inside its wheel: made for people near the camera, good down to a sixth of the picture's height.
`pphumanseg` of the OpenCV model zoo needs its weight file. The grid is 256 cells along the longer side at most.
Both are calmed over time, each cell towards its newest value, so that edges do not flicker. One instance per camera.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.media.findings import Findings, Mask
from sightline.media.frame import Frame, Image
from sightline.media.stage import Resources, param, register
from sightline.vision.inference import Pixels, Segmenter
from sightline.vision.solutions import missing_mediapipe, open_solution
from sightline.vision.weights import weights

RATE_HZ = 15.0
GRID_PX = 256
"""Longest side of the mask."""
CALM_S = 0.08
"""Time in which a cell goes two thirds of the way to its new value."""
FORGET_AFTER_S = 1.0
"""After a gap this long the old mask says nothing any more."""
PPHUMANSEG_FILE = "human_segmentation_pphumanseg_2023mar.onnx"
PPHUMANSEG_PIXELS = Pixels(is_rgb=True, mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5))
"""RGB, -1..1"""

Floats = NDArray[np.float32]
Look = Callable[[Image], Floats]
"""From a small BGR picture to the share of a person in each of its pixels, 0..1."""


@dataclass(frozen=True)
class SegmentationParams:
    model: str = param("selfie", "Model", choices=("selfie", "pphumanseg"), help="pphumanseg needs its weight file.")
    threshold: float = param(0.5, "Threshold", minimum=0.1, maximum=0.9, step=0.05, help="From here on a cell counts as person.")


class PersonSegmentation:
    """Separates people from the background in the pictures of one camera."""

    def __init__(self, params: SegmentationParams, look: Look) -> None:
        self._threshold = params.threshold
        self._look = look
        self._mask: Floats | None = None
        self._pts_ns = 0

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._see(frame) for frame in frames]

    def _see(self, frame: Frame) -> Findings:
        fresh = self._look(_grid(frame.image))
        mask = self._calmed(np.clip(np.nan_to_num(fresh, nan=0.0, posinf=1.0, neginf=0.0), 0, 1), frame.pts_ns)
        values = np.round(mask * 255).astype(np.uint8)
        values.flags.writeable = False
        share = float((mask >= self._threshold).mean())
        measures = {"person_share": round(share, 4), "has_person": share > 0}
        return Findings.of("person_segmentation", frame, measures=measures, mask=Mask("person", values))

    def _calmed(self, fresh: Floats, pts_ns: int) -> Floats:
        elapsed_s, self._pts_ns = (pts_ns - self._pts_ns) / 1e9, pts_ns
        if self._mask is None or self._mask.shape != fresh.shape or not 0 <= elapsed_s < FORGET_AFTER_S:
            self._mask = fresh
        else:
            self._mask = self._mask + (fresh - self._mask) * np.float32(1 - np.exp(-elapsed_s / CALM_S))
        return self._mask


def _grid(image: Image) -> Image:
    height, width = image.shape[:2]
    scale = min(1.0, GRID_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def selfie() -> Look:
    """MediaPipe's general model. Raises: AnalyzerError."""
    model: Any = open_solution(
        "selfie_segmentation",
        lambda module: module.SelfieSegmentation(model_selection=0),
        lambda model: model.process(np.zeros((128, 128, 3), np.uint8)),
    )

    def look(small: Image) -> Floats:
        mask = model.process(cv2.cvtColor(small, cv2.COLOR_BGR2RGB)).segmentation_mask
        return np.asarray(mask, np.float32)

    return look


def pphumanseg(resources: Resources) -> Look:
    """PP-HumanSeg: background and person. Raises: AnalyzerError."""
    segmenter = Segmenter.open(weights(resources.models, PPHUMANSEG_FILE), PPHUMANSEG_PIXELS, classes=2)

    def look(small: Image) -> Floats:
        person = segmenter.shares([small])[0, 1]
        return cv2.resize(person, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value,no-any-return]

    return look


def _unavailable(_resources: Resources) -> str | None:
    return missing_mediapipe()


def _make(params: SegmentationParams, resources: Resources) -> PersonSegmentation:
    return PersonSegmentation(params, selfie() if params.model == "selfie" else pphumanseg(resources))


register(
    "person_segmentation",
    _make,
    kind="analyzer",
    label="People's outlines",
    description="Separates people near the camera from the background, and says how much of the picture they fill.",
    params=SegmentationParams,
    unavailable=_unavailable,
    group="People and faces",
    rate_hz=RATE_HZ,
    licence="Apache-2.0",
    backend="MediaPipe Selfie Segmentation, or PP-HumanSeg through onnxruntime",
)
