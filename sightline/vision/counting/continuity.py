"""Things as a counter sees them: a track that is lost and found under a new number is still one thing.

A tracker gives a new number when it is not sure. For a counter the likelier mistake is to count twice, so that a track which begins
where another of its kind has just ended takes over from it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sightline.media.findings import Box, Detection

TAKE_OVER_S = 2.0
"""How long after its end a track may be taken over."""
TAKE_OVER_DISTANCE = 0.5
"""Distance of centres, in box sizes, up to which it may; grows with the time in between …"""
TAKE_OVER_SPEED = 1.0
"""… by so many box sizes per second."""
MOST_GROWTH = 1.8
"""By how much the sizes of the two boxes may differ."""
FORGET_S = 120.0


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing in one look."""

    key: int
    """Stays when the track's number changes."""
    track_id: int
    label: str
    point: tuple[float, float]
    """Where it stands, in pixels."""
    size_px: float
    """Mean of width and height of its box: the unit of tolerances."""


@dataclass(slots=True)
class _Last:
    key: int
    track_id: int
    label: str
    box: Box
    pts_ns: int


class Continuity:
    """Gives things of one camera their keys."""

    def __init__(self) -> None:
        self._by_key: dict[int, _Last] = {}
        self._key_of: dict[int, int] = {}
        self._next_key = 1

    def things(self, detections: Sequence[Detection], pts_ns: int, is_at_feet: bool) -> list[Thing]:
        """The numbered detections of one look as things; each key at most once.

        Args:
            is_at_feet: whether a thing stands at the middle of its lower edge, or at its centre.
        """
        numbered = {d.track_id: d for d in detections if d.track_id is not None and _is_sound(d.box)}
        known = {n: key for n in numbered if (key := self._key_of.get(n)) is not None and self._by_key[key].track_id == n}
        taken = set(known.values())
        for number in sorted(numbered.keys() - known.keys()):
            heir_of = self._ended_near(numbered[number], pts_ns, taken)
            known[number] = key = self._take_key() if heir_of is None else heir_of
            taken.add(key)
        for number, key in known.items():
            detection = numbered[number]
            self._key_of[number] = key
            self._by_key[key] = _Last(key, number, detection.label, detection.box, pts_ns)
        self._forget(pts_ns)
        return [_thing(known[number], number, numbered[number], is_at_feet) for number in sorted(numbered)]

    def _ended_near(self, detection: Detection, pts_ns: int, taken: set[int]) -> int | None:
        best: tuple[float, int] | None = None
        for last in self._by_key.values():
            if last.key in taken or last.label != detection.label or pts_ns <= last.pts_ns:
                continue
            distance = _distance(last.box, detection.box, (pts_ns - last.pts_ns) / 1e9)
            if distance is not None and (best is None or (distance, last.key) < best):
                best = (distance, last.key)
        return best[1] if best is not None else None

    def _take_key(self) -> int:
        key, self._next_key = self._next_key, self._next_key + 1
        return key

    def _forget(self, pts_ns: int) -> None:
        old = {key for key, last in self._by_key.items() if pts_ns - last.pts_ns > FORGET_S * 1e9 or pts_ns < last.pts_ns}
        if old:
            self._by_key = {key: last for key, last in self._by_key.items() if key not in old}
            self._key_of = {number: key for number, key in self._key_of.items() if key not in old}


def _distance(ended: Box, begun: Box, elapsed_s: float) -> float | None:
    """In box sizes; None when the one cannot continue the other."""
    sizes = _size(ended), _size(begun)
    if elapsed_s > TAKE_OVER_S or max(sizes) > MOST_GROWTH * min(sizes):
        return None
    centres = math.hypot(ended[0] + ended[2] - begun[0] - begun[2], ended[1] + ended[3] - begun[1] - begun[3]) / 2
    distance = centres / max(sizes)
    return distance if distance <= TAKE_OVER_DISTANCE + TAKE_OVER_SPEED * elapsed_s else None


def _thing(key: int, number: int, detection: Detection, is_at_feet: bool) -> Thing:
    x1, y1, x2, y2 = detection.box
    return Thing(key, number, detection.label, ((x1 + x2) / 2, y2 if is_at_feet else (y1 + y2) / 2), _size(detection.box))


def _size(box: Box) -> float:
    return max(1e-3, (box[2] - box[0] + box[3] - box[1]) / 2)


def _is_sound(box: Box) -> bool:
    return all(math.isfinite(edge) for edge in box)
