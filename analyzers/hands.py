"""Hands: 21 points each, which hand it is, and simple gestures, by MediaPipe Hands (the models inside its wheel).

The points stand in MediaPipe's order: wrist, then four of each finger from the base to the tip: thumb, index, middle, ring, little.
A hand is right or left as its owner has it. About 20 ms per look. The model follows hands from look to look: one instance per
camera, called by one thread; each takes 90 MB, 60 in its lite form.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from sightline.media.findings import Detection, Findings, Scalar, clamp_box
from sightline.media.frame import Frame, Image, shrink_to_width
from sightline.media.stage import Resources, param, register
from sightline.vision.gestures import HAND_BONES, gesture_of
from sightline.vision.solutions import missing_mediapipe, open_solution

WIDTH_PX = 640
COMPLEXITY = {"full": 1, "lite": 0}
OWNERS_HAND = {"Left": "right", "Right": "left"}
"""The model takes pictures for mirrored, as those of a webcam on a screen; a camera's are not."""


@dataclass(frozen=True)
class HandsParams:
    most: int = param(2, "Hands at most", minimum=1, maximum=4, step=1, help="Each hand costs more.")
    confidence: float = param(0.6, "Confidence", minimum=0.3, maximum=0.95, step=0.05, help="Less certain hands are ignored.")
    detail: str = param("full", "Detail", choices=("full", "lite"), help="lite: misses more hands, and takes a third less memory.")
    gestures: bool = param(True, "Gestures", help="Open palm, fist, pointing, victory, thumbs up and down.")


class Hands:
    """Follows hands in the pictures of one camera."""

    def __init__(self, params: HandsParams) -> None:
        self._params = params
        self._size_px = (0, 0)
        self._model: Any = None
        self._open()

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def close(self) -> None:
        self._model.close()

    def _look(self, frame: Frame) -> Findings:
        if self._size_px not in ((0, 0), frame.size_px):
            # The model remembers where the hands were, as a share of the picture.
            self._model.close()
            self._open()
        self._size_px = frame.size_px
        answer = self._model.process(cv2.cvtColor(_square(shrink_to_width(frame.image, WIDTH_PX)), cv2.COLOR_BGR2RGB))
        seen = zip(
            answer.multi_hand_landmarks or (), answer.multi_hand_world_landmarks or (), answer.multi_handedness or (), strict=True
        )
        found = [hand for parts in seen if (hand := self._hand(*parts, frame.size_px)) is not None]
        # While it searches for one more, the model may give one too many.
        hands = sorted(found, key=lambda hand: -hand.score)[: self._params.most]
        gestures = sorted({str(hand.attributes["gesture"]) for hand in hands if hand.attributes.get("gesture")})
        measures: dict[str, object] = {"hands": len(hands)}
        if self._params.gestures:
            measures["gestures"] = gestures
        return Findings.of("hands", frame, detections=tuple(hands), measures=measures)

    def _hand(self, landmarks: Any, world: Any, handedness: Any, size_px: tuple[int, int]) -> Detection | None:
        """One hand; None when it is too uncertain or not in the picture."""
        side = handedness.classification[0]
        picture = np.array([(p.x, p.y) for p in landmarks.landmark], np.float32) * max(size_px)
        if side.score < self._params.confidence or not np.isfinite(picture).all():
            return None
        box = clamp_box((*picture.min(axis=0).tolist(), *picture.max(axis=0).tolist()), size_px)  # type: ignore[arg-type]
        if box[2] <= box[0] or box[3] <= box[1]:
            return None
        attributes: dict[str, Scalar] = {"side": OWNERS_HAND.get(side.label, "")}
        if self._params.gestures:
            attributes["gesture"] = gesture_of(np.array([(p.x, p.y, p.z) for p in world.landmark], np.float32), picture)
        inside = np.clip(picture, 0, size_px)
        points = tuple((round(float(x), 1), round(float(y), 1), 1.0) for x, y in inside)
        return Detection("hand", min(1.0, float(side.score)), box, keypoints=points, attributes=attributes, bones=HAND_BONES)

    def _open(self) -> None:
        self._model = open_solution(
            "hands",
            lambda module: module.Hands(
                max_num_hands=self._params.most,
                model_complexity=COMPLEXITY[self._params.detail],
                min_detection_confidence=self._params.confidence,
                min_tracking_confidence=self._params.confidence,
            ),
            lambda model: model.process(np.zeros((128, 128, 3), np.uint8)),
        )


def _square(image: Image) -> Image:
    """The picture in the upper left of a black square: the model turns hands truly in a square picture only."""
    height, width = image.shape[:2]
    side = max(height, width)
    return cv2.copyMakeBorder(image, 0, side - height, 0, side - width, cv2.BORDER_CONSTANT)  # type: ignore[return-value]


def _unavailable(_resources: Resources) -> str | None:
    return missing_mediapipe()


def _make(params: HandsParams, _resources: Resources) -> Hands:
    return Hands(params)


register(
    "hands",
    _make,
    kind="analyzer",
    label="Hands",
    description="Draws the fingers of hands near the camera, says which hand it is and knows simple gestures.",
    params=HandsParams,
    unavailable=_unavailable,
    group="People and faces",
    rate_hz=10.0,
    licence="Apache-2.0",
    backend="MediaPipe Hands",
)
