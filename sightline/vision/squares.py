"""Squares that together cover a picture, for models that look at squares."""

from collections.abc import Iterator

MOST_SQUARES = 3
"""So that a panorama does not cost many times a normal picture."""


def squares(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """Squares (x, y, width, height) along the longer side, evenly overlapping; a nearly square picture is taken whole."""
    side, longer = min(width, height), max(width, height)
    count = min(MOST_SQUARES, -(-longer * 10 // (side * 11)))
    length = max(side, -(-longer // count))
    for i in range(count):
        start = (longer - length) * i // max(1, count - 1)
        yield (start, 0, length, height) if width >= height else (0, start, width, length)
