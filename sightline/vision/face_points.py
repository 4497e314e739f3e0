"""What the 468 points of MediaPipe's face mesh say: contours to draw, open mouth, closed eyes, turn of the head. Pure.

Eyes and mouth by ratios of distances (the eye aspect ratio of Soukupová and Čech, 2016): they do not depend on the face's size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]

RIGHT_EYE = (33, 160, 158, 133, 153, 144)
"""Outer corner, two of the upper lid, inner corner, two of the lower lid; the person's own right."""
LEFT_EYE = (362, 385, 387, 263, 373, 380)
MOUTH = (78, 13, 308, 14)
"""Right corner, upper lip, left corner, lower lip; the inner edge."""
FOREHEAD, CHIN = 10, 152
RIGHT_CHEEK, LEFT_CHEEK = 234, 454
EYE_CLOSED_BELOW = 0.17
MOUTH_OPEN_ABOVE = 0.25


@dataclass(frozen=True, slots=True)
class FaceState:
    """A face at one moment."""

    eye_opening: float
    """Height by width, mean of both eyes; about 0.3 when open."""
    mouth_opening: float
    """Height by width; 0 when shut."""
    yaw_degrees: float
    """Positive: turned towards the right side of the picture."""
    pitch_degrees: float
    """Positive: looking up."""
    roll_degrees: float
    """Positive: tilted clockwise in the picture."""

    @property
    def eyes_closed(self) -> bool:
        return self.eye_opening < EYE_CLOSED_BELOW

    @property
    def mouth_open(self) -> bool:
        return self.mouth_opening > MOUTH_OPEN_ABOVE


def face_state(points: Points) -> FaceState:
    """Read a face.

    Args:
        points: `(468, 3)` in pixels: x to the right, y down, z away from the camera.
    """
    across = points[LEFT_CHEEK] - points[RIGHT_CHEEK]
    down = points[CHIN] - points[FOREHEAD]
    return FaceState(
        (_opening(points, RIGHT_EYE) + _opening(points, LEFT_EYE)) / 2,
        _ratio(points[MOUTH[1]] - points[MOUTH[3]], points[MOUTH[2]] - points[MOUTH[0]]),
        _degrees(across[2], float(np.hypot(across[0], across[1]))),
        _degrees(-down[2], float(np.hypot(down[0], down[1]))),
        _degrees(across[1], across[0]),
    )


def _opening(points: Points, eye: tuple[int, ...]) -> float:
    outer, upper_1, upper_2, inner, lower_2, lower_1 = (points[i] for i in eye)
    return (_ratio(upper_1 - lower_1, outer - inner) + _ratio(upper_2 - lower_2, outer - inner)) / 2


def _ratio(a: Points, b: Points) -> float:
    length = float(np.linalg.norm(b))
    return float(np.linalg.norm(a)) / length if length > 0 else 0.0


def _degrees(y: float, x: float) -> float:
    return float(np.degrees(np.arctan2(y, x)))
