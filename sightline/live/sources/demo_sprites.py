"""Draws the parts of the demo scene once: backdrop, people, cars, drone, portrait.

Everything is drawn in the coordinates of a 1280×720 picture, larger than needed, and shrunk, so that edges are smooth.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.media.frame import Image

WIDTH_PX, HEIGHT_PX = 1280, 720
"""The picture in whose coordinates the scene is laid out."""
_FINE = 4
"""Sprites are drawn so many times larger than shown; the backdrop half as much."""

Color = tuple[int, int, int]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sprite:
    """A picture with soft edges. Both arrays are multiplied out, so that placing it is two operations."""

    color: NDArray[np.uint8]
    """`(h, w, 3)` BGR, multiplied by its opacity."""
    clearness: NDArray[np.uint8]
    """`(h, w, 3)`: how much of what is behind shines through, 0..255."""

    def place(self, image: Image, x: int, y: int) -> None:
        """Put the sprite's upper left corner at x, y of `image`; what is outside is cut off."""
        height, width = image.shape[:2]
        own_height, own_width = self.color.shape[:2]
        left, top, right, bottom = max(0, x), max(0, y), min(width, x + own_width), min(height, y + own_height)
        if left >= right or top >= bottom:
            return
        own = np.s_[top - y : bottom - y, left - x : right - x]
        place = image[top:bottom, left:right]
        cv2.multiply(place, self.clearness[own], dst=place, scale=1 / 255)
        cv2.add(place, self.color[own], dst=place)


class Sheet:
    """A transparent sheet to draw on in scene coordinates."""

    def __init__(self, width: float, height: float, fine: int = _FINE) -> None:
        self._fine = fine
        self._size = (width, height)
        self.pixels = np.zeros((round(height * fine), round(width * fine), 4), np.uint8)

    def polygon(self, points: list[Point], color: Color) -> None:
        corners = (np.array(points) * self._fine).round().astype(np.int32)
        cv2.fillPoly(self.pixels, [corners], (*color, 255))

    def box(self, x1: float, y1: float, x2: float, y2: float, color: Color) -> None:
        self.polygon([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], color)

    def ellipse(self, center: Point, radii: Point, color: Color) -> None:
        x, y = (round(value * self._fine) for value in center)
        width, height = (max(1, round(value * self._fine)) for value in radii)
        cv2.ellipse(self.pixels, (x, y), (width, height), 0, 0, 360, (*color, 255), -1)

    def limb(self, points: list[Point], thickness: float, color: Color) -> None:
        corners = (np.array(points) * self._fine).round().astype(np.int32)
        cv2.polylines(self.pixels, [corners], False, (*color, 255), max(1, round(thickness * self._fine)))
        for x, y in points:
            self.ellipse((x, y), (thickness / 2, thickness / 2), color)

    def sprite(self, scale: float, *, mirrored: bool = False) -> Sprite:
        """The sheet, shrunk to `scale` times its size in scene coordinates."""
        size = (max(1, round(self._size[0] * scale)), max(1, round(self._size[1] * scale)))
        pixels = self.pixels[:, ::-1] if mirrored else self.pixels
        opacity = np.repeat(pixels[..., 3:], 3, axis=2)
        color = cv2.resize(
            cv2.multiply(np.ascontiguousarray(pixels[..., :3]), opacity, scale=1 / 255), size, interpolation=cv2.INTER_AREA
        )
        clearness = 255 - cv2.resize(opacity, size, interpolation=cv2.INTER_AREA)
        return Sprite(color, clearness)  # type: ignore[arg-type]


PERSON_SIZE = (110.0, 212.0)


def person(step: float, coat: Color, trousers: Color) -> Sheet:
    """A person who walks to the right; `step` 0..1 is the moment within two steps, and 0.25 stands still."""
    sheet = Sheet(*PERSON_SIZE)
    swing = float(np.cos(2 * np.pi * step))
    skin, shoe = (150, 178, 220), (25, 22, 24)
    hip, neck = (55.0, 112.0), (55.0, 44.0)
    for side in (-1.0, 1.0):
        shade = 0.8 if side < 0 else 1.0
        lift = max(0.0, side * float(np.sin(2 * np.pi * step))) * 7
        knee = (hip[0] + side * swing * 15 + 4 * abs(swing) + side * 5, 156.0 - lift)
        foot = (hip[0] + side * swing * 29 + side * 6, 201.0 - lift)
        sheet.limb([(hip[0] + side * 6, hip[1]), knee, foot], 17, _shaded(trousers, shade))
        sheet.ellipse((foot[0] + 4, foot[1] + 3), (13, 6), shoe)
        elbow = (neck[0] - side * swing * 14 - side * 14, 84.0)
        hand = (neck[0] - side * swing * 24 - side * 15, 114.0)
        sheet.limb([(neck[0] - side * 13, 56.0), elbow, hand], 12, _shaded(coat, shade * 0.85))
        sheet.ellipse((hand[0], hand[1] + 4), (6, 7), skin)
    sheet.polygon([(34, 52), (42, 44), (68, 44), (76, 52), (73, 92), (75, 124), (35, 124), (37, 92)], coat)
    sheet.polygon([(52, 44), (58, 44), (56, 78)], _shaded(coat, 1.5))
    sheet.limb([(55, 40), (55, 46)], 12, skin)
    sheet.ellipse((55, 24), (13, 17), skin)
    sheet.ellipse((53, 17), (14, 12), (30, 36, 48))
    return sheet


CAR_SIZE = (230.0, 92.0)


def car(paint: Color) -> Sheet:
    """A car that drives to the right."""
    sheet = Sheet(*CAR_SIZE)
    sheet.ellipse((115, 84), (108, 7), (14, 12, 14))
    sheet.polygon([(8, 46), (50, 38), (78, 12), (150, 10), (186, 38), (218, 44), (226, 58), (226, 74), (8, 76), (4, 60)], paint)
    sheet.polygon([(62, 38), (84, 17), (112, 16), (112, 38)], (120, 96, 70))
    sheet.polygon([(118, 38), (118, 16), (147, 16), (172, 38)], (150, 122, 92))
    sheet.box(6, 56, 226, 60, _shaded(paint, 1.35))
    sheet.box(126, 46, 142, 49, _shaded(paint, 0.6))
    sheet.ellipse((220, 52), (6, 5), (190, 245, 255))
    sheet.ellipse((9, 54), (5, 5), (60, 60, 235))
    for x in (56, 178):
        sheet.ellipse((x, 76), (19, 19), (18, 16, 18))
        sheet.ellipse((x, 76), (10, 10), (150, 146, 142))
        sheet.ellipse((x, 76), (4, 4), (60, 56, 54))
    return sheet


BUS_SIZE = (420.0, 168.0)


def bus() -> Sheet:
    """A bus that drives to the right."""
    sheet = Sheet(*BUS_SIZE)
    paint = (52, 132, 214)
    sheet.ellipse((210, 158), (204, 8), (14, 12, 14))
    sheet.polygon([(6, 18), (14, 8), (398, 8), (412, 22), (414, 146), (6, 146)], paint)
    sheet.box(6, 108, 414, 116, _shaded(paint, 1.3))
    for x in range(22, 360, 56):
        sheet.box(x, 26, x + 46, 74, (150, 214, 246))
        sheet.ellipse((x + 15 + x % 17, 62), (9, 12), (70, 80, 96))
    sheet.box(364, 26, 408, 140, (124, 172, 196))
    sheet.box(385, 26, 388, 140, _shaded(paint, 0.7))
    sheet.ellipse((410, 128), (5, 7), (200, 250, 255))
    sheet.ellipse((9, 126), (4, 8), (50, 50, 230))
    for x in (88, 318):
        sheet.ellipse((x, 146), (21, 21), (18, 16, 18))
        sheet.ellipse((x, 146), (11, 11), (140, 136, 132))
    return sheet


DRONE_SIZE = (110.0, 48.0)


def drone(turn: int) -> Sheet:
    """A drone; `turn` alternates where its propellers are."""
    sheet = Sheet(*DRONE_SIZE)
    sheet.limb([(16, 16), (40, 24), (70, 24), (94, 16)], 4, (58, 54, 52))
    sheet.polygon([(38, 20), (72, 20), (66, 36), (44, 36)], (226, 222, 218))
    sheet.ellipse((55, 37), (7, 6), (40, 36, 34))
    sheet.ellipse((55, 38), (3, 3), (220, 180, 90))
    for x in (16, 94):
        sheet.ellipse((x, 12), (16 if turn else 8, 2.5), (200, 196, 190))
    sheet.ellipse((40, 22), (2.5, 2.5), (60, 60, 250) if turn else (60, 220, 80))
    return sheet


FACE_CROP = (124, 22, 316, 193)
"""x1, y1, x2, y2 of head and shoulders in the portrait of 512×512 pixels."""


def portrait(width_px: int, height_px: int) -> Image | None:
    """A photograph of a real person (NASA, public domain) that scikit-image brings along; None when it is not installed."""
    # Looked for without importing the package: that would take half a second.
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        return None
    picture = cv2.imread(str(Path(package.origin).parent / "data" / "astronaut.png"))
    if picture is None:
        return None
    x1, y1, x2, y2 = FACE_CROP
    return cv2.resize(picture[y1:y2, x1:x2], (width_px, height_px), interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]


def _shaded(color: Color, factor: float) -> Color:
    blue, green, red = (min(255, round(part * factor)) for part in color)
    return blue, green, red
