"""Face mesh: 468 points of each face, open mouth, closed eyes and the turn of the head, by MediaPipe FaceMesh (inside its wheel).

The points stand in MediaPipe's order. About 6 ms for one face, and 4 more for each further one. The model is made for faces within
some two metres of the camera, and follows them from look to look: one instance per camera, called by one thread.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from sightline.media.findings import Detection, Findings, Scalar, clamp_box
from sightline.media.frame import Frame, shrink_to_width
from sightline.media.stage import Resources, param, register
from sightline.vision.face_points import face_state
from sightline.vision.solutions import missing_mediapipe, open_solution

WIDTH_PX = 640
AHEAD_DEGREES = 20.0
"""A head turned by less than this looks ahead."""
DROWSY_S = 1.5
"""Eyes shut for so long are more than a blink."""

Bones = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class MeshParams:
    most: int = param(2, "Faces at most", minimum=1, maximum=8, step=1, help="Each face costs more.")
    confidence: float = param(0.5, "Confidence", minimum=0.3, maximum=0.95, step=0.05, help="Less certain faces are ignored.")


class FaceMesh:
    """Follows the faces in the pictures of one camera."""

    def __init__(self, params: MeshParams) -> None:
        self._params = params
        self._size_px = (0, 0)
        self._model: Any = None
        self._contours: Bones = ()
        self._shut_since_ns: int | None = None
        self._open()

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def close(self) -> None:
        self._model.close()

    def _look(self, frame: Frame) -> Findings:
        if self._size_px not in ((0, 0), frame.size_px):
            # The model remembers where the faces were, as a share of the picture.
            self._model.close()
            self._open()
        self._size_px = frame.size_px
        small = shrink_to_width(frame.image, WIDTH_PX)
        answer = self._model.process(cv2.cvtColor(small, cv2.COLOR_BGR2RGB))
        seen = (self._face(face, frame.size_px) for face in answer.multi_face_landmarks or ())
        faces = tuple(face for face in seen if face is not None)
        return Findings.of("face_mesh", frame, detections=faces, measures=self._measures(faces, frame.pts_ns))

    def _measures(self, faces: Sequence[Detection], pts_ns: int) -> dict[str, object]:
        counts = Counter(key for face in faces for key in ("eyes_closed", "mouth_open") if face.attributes[key])
        is_all_shut = bool(faces) and counts["eyes_closed"] == len(faces)
        if not is_all_shut:
            self._shut_since_ns = None
        elif self._shut_since_ns is None or pts_ns < self._shut_since_ns:
            self._shut_since_ns = pts_ns
        is_drowsy = self._shut_since_ns is not None and pts_ns - self._shut_since_ns >= DROWSY_S * 1e9
        return {
            "faces": len(faces), "eyes_closed": counts["eyes_closed"], "mouth_open": counts["mouth_open"],
            "eyes_long_shut": is_drowsy,
        }  # fmt: skip

    def _face(self, landmarks: Any, size_px: tuple[int, int]) -> Detection | None:
        """One face; None when it is not in the picture."""
        width, height = size_px
        # Depth comes in the unit of the width.
        points = np.array([(p.x * width, p.y * height, p.z * width) for p in landmarks.landmark], np.float32)
        if not np.isfinite(points).all():
            return None
        low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
        box = clamp_box((*low.tolist(), *high.tolist()), size_px)  # type: ignore[arg-type]
        if box[2] <= box[0] or box[3] <= box[1]:
            return None
        state = face_state(points)
        attributes: dict[str, Scalar] = {
            "eyes_closed": state.eyes_closed, "mouth_open": state.mouth_open, "looks": _direction(state.yaw_degrees),
            "yaw": round(state.yaw_degrees), "pitch": round(state.pitch_degrees), "roll": round(state.roll_degrees),
        }  # fmt: skip
        inside = np.clip(points[:, :2], 0, size_px)
        keypoints = tuple((round(float(x), 1), round(float(y), 1), 1.0) for x, y in inside)
        return Detection("face mesh", 1.0, box, keypoints=keypoints, attributes=attributes, bones=self._contours)

    def _open(self) -> None:
        def make(module: Any) -> Any:
            self._contours = tuple(sorted(module.FACEMESH_CONTOURS))
            return module.FaceMesh(
                max_num_faces=self._params.most,
                min_detection_confidence=self._params.confidence,
                min_tracking_confidence=self._params.confidence,
            )

        self._model = open_solution("face_mesh", make, lambda model: model.process(np.zeros((128, 128, 3), np.uint8)))


def _direction(yaw_degrees: float) -> str:
    if abs(yaw_degrees) < AHEAD_DEGREES:
        return "ahead"
    return "to the right" if yaw_degrees > 0 else "to the left"


def _unavailable(_resources: Resources) -> str | None:
    return missing_mediapipe()


def _make(params: MeshParams, _resources: Resources) -> FaceMesh:
    return FaceMesh(params)


register(
    "face_mesh",
    _make,
    kind="analyzer",
    label="Face mesh",
    description="Draws the contours of faces near the camera; notices open mouths, closed eyes and where the head turns.",
    params=MeshParams,
    unavailable=_unavailable,
    group="People and faces",
    rate_hz=10.0,
    licence="Apache-2.0",
    backend="MediaPipe FaceMesh",
)
