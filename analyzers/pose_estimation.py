"""Pose: the joints of people, with the bones between them.

* MediaPipe Pose (the model inside its wheel): 33 keypoints of the most prominent person, about 20 ms per look. They stand in
  MediaPipe's order: nose, eyes, ears, mouth, shoulders, elbows, wrists, hands, hips, knees, ankles, feet; their score is the
  visibility. The model follows the person from look to look.
* YOLO-pose, where its weight file is: COCO's 17 keypoints of everybody in the picture (`sightline/vision/coco.py`).

One instance per camera, called by one thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from sightline.errors import AnalyzerError
from sightline.media.findings import Box, Detection, Findings, clamp_box
from sightline.media.frame import Frame, Image, shrink_to_width
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, param, register
from sightline.vision.inference import Detector, is_runnable, locate
from sightline.vision.solutions import missing_mediapipe, open_solution

WIDTH_PX = 640
COMPLEXITY = 1
"""The only one whose model lies in the wheel; the others would be downloaded."""
SEEN = 0.5
"""Visibility from which a keypoint counts for the box."""
MEDIAPIPE_BONES = (
    (0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10), (11, 12), (11, 23), (12, 24), (23, 24),
    (11, 13), (13, 15), (15, 17), (15, 19), (15, 21), (17, 19), (12, 14), (14, 16), (16, 18), (16, 20), (16, 22), (18, 20),
    (23, 25), (25, 27), (27, 29), (29, 31), (27, 31), (24, 26), (26, 28), (28, 30), (30, 32), (28, 32),
)  # fmt: skip
MEDIAPIPE = "mediapipe"
WEIGHTS = {"yolov8n_pose": ("yolov8n-pose.onnx", "yolov8n-pose.pt")}
"""Names of models that see several people, and their files."""

Point = tuple[float, float, float]


@dataclass(frozen=True)
class PoseParams:
    confidence: float = param(0.5, "Confidence", minimum=0.1, maximum=0.95, step=0.05, help="Less certain persons are ignored.")
    smooth: bool = param(True, "Smooth", help="Calmer points, a little behind fast movement (MediaPipe).")
    model: str = param(
        "auto",
        "Model",
        choices=("auto", MEDIAPIPE, *WEIGHTS),
        help="mediapipe sees one person and needs no file; auto takes a model for several people where its weight file is here.",
    )


class PoseModel(Protocol):
    """What looks at one picture after the other of one camera."""

    @property
    def backend(self) -> str: ...

    def people(self, image: Image) -> Sequence[Detection]: ...


class MediaPipePose:
    """Follows one person."""

    backend = "MediaPipe Pose on CPU"

    def __init__(self, params: PoseParams) -> None:
        self._params = params
        self._size_px = (0, 0)
        self._model: Any = None
        self._open()

    def people(self, image: Image) -> Sequence[Detection]:
        size_px = (image.shape[1], image.shape[0])
        if self._size_px not in ((0, 0), size_px):
            # The model remembers where the person was, as a share of the picture.
            self._open()
        self._size_px = size_px
        small = shrink_to_width(image, WIDTH_PX)
        answer = self._model.process(cv2.cvtColor(small, cv2.COLOR_BGR2RGB))
        return _people(answer.pose_landmarks, size_px)

    def _open(self) -> None:
        self._model = open_solution(
            "pose",
            lambda module: module.Pose(
                model_complexity=COMPLEXITY,
                smooth_landmarks=self._params.smooth,
                min_detection_confidence=self._params.confidence,
                min_tracking_confidence=self._params.confidence,
            ),
            lambda model: model.process(np.zeros((128, 128, 3), np.uint8)),
        )


class YoloPose:
    """Sees everybody, in each picture anew."""

    def __init__(self, params: PoseParams, detector: Detector) -> None:
        self._confidence = params.confidence
        self._detector = detector

    @property
    def backend(self) -> str:
        return f"{self._detector.name} on {self._detector.provider}"

    def people(self, image: Image) -> Sequence[Detection]:
        return self._detector.detect(image, self._confidence)


class PoseEstimation:
    """Looks at the pictures of one camera."""

    def __init__(self, model: PoseModel) -> None:
        self._model = model

    @property
    def backend(self) -> str:
        """Model and runtime, for the operator."""
        return self._model.backend

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def _look(self, frame: Frame) -> Findings:
        people = tuple(self._model.people(frame.image))
        return Findings.of("pose_estimation", frame, detections=people, measures={"people": len(people)})


def _people(landmarks: Any, size_px: tuple[int, int]) -> tuple[Detection, ...]:
    if landmarks is None:
        return ()
    width, height = size_px
    points = tuple(
        (min(max(p.x * width, 0.0), width), min(max(p.y * height, 0.0), height), min(max(p.visibility, 0.0), 1.0))
        for p in landmarks.landmark
    )
    box = clamp_box(_box_around(points), size_px)
    if box[2] <= box[0] or box[3] <= box[1]:
        return ()
    score = sum(point[2] for point in points) / len(points)
    return (Detection("person", score, box, keypoints=points, bones=MEDIAPIPE_BONES),)


def _box_around(points: Sequence[Point]) -> Box:
    """Around the points that are seen; around all when none is."""
    seen = [point for point in points if point[2] >= SEEN] or list(points)
    xs, ys = [p[0] for p in seen], [p[1] for p in seen]
    return (min(xs), min(ys), max(xs), max(ys))


def find_weights(models: ModelStore, wanted: str) -> Path | None:
    """The weight file that the parameter `model` asks for; None means MediaPipe.

    Raises:
        AnalyzerError: a named file is not here.
    """
    if wanted == MEDIAPIPE:
        return None
    files = [file for name in (WEIGHTS if wanted == "auto" else (wanted,)) for file in WEIGHTS[name]]
    here = [path for file in files if (path := locate(models, file)) is not None]
    # What was asked for by name may fail and tell why; of its own accord nothing is taken that cannot run.
    path = next((path for path in here if wanted != "auto" or is_runnable(path)), None)
    if path is None and wanted != "auto":
        raise AnalyzerError(
            f"The weight file {files[0]} is not on this machine. Export it with ultralytics (`yolo export model=yolov8n-pose.pt "
            "format=onnx`), put it into MODELS_DIR, or choose another model.",
            code="model_missing",
        )
    return path


def _unavailable(resources: Resources) -> str | None:
    try:
        return None if find_weights(resources.models, "auto") is not None else missing_mediapipe()
    except AnalyzerError as err:
        return err.message


def _make(params: PoseParams, resources: Resources) -> PoseEstimation:
    path = find_weights(resources.models, params.model)
    return PoseEstimation(MediaPipePose(params) if path is None else YoloPose(params, Detector(path)))


register(
    "pose_estimation",
    _make,
    kind="analyzer",
    label="Pose",
    group="People and faces",
    description="Draws the posture of the most prominent person; of everybody with a YOLO-pose weight file.",
    params=PoseParams,
    unavailable=_unavailable,
    rate_hz=10.0,
    licence="Apache-2.0; weight files have their own",
    backend="MediaPipe Pose, or onnxruntime",
)
