"""A zone: who is in it, since when; who came and went.

The edge has a width: a thing has entered when it is well inside or has stayed inside for a moment, and left when it is well outside
or has stayed outside for a moment. Who is hidden for a short time is still there.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sightline.vision.counting.continuity import Thing
from sightline.vision.counting.geometry import Point, area, depth_in_polygon

SETTLED_S = 1.0
"""Who has been on the other side of the edge for so long has changed sides, however close he is to it."""
GONE_S = 3.0
"""Who has not been seen for so long has left, when he was seen last."""
WIDEST_EDGE = 0.1
"""The edge is never wider than this share of the square root of the zone's area, or small zones had no inside."""


@dataclass(slots=True)
class Visit:
    """One thing's relation to the zone."""

    thing: Thing
    seen_ns: int
    is_present: bool = False
    label: str = ""
    """As what it came in: a detector may change its mind later, the counts must not."""
    since_ns: int = 0
    """When it came in."""
    other_side_ns: int | None = None
    """Since when it has been on the other side of the edge than it counts as."""
    has_dwelt: bool = False

    @property
    def seconds(self) -> float:
        """From coming in to when it was last seen."""
        return max(0, self.seen_ns - self.since_ns) / 1e9


@dataclass(frozen=True, slots=True)
class ZoneNews:
    """Something that a look has shown."""

    kind: Literal["entered", "left", "dwell"]
    thing: Thing
    seconds: float
    """How long it has been, or was, in the zone."""


class ZoneCounter:
    """Counts in one zone of one camera.

    Args:
        clearance: half the width of the edge, in box sizes.
        dwell_s: from how long on someone counts as staying; 0 = never.
    """

    def __init__(self, polygon: Sequence[Point], clearance: float, dwell_s: float) -> None:
        self.clearance = clearance
        self.dwell_s = dwell_s
        self._visits: dict[int, Visit] = {}
        self.move(polygon)
        self.reset()

    def reset(self) -> None:
        """Begin again at zero; who is inside now counts as having entered, so that entered − left = inside."""
        self.entered: Counter[str] = Counter(visit.label for visit in self.present())
        self.left: Counter[str] = Counter()
        self.stays = 0
        self.stayed_s = 0.0
        self.longest_s = max((visit.seconds for visit in self.present()), default=0.0)
        self.peak = len(self.present())

    def move(self, polygon: Sequence[Point]) -> None:
        """The picture has another size: the same zone in other pixels. Who is inside stays inside."""
        self.polygon = tuple(polygon)
        self._widest_px = WIDEST_EDGE * area(self.polygon) ** 0.5

    def take_over(self, previous: "ZoneCounter") -> None:
        """Go on with the counts of the same zone, which had another edge or dwell time."""
        self._visits = previous._visits
        self.entered, self.left, self.peak = previous.entered, previous.left, previous.peak
        self.stays, self.stayed_s, self.longest_s = previous.stays, previous.stayed_s, previous.longest_s

    def now(self) -> Counter[str]:
        """How many of each class are inside."""
        return Counter(visit.label for visit in self.present())

    def present(self) -> list[Visit]:
        return [visit for visit in self._visits.values() if visit.is_present]

    def mean_s(self) -> float:
        """Mean length of all visits since the reset, those of now included."""
        now = [visit.seconds for visit in self.present()]
        return (self.stayed_s + sum(now)) / max(1, self.stays + len(now))

    def update(self, things: Sequence[Thing], pts_ns: int) -> list[ZoneNews]:
        """Take in one look; return what it has shown."""
        news: list[ZoneNews] = []
        for thing in things:
            news += self._follow(thing, pts_ns)
        for key, visit in list(self._visits.items()):
            if pts_ns - visit.seen_ns > GONE_S * 1e9 or pts_ns < visit.seen_ns:
                if visit.is_present:
                    news.append(self._leave(visit))
                del self._visits[key]
        now = self.present()
        self.peak = max(self.peak, len(now))
        self.longest_s = max([self.longest_s, *(visit.seconds for visit in now)])
        for visit in now:
            if self.dwell_s and not visit.has_dwelt and visit.seconds >= self.dwell_s:
                visit.has_dwelt = True
                news.append(ZoneNews("dwell", visit.thing, visit.seconds))
        return news

    def _follow(self, thing: Thing, pts_ns: int) -> list[ZoneNews]:
        visit = self._visits.get(thing.key)
        if visit is None:
            visit = self._visits[thing.key] = Visit(thing, pts_ns)
        visit.thing, visit.seen_ns = thing, pts_ns
        depth = depth_in_polygon(self.polygon, thing.point)
        if (depth >= 0) == visit.is_present:
            visit.other_side_ns = None
            return []
        if visit.other_side_ns is None:
            visit.other_side_ns = pts_ns
        edge_px = min(self.clearance * thing.size_px, self._widest_px)
        if abs(depth) < edge_px and pts_ns - visit.other_side_ns < SETTLED_S * 1e9:
            return []
        return [self._leave(visit) if visit.is_present else self._enter(visit)]

    def _enter(self, visit: Visit) -> ZoneNews:
        assert visit.other_side_ns is not None
        visit.is_present, visit.since_ns, visit.has_dwelt = True, visit.other_side_ns, False
        visit.other_side_ns = None
        visit.label = visit.thing.label
        self.entered[visit.label] += 1
        return ZoneNews("entered", visit.thing, 0.0)

    def _leave(self, visit: Visit) -> ZoneNews:
        """End the visit: when it went over the edge, or when it was last seen."""
        last_ns = visit.seen_ns if visit.other_side_ns is None else visit.other_side_ns
        seconds = max(0, last_ns - visit.since_ns) / 1e9
        visit.is_present, visit.other_side_ns = False, None
        self.left[visit.label] += 1
        self.stays += 1
        self.stayed_s += seconds
        self.longest_s = max(self.longest_s, seconds)
        return ZoneNews("left", visit.thing, seconds)
