"""A counting line: who crossed it, which way.

A crossing counts when the thing has come clear of the line, and only the sum of its ways over the line counts: jitter on the line
gives +1 −1 +1, which is one crossing, or +1 −1, which is none. The line is what was drawn; a way round its end is no crossing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sightline.vision.counting.continuity import Thing
from sightline.vision.counting.geometry import Point, crossings, distance_to_line

LEAST_CLEARANCE_PX = 2.0
CLEAR_LOOKS = 2
"""One look can be wrong …"""
FAR_SHARE = 2.0
"""… but not by so many times the clearance."""
SETTLED_S = 3.0
"""Who has stayed on the other side for so long has crossed, though he stands close to the line …"""
SETTLED_SHARE = 0.25
"""… but not within this share of the clearance."""
GONE_S = 3.0
"""Who has not been seen for so long ended where he was last."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A counted one."""

    is_in: bool
    """From the left of the line to its right."""
    thing: Thing


@dataclass(slots=True)
class _Way:
    thing: Thing
    pts_ns: int
    net: int = 0
    """Ways over the line since it was clear of it: positive = to the right."""
    crossed_ns: int = 0
    clear_looks: int = 0
    """Looks in a row in which it was clear of the line."""


class LineCounter:
    """Counts over one line of one camera.

    Args:
        clearance: how far a thing must come away from the line, in box sizes.
    """

    def __init__(self, line: Sequence[Point], clearance: float) -> None:
        self.line = tuple(line)
        self.clearance = clearance
        self._ways: dict[int, _Way] = {}
        self.reset()

    def reset(self) -> None:
        """Begin again at zero; who is on the way over the line now still counts."""
        self.ins: Counter[str] = Counter()
        self.outs: Counter[str] = Counter()

    def take_over(self, previous: "LineCounter") -> None:
        """Go on with the counts of the same line, which had another clearance."""
        self.ins, self.outs, self._ways = previous.ins, previous.outs, previous._ways

    def move(self, line: Sequence[Point]) -> None:
        """The picture has another size: the same line in other pixels."""
        self.line = tuple(line)
        self.forget_ways()

    def forget_ways(self) -> None:
        """Where things were before has nothing to do with where they are next."""
        self._ways.clear()

    def update(self, things: Sequence[Thing], pts_ns: int) -> list[Crossing]:
        """Take in one look; return what counted by it."""
        counted = [crossing for thing in things if (crossing := self._follow(thing, pts_ns)) is not None]
        for key, way in list(self._ways.items()):
            if pts_ns - way.pts_ns > GONE_S * 1e9 or pts_ns < way.pts_ns:
                del self._ways[key]
                if way.net:
                    counted.append(self._count(way))
        return counted

    def _follow(self, thing: Thing, pts_ns: int) -> Crossing | None:
        way = self._ways.get(thing.key)
        if way is None:
            self._ways[thing.key] = _Way(thing, pts_ns)
            return None
        step = crossings(self.line, way.thing.point, thing.point)
        way.thing, way.pts_ns = thing, pts_ns
        if step:
            way.net += step
            way.crossed_ns, way.clear_looks = pts_ns, 0
        return self._count(way) if way.net and self._is_clear(way) else None

    def _is_clear(self, way: _Way) -> bool:
        clearance_px = max(LEAST_CLEARANCE_PX, self.clearance * way.thing.size_px)
        distance = distance_to_line(self.line, way.thing.point)
        way.clear_looks = way.clear_looks + 1 if distance >= clearance_px else 0
        has_settled = way.pts_ns - way.crossed_ns >= SETTLED_S * 1e9
        return (
            way.clear_looks >= CLEAR_LOOKS
            or distance >= FAR_SHARE * clearance_px
            or (has_settled and distance >= SETTLED_SHARE * clearance_px)
        )

    def _count(self, way: _Way) -> Crossing:
        is_in, way.net = way.net > 0, 0
        (self.ins if is_in else self.outs)[way.thing.label] += 1
        return Crossing(is_in, way.thing)
