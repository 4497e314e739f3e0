"""Edges by Canny: white lines on black. About 4.5 ms at 720p on one core."""

from dataclasses import dataclass

import cv2

from sightline.media.frame import Image
from sightline.media.stage import Moment, Resources, param, register


@dataclass(frozen=True)
class EdgeParams:
    low: int = param(50, "Weak edge", minimum=0, maximum=500, step=5, help="Weaker edges are dropped.")
    high: int = param(
        150, "Strong edge", minimum=0, maximum=500, step=5, help="Weak edges stay only where they touch a strong one."
    )
    smooth: bool = param(True, "Smooth first", help="Removes the specks that noise makes.")


class EdgeDetection:
    """Canny on the brightness."""

    def __init__(self, params: EdgeParams) -> None:
        self._low, self._high = sorted((params.low, params.high))
        self._smooth = params.smooth

    def apply(self, image: Image, _moment: Moment) -> Image:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        if self._smooth:
            grey = cv2.GaussianBlur(grey, (3, 3), 0)
        edges = cv2.Canny(grey, self._low, self._high)
        return cv2.cvtColor(edges, cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]


def _make(params: EdgeParams, _resources: Resources) -> EdgeDetection:
    return EdgeDetection(params)


register(
    "edge_detection",
    _make,
    kind="filter",
    label="Edges",
    group="Views",
    description="Draws outlines only (Canny).",
    params=EdgeParams,
)
