"""Where a picture is cut when it is shown in another shape: the window follows the subject as a camera on a tripod would.

The whole way is known beforehand, so the window needs no prediction: a median takes out single wrong places, a dead zone keeps it
still while the subject stays near its middle, smoothing in both directions of time starts and ends every movement gently, and a
limit keeps its speed. Positions are shares: 0 = the window is at the left (upper) edge of the picture, 1 = at the right (lower).
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

RATE = 10
"""Steps per second in which the way is thought out."""
MEDIAN_STEPS = 5
DEAD_ZONE = 0.12
"""Of the window: so far the subject may go from its middle before the window moves."""
SMOOTHING_S = 0.35
MAX_SPEED = 0.25
"""Pictures per second."""
EXACTNESS = 0.004
"""A corner of the way is left out when the straight line is nearer than this."""


def window_share(width_px: int, height_px: int, aspect: float) -> tuple[float, float]:
    """(share of the width, share of the height) that the largest window of shape `aspect` (width by height) takes."""
    own = width_px / height_px
    return (aspect / own, 1.0) if own > aspect else (1.0, own / aspect)


def window_way(subject: Sequence[tuple[float, float]], length_s: float, share: float) -> list[tuple[float, float]]:
    """Corners (seconds, position) of the window's way along one side of the picture.

    Args:
        subject: (seconds, place 0..1) along that side, in order; none = the middle.
        share: what the window takes of that side, 0..1.
    """
    if share >= 1.0 or not subject:
        return [(0.0, 0.5)]
    steps = max(2, round(length_s * RATE) + 1)
    times = np.arange(steps) / RATE
    known = np.asarray(subject, np.float64)  # (n, 2)
    middle = _following(_median(np.interp(times, known[:, 0], known[:, 1])), share * DEAD_ZONE)
    middle = _limited(_smooth(np.clip(middle, share / 2, 1 - share / 2)))
    positions = np.clip((middle - share / 2) / (1 - share), 0.0, 1.0)
    return [(float(times[n]), float(positions[n])) for n in _corners(times, positions)]


def expression(way: Sequence[tuple[float, float]]) -> str:
    """The way as an ffmpeg expression of `t`: a start and one term for each straight piece."""
    terms = [f"{way[0][1]:.4f}"]
    for (t0, p0), (t1, p1) in pairwise(way):
        if abs(p1 - p0) > 1e-6:
            terms.append(f"{(p1 - p0) / (t1 - t0):+.5f}*clip(t-{t0:.3f},0,{t1 - t0:.3f})")
    return "".join(terms)


def _median(places: NDArray[np.float64]) -> NDArray[np.float64]:
    half = MEDIAN_STEPS // 2
    padded = np.pad(places, half, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, MEDIAN_STEPS), axis=1)


def _following(places: NDArray[np.float64], zone: float) -> NDArray[np.float64]:
    """A middle that moves only as far as it must to keep the subject within `zone`."""
    middle = places.copy()
    for n in range(1, len(places)):
        middle[n] = min(max(middle[n - 1], places[n] - zone), places[n] + zone)
    return middle


def _smooth(places: NDArray[np.float64]) -> NDArray[np.float64]:
    reach = round(3 * SMOOTHING_S * RATE)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (SMOOTHING_S * RATE)) ** 2)
    return np.convolve(np.pad(places, reach, mode="edge"), weights / weights.sum(), mode="valid")


def _limited(places: NDArray[np.float64]) -> NDArray[np.float64]:
    step = MAX_SPEED / RATE
    limited = places.copy()
    for n in range(1, len(places)):
        limited[n] = min(max(limited[n], limited[n - 1] - step), limited[n - 1] + step)
    return limited


def _corners(times: NDArray[np.float64], places: NDArray[np.float64]) -> list[int]:
    """Numbers of the steps that a line of straight pieces needs (Douglas and Peucker 1973, distances along the place only)."""
    kept = {0, len(times) - 1}
    spans = [(0, len(times) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        straight = np.interp(times[first : last + 1], times[[first, last]], places[[first, last]])
        off = np.abs(places[first : last + 1] - straight)
        worst = int(off.argmax())
        if off[worst] > EXACTNESS:
            kept.add(first + worst)
            spans += [(first, first + worst), (first + worst, last)]
    return sorted(kept)
