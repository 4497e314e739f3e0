"""Background: blurs, greys or replaces all that is no person. About 2 ms at 720p, beside the mask of the person segmentation.

The mask is small and a little old; it is feathered, enlarged and used as weights. Only the rectangle that holds people is mixed,
the rest is background as it is. Without a recent mask everything counts as background.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from sightline.media.findings import Findings
from sightline.media.frame import Image
from sightline.media.stage import Moment, Resources, param, register

ANALYZER = "person_segmentation"
MASK_MAX_AGE_NS = 700_000_000
"""An older mask shows where people were."""
STRONGEST = 0.05
"""Radius of the strongest blur, as a share of the picture's width."""
LEAST, FULL = 64, 192
"""Mask values below the first are background, above the second people; between them both are mixed."""
COLOURS = {"green": (64, 177, 0), "blue": (190, 90, 20), "white": (255, 255, 255), "black": (0, 0, 0)}
"""BGR."""
LEFT_PX = 3.0
"""A blurred background is made that small that its blur has this radius there: nothing finer is left anyway."""


@dataclass(frozen=True)
class BackgroundParams:
    show: str = param("blurred", "Background", choices=("blurred", "grey", "colour"))
    strength: int = param(40, "Blur", minimum=1, maximum=100, step=1, unit="%")
    colour: str = param("green", "Colour", choices=tuple(COLOURS))
    feather: float = param(1.0, "Soft edge", minimum=0.0, maximum=5.0, step=0.1, unit="%", help="Of the picture's width.")


class BackgroundBlur:
    """Keeps the people of one camera's picture and changes the rest."""

    def __init__(self, params: BackgroundParams) -> None:
        self._show = params.show
        self._blur = params.strength / 100
        self._colour = COLOURS[params.colour]
        self._feather = params.feather / 100
        ramp = (np.arange(256) - LEAST) / (FULL - LEAST)
        self._ramp = np.clip(255 * ramp, 0, 255).astype(np.uint8)

    def apply(self, image: Image, moment: Moment) -> Image:
        result = self._background(image)
        weights = self._weights(moment, image.shape[1], image.shape[0])
        if weights is None:
            return result
        left, top, right, bottom = _filled(weights)
        if right <= left or bottom <= top:
            return result
        rows, columns = (
            _pixels(top, bottom, weights.shape[0], image.shape[0]),
            _pixels(left, right, weights.shape[1], image.shape[1]),
        )
        size = (columns.stop - columns.start, rows.stop - rows.start)
        share = cv2.resize(weights[top:bottom, left:right], size, interpolation=cv2.INTER_LINEAR)
        person = cv2.merge([share, share, share])
        kept = cv2.multiply(image[rows, columns], person, scale=1 / 255)
        rest = cv2.multiply(result[rows, columns], cv2.bitwise_not(person), scale=1 / 255)
        result[rows, columns] = cv2.add(kept, rest)
        return result

    def _background(self, image: Image) -> Image:
        if self._show == "colour":
            return np.full_like(image, self._colour)
        if self._show == "grey":
            return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]
        height, width = image.shape[:2]
        sigma = max(1.0, self._blur * STRONGEST * width)
        shrink = max(1, int(sigma / LEFT_PX))
        size = (max(1, width // shrink), max(1, height // shrink))
        small = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        sigma /= shrink
        return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma), (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]

    def _weights(self, moment: Moment, width: int, height: int) -> Image | None:
        """`(h, w)` of the mask's grid: 255 = a person; None without a recent mask of this picture."""
        found = moment.findings.get(ANALYZER)
        if found is None or found.mask is None or not _is_current(found, moment.pts_ns, (width, height)):
            return None
        weights = cv2.LUT(found.mask.values, self._ramp)
        radius = round(self._feather * weights.shape[1])
        return cv2.blur(weights, (2 * radius + 1, 2 * radius + 1)) if radius else weights  # type: ignore[return-value]


def _is_current(found: Findings, now_ns: int, size_px: tuple[int, int]) -> bool:
    return abs(now_ns - found.pts_ns) <= MASK_MAX_AGE_NS and found.size_px == size_px


def _filled(weights: Image) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the cells that hold something."""
    x, y, width, height = cv2.boundingRect(weights)
    # One cell more on each side: enlarging mixes neighbours.
    return max(0, x - 1), max(0, y - 1), min(weights.shape[1], x + width + 1), min(weights.shape[0], y + height + 1)


def _pixels(first: int, last: int, cells: int, pixels: int) -> slice:
    """Cells `first` to `last` of a grid as a range of pixels."""
    return slice(first * pixels // cells, -(-last * pixels // cells))


def _make(params: BackgroundParams, _resources: Resources) -> BackgroundBlur:
    return BackgroundBlur(params)


register(
    "background_blur",
    _make,
    kind="filter",
    label="Background",
    description="Blurs, greys or replaces all that is no person. Without a recent outline everything counts as background.",
    params=BackgroundParams,
    group="Privacy",
    uses=(ANALYZER,),
    hides=True,
)
