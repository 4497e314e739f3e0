"""Draws what stands still in the demo scene: dusk, a skyline, a lit square, a street. Drawn once, when the demo is opened."""

import cv2
import numpy as np

from sightline.live.sources.demo_sprites import HEIGHT_PX, WIDTH_PX, Sheet
from sightline.media.frame import Image

_FINE = 2
_SEED = 7
SKY_BOTTOM_Y, WALL_TOP_Y, PAVEMENT_Y, ROAD_Y, ROAD_BOTTOM_Y = 400, 300, 474, 548, 686
SCREEN = (86, 62, 386, 362)
"""x1, y1, x2, y2 of the picture on the large screen at the left."""
_SKY_HEIGHTS = (0.0, 0.4, 0.75, 1.0)
_SKY_COLORS = np.array([(74, 34, 24), (128, 62, 70), (128, 118, 214), (120, 186, 250)])


def backdrop(width_px: int, height_px: int) -> Image:
    """The empty street, `(height_px, width_px, 3)` BGR."""
    sheet = Sheet(WIDTH_PX, HEIGHT_PX, _FINE)
    draw = np.random.default_rng(_SEED)
    sheet.pixels[..., :3] = _sky(sheet.pixels.shape[0])[:, None]
    _stars(sheet, draw)
    sheet.ellipse((690, 84), (34, 34), (206, 232, 250))
    sheet.ellipse((703, 76), (29, 29), (101, 48, 47))
    _skyline(sheet, draw, 240, (98, 62, 74), 0.35)
    _skyline(sheet, draw, 170, (62, 40, 48), 0.5)
    _square(sheet)
    _street(sheet)
    _screen_frame(sheet)
    image = np.ascontiguousarray(sheet.pixels[..., :3])
    _glow(image)
    image = cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    # Grain, so that the street has texture and does not look like a cartoon to a quality meter.
    grain = draw.normal(0, 3.0, (height_px, width_px, 1))
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def _sky(rows: int) -> Image:
    heights = np.minimum(1.0, np.arange(rows) / rows * HEIGHT_PX / SKY_BOTTOM_Y)
    return np.stack([np.interp(heights, _SKY_HEIGHTS, _SKY_COLORS[:, i]) for i in range(3)], axis=1).astype(np.uint8)


def _stars(sheet: Sheet, draw: np.random.Generator) -> None:
    for x, y, size in draw.uniform((0, 0, 0.6), (WIDTH_PX, 170, 1.5), (70, 3)):
        shine = round(float(230 - y * 0.6))
        sheet.ellipse((float(x), float(y)), (float(size), float(size)), (shine, shine, shine))


def _skyline(sheet: Sheet, draw: np.random.Generator, height: float, color: tuple[int, int, int], lit: float) -> None:
    """A row of towers that stand on the square; `lit` is the share of windows with light."""
    x = -20.0
    while x < WIDTH_PX:
        width = float(draw.uniform(46, 110))
        top = WALL_TOP_Y + 60 - float(draw.uniform(0.45, 1.0)) * height
        sheet.box(x, top, x + width, PAVEMENT_Y, color)
        if draw.random() < 0.4:
            sheet.box(x + width / 2 - 1.5, top - 26, x + width / 2 + 1.5, top, color)
        for window_y in np.arange(top + 10, WALL_TOP_Y, 15):
            for window_x in np.arange(x + 8, x + width - 10, 13):
                if draw.random() < lit:
                    warmth = int(draw.integers(70, 160))
                    sheet.box(float(window_x), float(window_y), float(window_x) + 6, float(window_y) + 8, (warmth, 190, 240))
        x += width + float(draw.uniform(0, 10))


def _square(sheet: Sheet) -> None:
    """A pale wall, so that the people before it stand out, with windows and a bus stop; before it the pavement."""
    sheet.box(0, WALL_TOP_Y, WIDTH_PX, PAVEMENT_Y, (132, 146, 172))
    sheet.box(0, WALL_TOP_Y, WIDTH_PX, WALL_TOP_Y + 9, (92, 98, 122))
    for x in range(440, WIDTH_PX, 210):
        sheet.box(x, WALL_TOP_Y + 24, x + 150, WALL_TOP_Y + 62, (104, 128, 150))
        sheet.box(x + 4, WALL_TOP_Y + 28, x + 146, WALL_TOP_Y + 58, (150, 206, 240))
        sheet.box(x + 72, WALL_TOP_Y + 28, x + 78, WALL_TOP_Y + 58, (104, 128, 150))
    sheet.box(0, PAVEMENT_Y - 10, WIDTH_PX, PAVEMENT_Y, (96, 104, 124))
    sheet.box(0, PAVEMENT_Y, WIDTH_PX, ROAD_Y, (128, 132, 146))
    for x in range(-40, WIDTH_PX, 88):
        sheet.polygon([(x, ROAD_Y), (x + 2, ROAD_Y), (x + 32, PAVEMENT_Y), (x + 30, PAVEMENT_Y)], (108, 112, 126))
    sheet.box(0, PAVEMENT_Y + 34, WIDTH_PX, PAVEMENT_Y + 35.5, (112, 116, 130))


def _street(sheet: Sheet) -> None:
    sheet.box(0, ROAD_Y, WIDTH_PX, ROAD_Y + 9, (164, 166, 174))
    sheet.box(0, ROAD_Y + 9, WIDTH_PX, ROAD_BOTTOM_Y, (66, 60, 62))
    for x in range(20, WIDTH_PX, 120):
        sheet.polygon([(x, 622), (x + 62, 622), (x + 56, 630), (x - 6, 630)], (190, 214, 222))
    sheet.box(0, ROAD_BOTTOM_Y, WIDTH_PX, ROAD_BOTTOM_Y + 8, (150, 152, 160))
    sheet.box(0, ROAD_BOTTOM_Y + 8, WIDTH_PX, HEIGHT_PX, (104, 106, 118))
    for x in (470, 800, 1130):
        sheet.box(x - 3, 196, x + 3, PAVEMENT_Y + 14, (52, 46, 48))
        sheet.limb([(x, 198), (x + 34, 190)], 5, (52, 46, 48))
        sheet.ellipse((x + 38, 193), (13, 6), (190, 238, 255))


def _screen_frame(sheet: Sheet) -> None:
    x1, y1, x2, y2 = SCREEN
    for x in (x1 + 60, x2 - 60):
        sheet.box(x - 9, y2, x + 9, PAVEMENT_Y + 6, (44, 40, 42))
    sheet.box(x1 - 14, y1 - 14, x2 + 14, y2 + 14, (40, 36, 38))
    sheet.box(x1 - 4, y1 - 4, x2 + 4, y2 + 4, (112, 100, 96))
    sheet.box(x1, y1, x2, y2, (96, 70, 60))


def _glow(image: Image) -> None:
    """Light around lamps, on the horizon and under the lamps on the pavement."""
    light = np.zeros((HEIGHT_PX // 4, WIDTH_PX // 4, 3), np.float32)
    for x in (508, 838, 1168):
        cv2.ellipse(light, (x // 4, 49), (16, 14), 0, 0, 360, (50, 80, 110), -1)
        cv2.ellipse(light, ((x - 20) // 4, 126), (38, 7), 0, 0, 360, (34, 62, 84), -1)
    light = cv2.GaussianBlur(light, (0, 0), 9)  # type: ignore[assignment]
    cv2.add(image, cv2.resize(light, image.shape[1::-1]).astype(np.uint8), dst=image)
