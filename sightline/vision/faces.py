"""Faces as numbers: the aligned crop that every recognition model wants, whether it is worth judging, and its embedding.

A face is brought into a fixed pose first: the similarity transform (rotation, scale, shift) that fits its eyes, nose and mouth
best to where a 112×112 face has them. The template and the crop are those of ArcFace (Deng et al., 2019), which SFace and
MobileFaceNet were trained on; the fit is the closed form of Umeyama (1991).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.errors import AnalyzerError
from sightline.media.findings import Detection
from sightline.media.frame import Image
from sightline.media.models import ModelStore
from sightline.vision.inference import Session, open_session

Floats = NDArray[np.float32]
Points = NDArray[np.float64]

SIDE_PX = 112
EYES_NOSE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366))
MOUTH_CORNERS = ((41.5493, 92.3655), (70.7299, 92.2041))
"""Where a face of 112×112 has them; the person's right first, which is on the left of the picture."""
KEYPOINTS_WITH_CORNERS = 5
"""YuNet: right eye, left eye, nose, right and left corner of the mouth. Any other count: eyes, nose, middle of the mouth, more."""

LEAST_SCORE = 0.6
"""A detector that is less certain may have found a hand; nothing is said about whose."""
MOST_TURN = 0.45
"""Distance of the nose from the middle of the eyes, along the line through the eyes and in its lengths: 0 looks straight ahead."""
LEAST_SHARPNESS = 0.003
"""A blur with a sigma of about 2.5 px of the crop: from there on an embedding moves too far from where it belongs."""
INNER = (slice(20, 100), slice(20, 92))
"""Rows and columns of the crop that are face, without what lies around it or beyond the edge of the picture."""


@dataclass(frozen=True, slots=True)
class FaceModel:
    """One embedding network and how it wants its input."""

    name: str
    """Kept with each embedding: those of different models cannot be compared."""
    file: str
    threshold: float
    """Cosine similarity from which two faces are the same person, as published with the model."""
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    """Input = (RGB 0..255 - mean) * scale."""
    licence: str


IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_SCALE = (1 / 58.395, 1 / 57.12, 1 / 57.375)

MODELS = (
    FaceModel("sface", "face_recognition_sface_2021dec.onnx", 0.363, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "Apache-2.0"),
    FaceModel("mobilefacenet", "mobilefacenet.onnx", 0.49, IMAGENET_MEAN, IMAGENET_SCALE, "Apache-2.0"),
)
"""In order of preference."""


def face_model(models: ModelStore, enrolled: Mapping[str, int] | None = None) -> tuple[FaceModel, Path] | None:
    """The recognition model that is used here and its file, or None when there is none.

    Args:
        enrolled: by name of a model, how many embeddings are known (`Gallery.counts`). The model of most of them is used while
            its file is here, so that fetching another one makes nobody unknown.
    """
    here = [(model, path) for model in MODELS if (path := models.find(model.file)) is not None]
    return max(here, key=lambda found: (enrolled or {}).get(found[0].name, 0), default=None)


def missing_face_model(models: ModelStore) -> str | None:
    """The reason why nobody can be recognised here and the way to change it, or None."""
    if face_model(models) is not None:
        return None
    names = " or ".join(model.file for model in MODELS)
    return f"No face recognition model is here ({names}). Fetch one: python -m sightline.media.models fetch {MODELS[0].name}"


@dataclass(frozen=True, slots=True)
class Crop:
    """One face in the fixed pose."""

    pixels: Image
    """`(112, 112, 3) uint8 BGR`"""
    turn: float
    """0 looks straight ahead, ±0.5 is nearly a profile."""
    is_cut: bool
    """An eye, the nose or the mouth lies at or beyond the edge of the picture."""


def align(image: Image, keypoints: Sequence[tuple[float, float, float]]) -> Crop:
    """Bring a face into the fixed pose.

    Args:
        image: `(H, W, 3) uint8 BGR`
        keypoints: x, y, score in pixels of `image`, in the order of one of the face detectors.

    Raises:
        ValueError: fewer than four keypoints, or they do not span a face.
    """
    points, template = _points(keypoints)
    matrix, scale = similarity(points, template)
    height, width = image.shape[:2]
    is_cut = bool(np.any(points <= 1) or np.any(points >= (width - 2, height - 2)))
    shrink = max(1.0, 0.5 / scale)
    if shrink > 1.0:
        # Sampling every third pixel makes noise of fine structure; averaging before does not.
        image, matrix = _smaller(image, matrix, shrink)
    pixels = cv2.warpAffine(image, matrix, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR)
    eyes = points[1] - points[0]
    turn = float((points[2] - (points[0] + points[1]) / 2) @ eyes / (eyes @ eyes))
    return Crop(pixels, turn, is_cut)  # type: ignore[arg-type]


def similarity(points: Points, template: Points) -> tuple[Points, float]:
    """The 2×3 matrix without shear that takes `points` `(n, 2)` closest to `template` `(n, 2)`, and its scale.

    Raises:
        ValueError: the points are one point, or no numbers.
    """
    centre, goal = points.mean(axis=0), template.mean(axis=0)
    # As complex numbers a rotation with scale is one factor, and its least-squares value one division.
    a, b = (points - centre) @ (1, 1j), (template - goal) @ (1, 1j)
    spread = float((abs(a) ** 2).sum())
    if not np.isfinite(spread) or spread < 1e-6:
        raise ValueError("the keypoints do not span a face")
    factor = complex((a.conj() * b).sum() / spread)
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.hstack([turn, (goal - turn @ centre)[:, None]]), max(abs(factor), 1e-6)


def _points(keypoints: Sequence[tuple[float, float, float]]) -> tuple[Points, Points]:
    if len(keypoints) < 4:
        raise ValueError("the detector gave no eyes, nose and mouth")
    if len(keypoints) == KEYPOINTS_WITH_CORNERS:
        template = np.array([*EYES_NOSE, *MOUTH_CORNERS])
        return np.array([point[:2] for point in keypoints], np.float64), template
    template = np.array([*EYES_NOSE, np.mean(MOUTH_CORNERS, axis=0)])
    return np.array([point[:2] for point in keypoints[:4]], np.float64), template


def _smaller(image: Image, matrix: Points, shrink: float) -> tuple[Image, Points]:
    """The part of `image` that the crop shows, shrunk, and the matrix for it."""
    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0], [SIDE_PX, 0], [0, SIDE_PX], [SIDE_PX, SIDE_PX]]) @ inverse[:, :2].T + inverse[:, 2]
    height, width = image.shape[:2]
    x1, y1 = np.clip(np.floor(corners.min(axis=0)), 0, (width - 1, height - 1)).astype(int)
    x2, y2 = np.clip(np.ceil(corners.max(axis=0)), (x1 + 1, y1 + 1), (width, height)).astype(int)
    part = image[y1:y2, x1:x2]
    size = (max(1, round((x2 - x1) / shrink)), max(1, round((y2 - y1) / shrink)))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    # From a pixel of `small` (its centre) to one of `image`, then on as before.
    factors = np.array([(x2 - x1) / size[0], (y2 - y1) / size[1]])
    offset = np.array([x1, y1]) + (factors - 1) / 2
    linear = matrix[:, :2] * factors
    return small, np.hstack([linear, (matrix[:, :2] @ offset + matrix[:, 2])[:, None]])  # type: ignore[return-value]


def sharpness(crop: Image) -> float:
    """Variance of the Laplacian over the variance of the grey values, inside the face.

    The measure of Pech-Pacheco et al. (2000) made free of contrast, after a blur of 1 px that takes away the noise of rounding.
    """
    grey = cv2.GaussianBlur(cv2.cvtColor(crop[INNER].astype(np.float32), cv2.COLOR_BGR2GRAY), (0, 0), 1.0)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var()) / max(1.0, float(grey.var()))


def flaw(face: Detection, crop: Crop, least_px: float, least_score: float = LEAST_SCORE) -> str:
    """Why nothing should be said about whose face this is; empty when it may be judged.

    Args:
        least_px: smallest width and height of the face's box.
    """
    x1, y1, x2, y2 = face.box
    if min(x2 - x1, y2 - y1) < least_px:
        return "too small"
    if face.score < least_score:
        return "not certain to be a face"
    if abs(crop.turn) > MOST_TURN:
        return "turned away"
    if crop.is_cut:
        return "cut off"
    if sharpness(crop.pixels) < LEAST_SHARPNESS:
        return "blurred"
    return ""


class FaceEmbedder:
    """One recognition model, loaded. Calls from several threads are safe."""

    def __init__(self, model: FaceModel, path: Path, *, threads: int = 1) -> None:
        """Raises: AnalyzerError: the file is damaged or is no face recognition model."""
        self.model = model
        self._session: Session = open_session(path, threads)
        self.provider = self._session.provider
        self._size = int(self._run(np.full((SIDE_PX, SIDE_PX, 3), 127, np.uint8)).size)

    @classmethod
    def open(cls, models: ModelStore, enrolled: Mapping[str, int] | None = None) -> "FaceEmbedder":
        """The model of `face_model`. Raises: AnalyzerError: there is none, or it is damaged."""
        found = face_model(models, enrolled)
        if found is None:
            raise AnalyzerError(missing_face_model(models) or "", code="model_unavailable")
        return cls(*found)

    def embed(self, crop: Image) -> Floats | None:
        """The embedding `(d,) float32` of length 1 of an aligned face, or None when the model gave no numbers."""
        vector = self._run(crop)
        length = float(np.linalg.norm(vector))
        if vector.size != self._size or not np.isfinite(length) or length < 1e-6:
            return None
        return (vector / length).astype(np.float32)

    def _run(self, crop: Image) -> Floats:
        rgb = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB).astype(np.float32)
        pixels = (rgb - np.array(self.model.mean, np.float32)) * np.array(self.model.scale, np.float32)
        outputs = self._session.run(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
        vector: Floats = np.asarray(outputs[0], np.float32)
        if vector.ndim != 2 or vector.shape[0] != 1:
            raise AnalyzerError(f"{self.model.file} is no face recognition model.", code="model_unknown_layout")
        return np.array(vector[0])
