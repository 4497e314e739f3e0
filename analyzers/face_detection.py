"""Faces: boxes, six keypoints, and whether eyes are open and the mouth smiles. About 15 ms per look.

Two BlazeFace models from the mediapipe wheel, both looking at squares that together cover the picture: the *near* one finds large
faces (2 ms per square), the *far* one finds faces down to about 15 px of a 480 px wide picture (5 ms per square). Looking
at squares instead of the letterboxed whole finds smaller faces: on a 16:9 picture they are 1.8 times larger in the model's input.
Eyes and smile come from OpenCV's Haar cascades inside the face.

Keypoints: right eye, left eye, nose, mouth, right ear, left ear (the person's own right and left). YuNet, an option where its
weights are here, gives right eye, left eye, nose, right and left corner of the mouth; it is dearer, and surer of turned faces.
One instance per camera, called by one thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sightline.errors import AnalyzerError
from sightline.media.findings import Box, Detection, Findings, Scalar, clamp_box
from sightline.media.frame import Frame, Image, shrink_to_width
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, param, register
from sightline.vision.solutions import missing_mediapipe, open_solution
from sightline.vision.squares import squares
from sightline.vision.weights import missing_weights
from sightline.vision.yunet import FILES, YuNet

WIDTH_PX = 640
MODELS = {"near": 0, "far": 1}
MODEL_CONFIDENCE = 0.5
"""The models themselves drop what is below."""
SAME_FACE = 0.4
"""Overlap, as a share of the smaller box, above which two boxes are the same face."""
CROP_WIDTH_PX = 160
"""Faces are scaled down to this before the cascades look."""
SMALLEST_FACE_PX = 48
"""Below this, eyes and mouth are a few pixels: nothing is said about them."""
MOST_FACES_EXAMINED = 4


@dataclass(frozen=True)
class FaceParams:
    confidence: float = param(0.5, "Confidence", minimum=0.5, maximum=1.0, step=0.05, help="Less certain faces are ignored.")
    model: str = param("blazeface", "Model", choices=("blazeface", "yunet"), help="yunet: surer, dearer; needs its weights.")
    reach: str = param("both", "Faces", choices=("both", "near", "far"), help="near: large faces only, and cheaper (BlazeFace).")
    eyes_and_smile: bool = param(True, "Eyes and smile", help="Looks inside each face of 48 px or more.")


class FaceDetection:
    """Finds faces in the pictures of one camera."""

    def __init__(self, params: FaceParams, models: ModelStore) -> None:
        self._params = params
        self._yunet = YuNet(_yunet_file(models), params.confidence) if params.model == "yunet" else None
        reaches = ("near", "far") if params.reach == "both" else (params.reach,)
        self._models = [_open_model(MODELS[reach]) for reach in reaches] if self._yunet is None else []
        self._expression = Expression() if params.eyes_and_smile else None

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def _look(self, frame: Frame) -> Findings:
        faces = self._by_blazeface(frame) if self._yunet is None else self._yunet.detect(frame.image)
        if self._expression is not None:
            faces = self._examined(frame.image, faces)
        return Findings(
            "face_detection", frame.camera_id, frame.seq, frame.pts_ns, frame.captured_ns, frame.size_px, tuple(faces),
            {"faces": len(faces)},
        )  # fmt: skip

    def _by_blazeface(self, frame: Frame) -> list[Detection]:
        small = shrink_to_width(frame.image, WIDTH_PX)
        scale = frame.size_px[0] / small.shape[1]
        return [_scaled(face, scale, frame.size_px) for face in self._faces(small)]

    def _faces(self, small: Image) -> list[Detection]:
        rgb = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
        found: list[Detection] = []
        for x, y, side_x, side_y in squares(small.shape[1], small.shape[0]):
            part = np.ascontiguousarray(rgb[y : y + side_y, x : x + side_x])
            for model in self._models:
                answer = model.process(part)
                found += [_detection(face, x, y, side_x, side_y) for face in answer.detections or ()]
        return distinct([face for face in found if face.score >= self._params.confidence])

    def _examined(self, image: Image, faces: list[Detection]) -> list[Detection]:
        assert self._expression is not None
        largest = sorted(faces, key=lambda face: face.box[0] - face.box[2])[:MOST_FACES_EXAMINED]
        return [replace(face, attributes=self._expression.of(image, face.box)) if face in largest else face for face in faces]


class Expression:
    """Open eyes and smile inside a face, by Haar cascades."""

    def __init__(self) -> None:
        folder = Path(cv2.data.haarcascades)  # type: ignore[attr-defined]
        self._eye = cv2.CascadeClassifier(str(folder / "haarcascade_eye.xml"))
        self._smile = cv2.CascadeClassifier(str(folder / "haarcascade_smile.xml"))

    def of(self, image: Image, box: Box) -> dict[str, Scalar]:
        """`{"eyes": 0..2, "smile": bool}`, or nothing when the face is too small to tell."""
        x1, y1, x2, y2 = (round(v) for v in box)
        if x2 - x1 < SMALLEST_FACE_PX or y2 - y1 < SMALLEST_FACE_PX:
            return {}
        face = cv2.cvtColor(shrink_to_width(image[y1:y2, x1:x2], CROP_WIDTH_PX), cv2.COLOR_BGR2GRAY)
        face = cv2.equalizeHist(face)
        height, width = face.shape
        eyes = self._eye.detectMultiScale(face[: height * 6 // 10], 1.1, 5, minSize=(width // 8, width // 8))
        mouth = face[height * 6 // 10 :]
        smiles = self._smile.detectMultiScale(mouth, 1.3, 18, minSize=(width // 4, width // 8))
        return {"eyes": min(2, len(eyes)), "smile": len(smiles) > 0}


def distinct(faces: list[Detection]) -> list[Detection]:
    """Drop every box that covers the same face as a more certain one."""
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(_shared_part(face.box, other.box) < SAME_FACE for other in kept):
            kept.append(face)
    return kept


def _shared_part(a: Box, b: Box) -> float:
    overlap = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    smaller = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return overlap / smaller if smaller > 0 else 1.0


def _detection(face: Any, x: int, y: int, width: int, height: int) -> Detection:
    """From mediapipe's answer about one square to pixels of the small picture."""
    place = face.location_data.relative_bounding_box
    left, top = x + place.xmin * width, y + place.ymin * height
    box = (left, top, left + place.width * width, top + place.height * height)
    points = tuple((x + p.x * width, y + p.y * height, 1.0) for p in face.location_data.relative_keypoints)
    return Detection("face", float(face.score[0]), box, keypoints=points)


def _scaled(face: Detection, scale: float, size_px: tuple[int, int]) -> Detection:
    x1, y1, x2, y2 = face.box
    box = clamp_box((x1 * scale, y1 * scale, x2 * scale, y2 * scale), size_px)
    points = tuple((min(max(x * scale, 0.0), size_px[0]), min(max(y * scale, 0.0), size_px[1]), s) for x, y, s in face.keypoints)
    return replace(face, box=box, keypoints=points)


def _open_model(selection: int) -> Any:
    return open_solution(
        "face_detection",
        lambda module: module.FaceDetection(model_selection=selection, min_detection_confidence=MODEL_CONFIDENCE),
        lambda model: model.process(np.zeros((128, 128, 3), np.uint8)),
    )


def _yunet_file(models: ModelStore) -> Path:
    for file in FILES:
        path = models.find(file)
        if path is not None:
            return path
    raise AnalyzerError(missing_weights(models, FILES[:1]) or "", code="model_missing")


def _unavailable(_resources: Resources) -> str | None:
    return missing_mediapipe()


def _make(params: FaceParams, resources: Resources) -> FaceDetection:
    return FaceDetection(params, resources.models)


register(
    "face_detection",
    _make,
    kind="analyzer",
    label="Faces",
    group="People and faces",
    description="Finds faces, counts open eyes and notices smiles. Recognises nobody.",
    params=FaceParams,
    unavailable=_unavailable,
    rate_hz=10.0,
    licence="Apache-2.0",
    backend="MediaPipe BlazeFace; OpenCV",
)
