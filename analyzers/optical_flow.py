"""Optical flow view: every movement in the colour of its direction. About 1.5 ms at 720p on one core.

Dense inverse search (Kroeger et al., ECCV 2016; OpenCV's DIS, the ultrafast preset) between two frames on a small brightness
picture. The colour tells the direction, its intensity the speed in picture widths per second. When the filters need all the time
there is, the field is computed for every second picture and shown for two.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.media.frame import Image, small_luma
from sightline.media.stage import Moment, Resources, param, register

WIDTH_PX = 240
SMALLEST_PX = 16
"""The search works on patches of 8 px and needs a few of them."""
GAP_NS = 500_000_000
NOISE_PX = 0.15
"""Displacement in the small picture below which nothing moves."""
DIMMED = 0.55
SAVING = "Movement is computed for every second picture, because the filters need all the time there is."

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FlowParams:
    full_speed: float = param(
        20.0, "Full colour at", minimum=1.0, maximum=200.0, step=1.0, unit="%/s",
        help="Speed, in shares of the picture's width, that is shown in full colour.",
    )  # fmt: skip
    show: str = param("over picture", "Show", choices=("over picture", "alone"))


class OpticalFlow:
    """Compares each frame of one camera with the one before."""

    def __init__(self, params: FlowParams) -> None:
        self._full_speed = params.full_speed / 100
        self._is_alone = params.show == "alone"
        self._search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)  # type: ignore[attr-defined]
        self._before: Image | None = None
        self._pts_ns = 0
        self._colours: Image | None = None
        self._is_reused = False
        self.notice = ""

    def apply(self, image: Image, moment: Moment) -> Image:
        self.notice = SAVING if moment.is_hurried else ""
        if moment.is_hurried and self._colours is not None and self._colours.shape == image.shape and not self._is_reused:
            self._is_reused = True
        else:
            self._is_reused = False
            small = self._look(image, moment.pts_ns)
            size = (image.shape[1], image.shape[0])
            self._colours = None if small is None else cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
        if self._colours is None:
            return np.zeros_like(image) if self._is_alone else cv2.convertScaleAbs(image, alpha=DIMMED)  # type: ignore[return-value]
        if self._is_alone:
            return self._colours.copy()
        return cv2.addWeighted(image, DIMMED, self._colours, 1.0, 0)  # type: ignore[return-value]

    def _look(self, image: Image, pts_ns: int) -> Image | None:
        """The small picture of movement; None when there is nothing to compare with."""
        if min(image.shape[:2]) < SMALLEST_PX:
            self._before = None
            return None
        small = small_luma(image, WIDTH_PX)
        before, self._before = self._before, small  # type: ignore[assignment]
        elapsed_ns, self._pts_ns = pts_ns - self._pts_ns, pts_ns
        if min(small.shape) < SMALLEST_PX or before is None or before.shape != small.shape or not 0 < elapsed_ns <= GAP_NS:
            return None
        flow = self._search.calc(before, small, None)
        return coloured(flow, self._full_speed * small.shape[1] * elapsed_ns / 1e9)


def coloured(flow: Floats, full_px: float) -> Image:
    """`(h, w, 2)` displacements to a BGR picture; `full_px` and more is shown in full colour."""
    length, angle = cv2.cartToPolar(flow[..., 0], flow[..., 1], angleInDegrees=True)
    value = np.where(length < NOISE_PX, 0.0, np.minimum(length / full_px, 1.0))
    # OpenCV's 8-bit hue is in steps of two degrees; 360° itself would be 180, which is none.
    hue = (angle / 2).astype(np.uint8) % 180
    intensity = (255 * value).astype(np.uint8)
    return cv2.cvtColor(cv2.merge([hue, np.full_like(hue, 255), intensity]), cv2.COLOR_HSV2BGR)  # type: ignore[return-value]


def _make(params: FlowParams, _resources: Resources) -> OpticalFlow:
    return OpticalFlow(params)


register(
    "optical_flow",
    _make,
    kind="filter",
    label="Optical flow",
    description="Shows every movement in the colour of its direction.",
    params=FlowParams,
    group="Views",
    backend="OpenCV DIS",
)
