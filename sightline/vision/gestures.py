"""Gestures of a hand from its 21 points, by geometry alone: which fingers are straight, and where the thumb points. Pure."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]

WRIST, MIDDLE_BASE = 0, 9
THUMB = (1, 2, 3, 4)
FINGERS = {"index": (5, 6, 7, 8), "middle": (9, 10, 11, 12), "ring": (13, 14, 15, 16), "little": (17, 18, 19, 20)}
"""Base, middle joint, end joint and tip."""
HAND_BONES = (
    *((WRIST, base) for base in (1, 5, 17)), (5, 9), (9, 13), (13, 17),
    *((a, b) for chain in (THUMB, *FINGERS.values()) for a, b in pairwise(chain)),
)  # fmt: skip
STRAIGHT_DEGREES = 140.0
"""Angle at a finger's middle joint from which the finger counts as stretched out; a straight one has 180."""
THUMB_STRAIGHT_DEGREES = 145.0
THUMB_AWAY = 1.1
"""Distance of a stretched thumb's tip from the base of the little finger, in lengths of the palm."""
UPRIGHT_SHARE = 0.7
"""Part of the thumb's length that must go up or down: within 45° of the vertical."""

_BY_FINGERS: dict[tuple[bool, ...], str] = {
    (True, True, True, True, True): "open palm",
    (False, False, False, False, False): "fist",
    (False, True, False, False, False): "pointing",
    (True, True, False, False, False): "pointing",
    (False, True, True, False, False): "victory",
    (True, True, True, False, False): "victory",
}
"""Stretched thumb, index, middle, ring, little."""


def gesture_of(shape: Points, picture: Points) -> str:
    """The gesture, or nothing when it is none of those known.

    Args:
        shape: `(21, 3)` in any unit that is the same along the three axes, so that a finger towards the camera is not short.
        picture: `(21, 2)` in pixels, y downwards: where up is.

    Returns:
        open palm, fist, pointing, victory, thumbs up, thumbs down, or "".
    """
    stretched = stretched_fingers(shape)
    if stretched == (True, False, False, False, False):
        return _thumb(picture)
    return _BY_FINGERS.get(stretched, "")


def stretched_fingers(shape: Points) -> tuple[bool, ...]:
    """Which of thumb, index, middle, ring and little finger are stretched out."""
    palm = float(np.linalg.norm(shape[MIDDLE_BASE] - shape[WRIST]))
    if palm <= 0 or not np.isfinite(shape).all():
        return ()
    is_thumb = (
        _angle(shape, THUMB[1:]) >= THUMB_STRAIGHT_DEGREES
        and float(np.linalg.norm(shape[THUMB[3]] - shape[FINGERS["little"][0]])) >= THUMB_AWAY * palm
    )
    return (is_thumb, *(_is_stretched(shape, joints) for joints in FINGERS.values()))


def _is_stretched(shape: Points, joints: Sequence[int]) -> bool:
    base, middle, _, tip = joints
    # A bent finger's tip comes back towards the wrist, whatever the angles of a blurred hand say.
    is_far = float(np.linalg.norm(shape[tip] - shape[WRIST])) > float(np.linalg.norm(shape[middle] - shape[WRIST]))
    return is_far and _angle(shape, (base, middle, tip)) >= STRAIGHT_DEGREES


def _angle(shape: Points, joints: Sequence[int]) -> float:
    """Degrees at the second of three points."""
    first, second = shape[joints[0]] - shape[joints[1]], shape[joints[2]] - shape[joints[1]]
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    if lengths <= 0:
        return 0.0
    return float(np.degrees(np.arccos(np.clip(float(first @ second) / lengths, -1, 1))))


def _thumb(picture: Points) -> str:
    x, y = picture[THUMB[3]] - picture[THUMB[1]]
    length = float(np.hypot(x, y))
    if length <= 0 or abs(y) < UPRIGHT_SHARE * length:
        return ""
    return "thumbs up" if y < 0 else "thumbs down"
