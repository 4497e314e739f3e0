"""Thermal look: brightness shown through a colour map. About 1 ms at 720p. It shows light, not heat."""

from dataclasses import dataclass

import cv2

from sightline.media.frame import Image
from sightline.media.stage import Moment, Resources, param, register

COLOUR_MAPS = {
    "inferno": cv2.COLORMAP_INFERNO,
    "jet": cv2.COLORMAP_JET,
    "turbo": cv2.COLORMAP_TURBO,
    "magma": cv2.COLORMAP_MAGMA,
    "hot": cv2.COLORMAP_HOT,
    "bone": cv2.COLORMAP_BONE,
    "viridis": cv2.COLORMAP_VIRIDIS,
}


@dataclass(frozen=True)
class ThermalParams:
    palette: str = param("inferno", "Colours", choices=tuple(COLOUR_MAPS))


class Thermal:
    """Maps brightness to colours."""

    def __init__(self, palette: str) -> None:
        self._map = COLOUR_MAPS[palette]

    def apply(self, image: Image, _moment: Moment) -> Image:
        return cv2.applyColorMap(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), self._map)  # type: ignore[return-value]


def _make(params: ThermalParams, _resources: Resources) -> Thermal:
    return Thermal(params.palette)


register(
    "thermal",
    _make,
    kind="filter",
    label="Thermal colours",
    group="Looks",
    description="Shows brightness in the colours of a thermal camera. It sees light, not heat.",
    params=ThermalParams,
)
