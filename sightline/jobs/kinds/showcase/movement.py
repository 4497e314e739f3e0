"""How the camera moves: dense flow between pictures, of which one shift and one zoom explain the most.

The flow is that of Kroeger et al., "Fast Optical Flow using Dense Inverse Search" (2016), as OpenCV has it, or RAFT's (`raft`).
Medians over the picture leave out what moves on its own. All lengths are shares of the picture's width, all speeds per second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.media.frame import Image, shrink_to_width

WIDTH_PX = 160
STEP_S = 0.08
"""At least so long between two pictures: slow pans of single pixels are seen, and shaking up to 6 Hz."""
MOVING = 0.012
"""Speed from which a camera pans or tilts."""
ZOOMING = 0.015
"""Growth per second from which it zooms (or walks forward)."""
SHAKY = 0.12
"""Mean change of speed from one step to the next from which a shot is unsteady; a tripod has 0.01, a walker 0.2."""
LEAST_RADIUS = 0.15
LEAST_SIDE_PX = 16


@dataclass(frozen=True, slots=True)
class Step:
    """Movement from one picture to the next."""

    right: float
    """Speed of the picture's content to the right."""
    down: float
    zoom: float
    """Growth per second; above 0 the camera comes nearer."""


@dataclass(frozen=True, slots=True)
class Movement:
    """The camera's movement in one shot."""

    kind: str
    """pan, tilt, zoom, static or shaky"""
    speed: float
    """Of the steady part."""
    shake: float
    """Mean change of speed between steps."""

    @property
    def smoothness(self) -> float:
        """0 (unsteady) to 1 (as from a tripod)."""
        hurry = max(0.0, self.speed - 0.3)
        return round(float(np.clip(1 - self.shake / (1.5 * SHAKY) - hurry, 0, 1)), 3)


Floats = NDArray[np.float32]


class Flow(Protocol):
    """Tells how the content of a picture moved to the next one."""

    def prepare(self, small: Image) -> Any:
        """What is compared, of a small BGR picture; None when it is too small to tell."""
        ...

    def between(self, before: Any, after: Any) -> Floats:
        """`(height, width, 2)` to the right and down, in shares of the width. Raises: AnalyzerError."""
        ...


class DisFlow:
    """Dense inverse search on brightness."""

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)

    def prepare(self, small: Image) -> Image | None:
        luma = shrink_to_width(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), WIDTH_PX)  # type: ignore[arg-type]
        return luma if min(luma.shape) >= LEAST_SIDE_PX else None

    def between(self, before: Image, after: Image) -> Floats:
        flow: Floats = self._search.calc(before, after, None)  # type: ignore[call-overload]
        return flow / np.float32(after.shape[1])


class Follower:
    """Measures the steps of one film, picture after picture."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._before: tuple[float, tuple[int, ...], Any] | None = None

    def see(self, small: Image, t_s: float) -> Step | None:
        """Look at a small BGR picture; None when too little time has gone by to tell. Raises: AnalyzerError."""
        before = self._before
        is_comparable = before is not None and before[1] == small.shape
        if before is not None and is_comparable and t_s - before[0] < STEP_S:
            return None
        prepared = self._flow.prepare(small)
        self._before = (t_s, small.shape, prepared)
        if before is None or not is_comparable or prepared is None:
            return None
        return _step(self._flow.between(before[2], prepared), t_s - before[0])


def _step(flow: Floats, elapsed_s: float) -> Step:
    height, width = flow.shape[:2]
    right, down = float(np.median(flow[..., 0])), float(np.median(flow[..., 1]))
    y, x = np.mgrid[:height, :width].astype(np.float32) / width
    x, y = x - x.mean(), y - y.mean()
    square = x * x + y * y
    outer = square > LEAST_RADIUS**2
    growth = ((flow[..., 0] - right) * x + (flow[..., 1] - down) * y)[outer] / square[outer]
    return Step(right / elapsed_s, down / elapsed_s, float(np.median(growth)) / elapsed_s if growth.size else 0.0)


def movement_of(steps: Sequence[Step]) -> Movement:
    """What the steps of one shot amount to."""
    if not steps:
        return Movement("static", 0.0, 0.0)
    path = np.array([(step.right, step.down, step.zoom) for step in steps])
    right, down, zoom = (float(value) for value in np.median(path, axis=0))
    shake = float(np.abs(np.diff(path[:, :2], axis=0)).sum(axis=1).mean()) if len(path) > 1 else 0.0
    speed = float(np.hypot(right, down))
    return Movement(_kind(right, down, zoom, shake), round(speed, 4), round(shake, 4))


def _kind(right: float, down: float, zoom: float, shake: float) -> str:
    if shake >= SHAKY:
        return "shaky"
    # Growth moves the picture's rim, half a width from the middle.
    if abs(zoom) >= ZOOMING and abs(zoom) / 2 >= max(abs(right), abs(down)):
        return "zoom"
    if max(abs(right), abs(down)) < MOVING:
        return "static"
    return "pan" if abs(right) >= abs(down) else "tilt"
