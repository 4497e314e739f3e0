"""One decode of a film: its shots, each as soon as it has ended, with the pictures and the movement that were seen of it.

A take without cuts is handed on in pieces of `LONGEST_S`, for it may lead through several rooms, and so memory does not grow with
the film.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from sightline.jobs.kinds.showcase.movement import Follower, Step
from sightline.jobs.kinds.showcase.shots import LEAST_SHOT_S, Boundary, ShotFinder, is_dark
from sightline.media.footage import frames_of
from sightline.media.frame import Image, shrink_to_width

SMALL_PX, PICTURE_PX = 320, 640
"""Widths of what every frame is looked at in, and of what is kept for a closer look."""
PICTURE_EVERY_S = 0.25
LONGEST_S = 8.0
SLOW_FPS, LONGEST_OF_SLOW_S = 5.0, 2.0
"""With fewer frames per second every one differs, and no cut stands out: shorter pieces instead."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame of an open shot."""

    number: int
    t_s: float
    is_dark: bool
    step: Step | None
    picture: Image | None


@dataclass(frozen=True, slots=True)
class Take:
    """Frames that belong together."""

    begins: str
    """start, cut, dissolve, fade or piece (a long take goes on)"""
    seen: tuple[Seen, ...]
    end_s: float
    """Time of the first frame after it."""


def takes(path: Path, fps: float, finder: ShotFinder, follower: Follower, tell: Callable[[float], None]) -> Iterator[Take]:
    """The shots of one film.

    Args:
        tell: called with the time of every frame.

    Raises:
        Invalid: `unreadable_video`. AnalyzerError: a model failed.
    """
    parts = Parts(LONGEST_S if fps >= SLOW_FPS else LONGEST_OF_SLOW_S)
    waiting: deque[Seen] = deque()
    next_picture_s, t_s = 0.0, 0.0
    for number, frame in enumerate(frames_of(path)):
        t_s = frame.pts_ns / 1e9
        tell(t_s)
        small = shrink_to_width(frame.image, SMALL_PX)
        parts.learn(finder.see(small))
        dark = is_dark(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY))  # type: ignore[arg-type]
        is_due = t_s >= next_picture_s and not dark
        if is_due or dark:
            next_picture_s = t_s + PICTURE_EVERY_S * is_due
        picture = shrink_to_width(frame.image, PICTURE_PX) if is_due else None
        waiting.append(Seen(number, t_s, dark, follower.see(small, t_s), picture))
        while len(waiting) > finder.lag:
            yield from parts.add(waiting.popleft())
    parts.learn(finder.end())
    for seen in waiting:
        yield from parts.add(seen)
    yield from parts.end(t_s + 1 / fps)


class Parts:
    """Puts frames of which everything is known together to takes."""

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._boundaries: list[Boundary] = []
        self._open: list[Seen] = []
        self._begins = "start"

    def learn(self, boundaries: Sequence[Boundary]) -> None:
        """Boundaries at frames that are still to be added."""
        self._boundaries += boundaries

    def add(self, seen: Seen) -> Iterator[Take]:
        """The next frame; the take that ends before it."""
        self._boundaries = [one for one in self._boundaries if one.after >= seen.number]
        if seen.is_dark:
            yield from self._close("fade", seen.t_s)
            return
        if any(one.first <= seen.number < one.after for one in self._boundaries):
            yield from self._close("dissolve", seen.t_s)
            return
        if any(one.first == one.after == seen.number for one in self._boundaries):
            yield from self._close("cut", seen.t_s)
        elif self._open and seen.t_s - self._open[0].t_s >= self._longest_s:
            yield from self._close("piece", seen.t_s)
        self._open.append(seen)

    def end(self, end_s: float) -> Iterator[Take]:
        """The film is over."""
        yield from self._close("", end_s)

    def _close(self, next_begins: str, end_s: float) -> Iterator[Take]:
        ended, begins = self._open, self._begins
        self._open, self._begins = [], next_begins
        if not ended or not any(seen.picture is not None for seen in ended):
            return
        # What a cut or the end leaves of a piece after the last full one is too short to be shown.
        if begins != "piece" or next_begins == "piece" or end_s - ended[0].t_s >= LEAST_SHOT_S:
            yield Take(begins, tuple(ended), end_s)
