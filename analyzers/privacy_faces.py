"""Faces for the privacy blur: sensitive, with settings of its own, so that no setting of another stage leaves a face uncovered.

BlazeFace, near and far, at a lower confidence than the face analyzer's lowest; where YuNet's weights are here, its faces as well.
What only one of them finds is covered too: a false alarm hides a patch of wall, a miss shows a person. 11 ms per look, 48 ms with
YuNet, which looks three times a second. It has no switch: it runs for the privacy blur. One instance per camera, called by one
thread.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sightline.media.findings import Detection, Findings, clamp_box
from sightline.media.frame import Frame, Image, shrink_to_width
from sightline.media.models import ModelStore
from sightline.media.stage import NoParams, Resources, register
from sightline.vision.solutions import missing_mediapipe, open_solution
from sightline.vision.squares import squares

log = logging.getLogger(__name__)

WIDTH_PX = 640
NEAR_AND_FAR = (0, 1)
BLAZE_CONFIDENCE = 0.3
YUNET_FILES = ("face_detection_yunet_2023mar.onnx", "yunet_n_640_640.onnx")
YUNET_CONFIDENCE = 0.4
YUNET_NMS_IOU = 0.3
YUNET_PERIOD_NS = 300_000_000
YUNET_SIDE_PX = 640
"""Some of the files take no other size."""


class PrivacyFaces:
    """Finds whatever may be a face in the pictures of one camera."""

    def __init__(self, yunet: Path | None) -> None:
        self._blaze = [_open_blaze(selection) for selection in NEAR_AND_FAR]
        self._yunet = _open_yunet(yunet) if yunet is not None else None
        self._second: tuple[int, tuple[int, ...], list[Detection]] = (0, (), [])
        """When YuNet looked last (pts, ns), at a picture of which shape, and what it found."""

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def _look(self, frame: Frame) -> Findings:
        small = shrink_to_width(frame.image, WIDTH_PX)
        scale = frame.size_px[0] / small.shape[1]
        found = [*self._by_blaze(small), *self._second_opinion(small, frame.pts_ns)]
        scaled = (_scaled(detection, scale, frame.size_px) for detection in found)
        faces = tuple(face for face in scaled if face is not None)
        return Findings.of("privacy_faces", frame, detections=faces, measures={"faces": len(faces)})

    def _by_blaze(self, small: Image) -> list[Detection]:
        rgb = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
        found = []
        for x, y, width, height in squares(small.shape[1], small.shape[0]):
            part = np.ascontiguousarray(rgb[y : y + height, x : x + width])
            for model in self._blaze:
                for face in model.process(part).detections or ():
                    place = face.location_data.relative_bounding_box
                    left, top = x + place.xmin * width, y + place.ymin * height
                    box = (left, top, left + place.width * width, top + place.height * height)
                    found.append(Detection("face", float(face.score[0]), box))
        return found

    def _second_opinion(self, small: Image, now_ns: int) -> list[Detection]:
        """YuNet's faces, those of its last look where that is recent: it is three times as dear as the rest together."""
        seen_ns, shape, found = self._second
        if shape != small.shape or not 0 <= now_ns - seen_ns < YUNET_PERIOD_NS:
            found = self._by_yunet(small)
            self._second = (now_ns, small.shape, found)
        return found

    def _by_yunet(self, small: Image) -> list[Detection]:
        if self._yunet is None:
            return []
        scale = YUNET_SIDE_PX / max(small.shape[:2])
        fitted = cv2.resize(small, None, fx=scale, fy=scale) if scale < 1 else small
        square = np.zeros((YUNET_SIDE_PX, YUNET_SIDE_PX, 3), np.uint8)
        square[: fitted.shape[0], : fitted.shape[1]] = fitted
        _, rows = self._yunet.detect(square)
        found = []
        for x, y, width, height, *_, score in (rows if rows is not None else np.zeros((0, 15))).tolist():
            x1, y1, x2, y2 = (edge / min(scale, 1.0) for edge in (x, y, x + width, y + height))
            found.append(Detection("face", score, (x1, y1, x2, y2)))
        return found


def _scaled(face: Detection, scale: float, size_px: tuple[int, int]) -> Detection | None:
    """In pixels of the source picture; None for what is no box."""
    if not np.isfinite(face.box).all():
        return None
    x1, y1, x2, y2 = (edge * scale for edge in face.box)
    # BlazeFace's boxes end at the eyebrows: hair and the top of the head belong to what people recognise.
    box = clamp_box((x1, y1 - 0.15 * (y2 - y1), x2, y2), size_px)
    if box[2] <= box[0] or box[3] <= box[1]:
        return None
    return Detection(face.label, min(1.0, max(0.0, face.score)), box)


def _open_blaze(selection: int) -> Any:
    return open_solution(
        "face_detection",
        lambda module: module.FaceDetection(model_selection=selection, min_detection_confidence=BLAZE_CONFIDENCE),
        lambda model: model.process(np.zeros((128, 128, 3), np.uint8)),
    )


def _open_yunet(path: Path) -> Any:
    """None when OpenCV cannot read the file: the faces that BlazeFace finds must be hidden all the same."""
    try:
        return cv2.FaceDetectorYN.create(
            str(path), "", (YUNET_SIDE_PX, YUNET_SIDE_PX), score_threshold=YUNET_CONFIDENCE, nms_threshold=YUNET_NMS_IOU
        )
    except cv2.error as err:
        log.warning("%s cannot be read, faces are searched without it: %s", path.name, err)
        return None


def find_yunet(models: ModelStore) -> Path | None:
    """YuNet's weights, in any of the files that OpenCV reads."""
    return next((path for file in YUNET_FILES if (path := models.find(file)) is not None), None)


def _unavailable(_resources: Resources) -> str | None:
    return missing_mediapipe()


def _make(_params: NoParams, resources: Resources) -> PrivacyFaces:
    return PrivacyFaces(find_yunet(resources.models))


register(
    "privacy_faces",
    _make,
    kind="analyzer",
    label="Faces to hide",
    description="Finds whatever may be a face, for the privacy blur.",
    unavailable=_unavailable,
    group="Privacy",
    is_hidden=True,
    goes_first=True,
    rate_hz=10.0,
    licence="Apache-2.0",
    backend="MediaPipe BlazeFace, YuNet",
)
