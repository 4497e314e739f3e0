"""Zones and lines: who is where and for how long, who came and went, who crossed a line and which way.

Reads multi_object_tracking. The measures, which reach the statistics and the charts of the dashboard:

    {
      "zones": {"Entrance": {"now": 2, "entered": 7, "left": 5, "mean_s": 14.2, "longest_s": 63.0, "peak": 3,
                             "classes": {"person": {"now": 2, "entered": 7, "left": 5}}}},
      "lines": {"Door": {"in": 4, "out": 2, "classes": {"person": {"in": 4, "out": 2}}}}
    }

`entered − left = now` at all times; who was inside when counting began counts as having entered. `mean_s` and `longest_s` are
lengths of visits, those of now included. A line is crossed "in" from its left to its right, as someone sees it who goes along it
from its first point to its last: a line drawn from left to right is crossed inwards from above to below. What counts as entering
and crossing stands in `sightline/vision/counting`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analyzers.object_detection import CLASSES
from sightline.media.findings import Findings, Happening, Mark
from sightline.media.frame import Frame
from sightline.media.shapes import Shape, shapes_param
from sightline.media.stage import Resources, param, register
from sightline.vision.counting import Continuity, Crossing, LineCounter, Thing, ZoneCounter, ZoneNews
from sightline.vision.counting.geometry import Point

NAME = "zones"
BORDER_SHARE, BEYOND_SHARE = 0.015, 0.05
"""A corner this close to the border of the picture is meant to be on it, and reaches so far beyond: feet are cut off there."""
TELL = ("entered", "left", "stayed", "crossed")


@dataclass(frozen=True)
class ZonesParams:
    areas: tuple[Shape, ...] = shapes_param("zone", "Zones")
    lines: tuple[Shape, ...] = shapes_param("line", "Lines", help="Crossed inwards from the left of the line to its right.")
    classes: str = param("all", "Count", choices=tuple(CLASSES))
    anchor: str = param(
        "feet", "A thing is where", choices=("feet", "centre"), help="feet = the middle of the lower edge of its box."
    )
    clearance: float = param(
        20.0, "Clearance", minimum=0.0, maximum=100.0, step=5.0, unit="%",
        help="How far a thing must come away from a line or an edge before it counts, as a share of its own size.",
    )  # fmt: skip
    dwell_s: float = param(30.0, "Tell of who stays", minimum=0.0, maximum=3600.0, step=1.0, unit="s", help="0 tells of nobody.")
    events: tuple[str, ...] = param(TELL, "Events", choices=TELL, help="What is told beside being counted.")


class Zones:
    """The zones and lines of one camera."""

    def __init__(self, params: ZonesParams) -> None:
        self._params = params
        self._wanted = CLASSES[params.classes]
        self._continuity = Continuity()
        self._size_px = (1, 1)
        clearance = params.clearance / 100
        self._zones = {shape: ZoneCounter(_pixels(shape, (1, 1)), clearance, params.dwell_s) for shape in params.areas}
        self._lines = {shape: LineCounter(_pixels(shape, (1, 1)), clearance) for shape in params.lines}

    def interpret(self, frame: Frame, findings: Findings) -> Findings:
        self._fit(frame.size_px)
        wanted = [d for d in findings.detections if self._wanted is None or d.label in self._wanted]
        things = self._continuity.things(wanted, frame.pts_ns, is_at_feet=self._params.anchor == "feet")
        happenings: list[Happening] = []
        for shape, zone in self._zones.items():
            happenings += [_told(shape, news) for news in zone.update(things, frame.pts_ns)]
        for shape, line in self._lines.items():
            happenings += [_crossed(shape, crossing) for crossing in line.update(things, frame.pts_ns)]
        wanted_kinds = {KINDS[word] for word in self._params.events}
        return Findings.of(
            NAME, frame, measures=self._measures(), marks=self._marks(frame.size_px),
            happenings=tuple(happening for happening in happenings if happening.kind in wanted_kinds),
        )  # fmt: skip

    def reset_counts(self) -> None:
        for zone in self._zones.values():
            zone.reset()
        for line in self._lines.values():
            line.reset()

    def adopt(self, previous: Any) -> None:
        """Zones and lines that were not moved keep their counts, whatever else changed."""
        if not isinstance(previous, Zones):
            return
        self._size_px = previous._size_px
        # Counters know things by its keys.
        self._continuity = previous._continuity
        is_same_point = previous._params.anchor == self._params.anchor
        for shape, zone in self._zones.items():
            zone.move(_pixels(shape, self._size_px))
            if shape in previous._zones:
                zone.take_over(previous._zones[shape])
        for shape, line in self._lines.items():
            line.move(_pixels(shape, self._size_px))
            if shape in previous._lines:
                line.take_over(previous._lines[shape])
                if not is_same_point:
                    line.forget_ways()  # from a thing's feet to its centre is no way over a line

    def _fit(self, size_px: tuple[int, int]) -> None:
        if size_px == self._size_px:
            return
        self._size_px = size_px
        for shape, zone in self._zones.items():
            zone.move(_pixels(shape, size_px))
        for shape, line in self._lines.items():
            line.move(_pixels(shape, size_px))

    def _measures(self) -> dict[str, object]:
        return {
            "zones": {shape.name: _zone_json(zone) for shape, zone in self._zones.items()},
            "lines": {shape.name: _line_json(line) for shape, line in self._lines.items()},
        }

    def _marks(self, size_px: tuple[int, int]) -> tuple[Mark, ...]:
        zones = (
            Mark(shape.to_pixels(size_px), closed=True, text=f"{shape.name}: {len(zone.present())}", key=shape.name)
            for shape, zone in self._zones.items()
        )
        lines = (
            Mark(shape.to_pixels(size_px), text=f"{shape.name}: {line.ins.total()} in, {line.outs.total()} out", key=shape.name)
            for shape, line in self._lines.items()
        )
        return (*zones, *lines)


KINDS = {"entered": "zone.entered", "left": "zone.left", "stayed": "zone.dwell", "crossed": "line.crossed"}
ZONE_WORDS: Mapping[str, Callable[[str, str, float], str]] = {
    "entered": lambda who, zone, _: f"{who} entered {zone}",
    "left": lambda who, zone, seconds: f"{who} left {zone} after {seconds:.0f} s",
    "dwell": lambda who, zone, seconds: f"{who} has been in {zone} for {seconds:.0f} s",
}


def _told(shape: Shape, news: ZoneNews) -> Happening:
    words = ZONE_WORDS[news.kind](_someone(news.thing), shape.name, news.seconds)
    facts = {"zone": shape.name, **_facts(news.thing), "seconds": round(news.seconds, 1)}
    return Happening(f"zone.{news.kind}", words, facts)


def _crossed(shape: Shape, crossing: Crossing) -> Happening:
    way = "in" if crossing.is_in else "out"
    facts = {"line": shape.name, "direction": way, **_facts(crossing.thing)}
    return Happening("line.crossed", f"{_someone(crossing.thing)} crossed {shape.name}: {way}", facts)


def _someone(thing: Thing) -> str:
    return "Someone" if thing.label == "person" else f"{thing.label.capitalize()} {thing.track_id}"


def _facts(thing: Thing) -> dict[str, str | int]:
    return {"label": thing.label, "track_id": thing.track_id}


def _zone_json(zone: ZoneCounter) -> dict[str, object]:
    now = zone.now()
    return {
        "now": now.total(), "entered": zone.entered.total(), "left": zone.left.total(), "mean_s": round(zone.mean_s(), 1),
        "longest_s": round(zone.longest_s, 1), "peak": zone.peak,
        "classes": {
            label: {"now": now[label], "entered": zone.entered[label], "left": zone.left[label]} for label in sorted(zone.entered)
        },
    }  # fmt: skip


def _line_json(line: LineCounter) -> dict[str, object]:
    labels = sorted(line.ins.keys() | line.outs.keys())
    return {
        "in": line.ins.total(), "out": line.outs.total(),
        "classes": {label: {"in": line.ins[label], "out": line.outs[label]} for label in labels},
    }  # fmt: skip


def _pixels(shape: Shape, size_px: tuple[int, int]) -> Sequence[Point]:
    return Shape(shape.name, tuple((_reaching(x), _reaching(y)) for x, y in shape.points)).to_pixels(size_px)


def _reaching(share: float) -> float:
    if share <= BORDER_SHARE:
        return -BEYOND_SHARE
    return 1 + BEYOND_SHARE if share >= 1 - BORDER_SHARE else share


def _make(params: ZonesParams, _resources: Resources) -> Zones:
    return Zones(params)


register(
    NAME,
    _make,
    kind="analyzer",
    label="Zones and lines",
    description="Counts who is in the zones that you draw, how long they stay, and who crosses the lines.",
    group="Zones and counting",
    params=ZonesParams,
    reads="multi_object_tracking",
    rate_hz=30.0,
    backend="geometry of its own",
)
