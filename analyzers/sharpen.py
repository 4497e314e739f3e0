"""Sharpen: unsharp mask, about 1 ms at 720p."""

from dataclasses import dataclass

import cv2

from sightline.media.frame import Image
from sightline.media.stage import Moment, Resources, param, register


@dataclass(frozen=True)
class SharpenParams:
    amount: float = param(1.0, "Amount", minimum=0.0, maximum=5.0, step=0.1, help="0 leaves the picture as it is.")
    fine: bool = param(True, "Fine detail", help="Off: works on coarser edges, for pictures that are out of focus.")


class Sharpen:
    """Adds back what a blur takes away."""

    def __init__(self, params: SharpenParams) -> None:
        self._amount = params.amount
        self._kernel_px = 3 if params.fine else 7

    def apply(self, image: Image, _moment: Moment) -> Image:
        soft = cv2.GaussianBlur(image, (self._kernel_px, self._kernel_px), 0)
        return cv2.addWeighted(image, 1 + self._amount, soft, -self._amount, 0)  # type: ignore[return-value]


def _make(params: SharpenParams, _resources: Resources) -> Sharpen:
    return Sharpen(params)


register(
    "sharpen",
    _make,
    kind="filter",
    label="Sharpen",
    group="Picture",
    description="Makes edges crisper (unsharp mask).",
    params=SharpenParams,
)
