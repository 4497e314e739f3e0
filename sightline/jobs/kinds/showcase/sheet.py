"""The contact sheet: a picture of every shot with its number, by which people pin, ban and reorder; what is left out is dimmed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from sightline.media.frame import Image

CELL_PX, GAP_PX, LINE_PX = (240, 135), 8, 26
COLUMNS, MOST_CELLS = 5, 200
PAPER, INK, CHOSEN, LEFT_OUT = (32, 32, 32), (240, 240, 240), (90, 200, 90), (110, 110, 110)
DIMMED = 0.35


@dataclass(frozen=True, slots=True)
class Cell:
    """One shot on the sheet."""

    number: int
    picture: Path
    words: str
    is_chosen: bool


def write_sheet(path: Path, cells: Sequence[Cell]) -> None:
    """Draw the first `MOST_CELLS` of them into the JPEG file `path`."""
    shown = cells[:MOST_CELLS]
    rows = -(-len(shown) // COLUMNS)
    width, height = CELL_PX[0] + GAP_PX, CELL_PX[1] + LINE_PX + GAP_PX
    sheet = np.full((rows * height + GAP_PX, COLUMNS * width + GAP_PX, 3), PAPER, np.uint8)
    for place, cell in enumerate(shown):
        top, left = GAP_PX + place // COLUMNS * height, GAP_PX + place % COLUMNS * width
        _draw(sheet[top : top + height - GAP_PX, left : left + CELL_PX[0]], cell)
    # cv2.imwrite does not say that the disk is full.
    path.write_bytes(cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())


def _draw(onto: Image, cell: Cell) -> None:
    picture = cv2.imread(str(cell.picture))
    if picture is not None:
        scale = min(CELL_PX[0] / picture.shape[1], CELL_PX[1] / picture.shape[0])
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        top, left = (CELL_PX[1] - size[1]) // 2, (CELL_PX[0] - size[0]) // 2
        onto[top : top + size[1], left : left + size[0]] = small if cell.is_chosen else small * DIMMED
    colour = CHOSEN if cell.is_chosen else LEFT_OUT
    cv2.rectangle(onto, (0, 0), (CELL_PX[0] - 1, CELL_PX[1] - 1), colour, 2 if cell.is_chosen else 1)
    ink = INK if cell.is_chosen else LEFT_OUT
    text = f"{cell.number}  {cell.words}"
    cv2.putText(onto, text, (4, CELL_PX[1] + LINE_PX - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.45, ink, 1, cv2.LINE_AA)
