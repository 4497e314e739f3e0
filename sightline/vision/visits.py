"""Where in the picture things are how much: seconds of presence per cell, older ones fading. Arithmetic; no threads."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LONGEST_STEP_S = 2.0
"""Time between two looks that is believed to be presence; after a longer gap nobody knows who stood where."""
LEAST_SHARE = 1e-3
"""Cells with less than this share of the hottest one were not visited."""
BRIGHTEST_QUANTILE = 0.99
"""The cell at this quantile of the visited ones is shown at full heat, so that one who stood still does not blind the rest."""
LEAST_SECONDS = 0.5
"""With less presence than that in the whole picture there is nothing to show."""


class VisitGrid:
    """A grid over the picture that remembers presence.

    Args:
        columns_rows: size of the grid.
        half_life_s: after which time a visit counts half; 0 = it never fades.
    """

    def __init__(self, columns_rows: tuple[int, int], half_life_s: float) -> None:
        self.half_life_s = half_life_s
        self._seconds: NDArray[np.float32] = np.zeros(columns_rows[::-1], np.float32)
        self._pts_ns: int | None = None

    @property
    def seconds(self) -> NDArray[np.float32]:
        """`(rows, columns)`: faded seconds of presence."""
        return self._seconds

    def reset(self) -> None:
        self._seconds[:] = 0

    def take_over(self, previous: "VisitGrid") -> None:
        """Go on from another grid, whatever its size: presence is spread over the new cells."""
        if previous._seconds.shape == self._seconds.shape:
            self._seconds = previous._seconds.copy()
        else:
            rows, columns = self._seconds.shape
            old_rows, old_columns = previous._seconds.shape
            row_of = np.arange(rows) * old_rows // rows
            column_of = np.arange(columns) * old_columns // columns
            spread = previous._seconds[np.ix_(row_of, column_of)]
            self._seconds = (spread * (previous._seconds.sum() / max(1e-9, float(spread.sum())))).astype(np.float32)
        self._pts_ns = previous._pts_ns

    def update(self, spots: Sequence[tuple[float, float, float]], pts_ns: int) -> None:
        """Take in one look.

        Args:
            spots: x, y and radius of each thing, as shares of the picture's width and height (the radius of its width).
        """
        elapsed_s = 0.0 if self._pts_ns is None else (pts_ns - self._pts_ns) / 1e9
        self._pts_ns = pts_ns
        if elapsed_s <= 0:
            return
        if self.half_life_s:
            self._seconds *= np.float32(0.5 ** (elapsed_s / self.half_life_s))
        presence_s = min(elapsed_s, LONGEST_STEP_S)
        for x, y, radius in spots:
            if math.isfinite(x) and math.isfinite(y) and math.isfinite(radius):
                self._add(x, y, radius, presence_s)

    def heat(self) -> NDArray[np.uint8]:
        """`(rows, columns)` 0..255: presence relative to the most visited cells."""
        if float(self._seconds.sum()) < LEAST_SECONDS:
            return np.zeros(self._seconds.shape, np.uint8)
        visited = self._seconds[self._seconds >= LEAST_SHARE * self._seconds.max()]
        full = float(np.quantile(visited, BRIGHTEST_QUANTILE))
        # The square root lets paths show beside places where people stand: those differ by a factor of a hundred.
        heat: NDArray[np.uint8] = (np.sqrt(np.clip(self._seconds / full, 0.0, 1.0)) * 255).astype(np.uint8)
        return heat

    def _add(self, x: float, y: float, radius: float, presence_s: float) -> None:
        """Spread the seconds of one thing over the cells around it, as a bell with the sum `presence_s`."""
        rows, columns = self._seconds.shape
        centre_x, centre_y = min(max(x, 0.0), 1.0) * columns - 0.5, min(max(y, 0.0), 1.0) * rows - 0.5
        spread = max(0.7, radius * columns)
        reach = math.ceil(3 * spread)
        first_x, last_x = max(0, int(centre_x) - reach), min(columns, int(centre_x) + reach + 2)
        first_y, last_y = max(0, int(centre_y) - reach), min(rows, int(centre_y) + reach + 2)
        bell_x = np.exp(-(((np.arange(first_x, last_x) - centre_x) / spread) ** 2) / 2)
        bell_y = np.exp(-(((np.arange(first_y, last_y) - centre_y) / spread) ** 2) / 2)
        bell = np.outer(bell_y, bell_x)
        self._seconds[first_y:last_y, first_x:last_x] += (bell * (presence_s / float(bell.sum()))).astype(np.float32)
