"""Dissolves: one shot that slowly becomes another, so that every picture in between is a mixture of one before and one after.

A camera that moves also ends with another picture than it began with, but what lies in between is no mixture of the two; a lamp
that is switched on leaves the same shapes. So dissolves are told from both without a model.
"""

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.media.frame import Image

SIZE_PX = (32, 18)
"""So small that a camera that pans during the dissolve hardly counts."""
SPANS_S = (0.4, 0.8, 1.4, 2.2)
"""Lengths over which mixtures are looked for; a dissolve is found when one of them reaches from before it to after it."""
LEAST_FRAMES = 6
"""In the shortest span that is looked at."""
INNER = 7
"""Pictures between the two ends that are compared."""
MOVED_PX = (4, 3)
"""So far aside and up or down the same shapes are looked for."""
MOST_LIKENESS = 0.6
"""Correlation of the shapes at both ends; more is the same shot."""
MOST_REST = 0.4
"""Share of the difference between the ends that a mixture may leave unexplained."""
LONGEST_STEP = 0.6
"""Share of the way from one end to the other between two of those pictures; more is a cut."""
BEGUN = 0.07
"""Share of the next shot from which, and of the one before up to which, a picture counts as part of the dissolve."""
LEAST_CONTRAST = 4.0
"""Deviation of brightness; ends with less have no shapes."""
HELD_FRAMES = 3

Floats = NDArray[np.float32]


class DissolveFinder:
    """Finds the dissolves of one film."""

    def __init__(self, fps: float) -> None:
        spans = (round(span_s * fps) for span_s in SPANS_S)
        self._spans = tuple(span for span in spans if span >= LEAST_FRAMES)
        self._seen: deque[Floats] = deque(maxlen=max(self._spans, default=0) + 1)
        self._count = 0
        self._best: tuple[float, int, int] | None = None
        """Strength, first frame of it and first frame after it, of the dissolve that is just being seen."""
        self._last_hit = 0
        self._told = 0
        """The first frame after the last one that was told."""

    @property
    def lag(self) -> int:
        """So many frames after its first frame a dissolve has been told."""
        return 2 * max(self._spans, default=0) + HELD_FRAMES

    def see(self, small: Image) -> tuple[int, int] | None:
        """Look at the next frame; the first frame of a dissolve and the first one after it, once that is certain."""
        if not self._spans:
            return None
        luma = cv2.cvtColor(cv2.resize(small, SIZE_PX, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        self._seen.append(luma.astype(np.float32).ravel())
        now = self._count
        self._count += 1
        for span in self._spans:
            found = self._mixture(span) if span < len(self._seen) else None
            if found is None:
                continue
            strength, first, after = found[0], now - span + found[1], now - span + found[2]
            if first < self._told:
                continue
            self._last_hit = now
            if self._best is None or strength > self._best[0]:
                self._best = (strength, first, after)
        if self._best is not None and (now - self._last_hit >= HELD_FRAMES or now - self._best[1] >= self.lag):
            return self.end()
        return None

    def end(self) -> tuple[int, int] | None:
        """The film is over."""
        best, self._best = self._best, None
        if best is None:
            return None
        self._told = best[2]
        return best[1:]

    def _mixture(self, span: int) -> tuple[float, int, int] | None:
        """Whether the last `span` frames lead from one picture to another by mixing: strength, and where it begins and is over."""
        before, after = self._seen[-1 - span], self._seen[-1]
        if before.std() < LEAST_CONTRAST or after.std() < LEAST_CONTRAST or _likeness(before, after) > MOST_LIKENESS:
            return None
        way = after - before
        square = float(way @ way)
        places = np.linspace(0, span, INNER + 2).round().astype(int)
        shares = [0.0]
        for place in places[1:-1]:
            part = self._seen[place - span - 1] - before
            share = float(part @ way) / square
            if np.linalg.norm(part - share * way) > MOST_REST * np.sqrt(square):
                return None
            shares.append(share)
        steps = np.diff([*shares, 1.0])
        if steps.min() < -0.1 or steps.max() > LONGEST_STEP:
            return None
        mixed = [n for n in range(span + 1) if BEGUN < float((self._seen[n - span - 1] - before) @ way) / square < 1 - BEGUN]
        return (square, mixed[0], mixed[-1] + 1) if mixed else None


def _likeness(one: Floats, other: Floats) -> float:
    """Correlation of two pictures, -1..1, whatever their brightness, and however far a camera has moved on in between."""
    width, height = SIZE_PX
    middle = other.reshape(height, width)[MOVED_PX[1] : height - MOVED_PX[1], MOVED_PX[0] : width - MOVED_PX[0]]
    return float(cv2.matchTemplate(one.reshape(height, width), middle, cv2.TM_CCOEFF_NORMED).max())
