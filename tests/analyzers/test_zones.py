"""Zones and lines as a stage: what reaches the dashboard, and what survives a changed parameter."""

from collections.abc import Iterable

import numpy as np
import pytest

from analyzers.zones import Zones, ZonesParams
from sightline.media.findings import Detection, Findings, Happening
from sightline.media.frame import BgrPicture, Frame
from sightline.media.shapes import Shape

ENTRANCE = Shape("Entrance", ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)))
DOOR = Shape("Door", ((0.0, 0.5), (1.0, 0.5)))


def look(zones: Zones, tenths: int, *things: Detection, size: tuple[int, int] = (800, 600)) -> Findings:
    pts_ns = tenths * 100_000_000
    frame = Frame("yard", tenths, pts_ns, pts_ns, 0.0, BgrPicture(np.zeros((size[1], size[0], 3), np.uint8)))
    return zones.interpret(frame, Findings.of("multi_object_tracking", frame, detections=things))


def person(x: float, feet_y: float, number: int = 1, *, label: str = "person") -> Detection:
    return Detection(label, 0.9, (x - 20, feet_y - 100, x + 20, feet_y), number)


def walk_down(zones: Zones, tenths: Iterable[int] = range(10, 60), *, number: int = 1, label: str = "person") -> list[Happening]:
    """From above the zone through it and over the line, 10 pixels a look."""
    steps = (look(zones, tenth, person(400, 50 + 10 * place, number, label=label)) for place, tenth in enumerate(tenths))
    return [happening for found in steps for happening in found.happenings]


def test_somebody_walks_through_a_zone_and_over_a_line() -> None:
    zones = Zones(ZonesParams(areas=(ENTRANCE,), lines=(DOOR,), dwell_s=2.0))
    told = walk_down(zones)
    assert [(happening.kind, happening.message) for happening in told] == [
        ("zone.entered", "Someone entered Entrance"),
        ("line.crossed", "Someone crossed Door: in"),
        ("zone.dwell", "Someone has been in Entrance for 2 s"),
        ("zone.left", "Someone left Entrance after 3 s"),
    ]
    assert told[1].facts == {"line": "Door", "direction": "in", "label": "person", "track_id": 1}
    assert told[3].facts == {"zone": "Entrance", "label": "person", "track_id": 1, "seconds": pytest.approx(3.1, abs=0.15)}
    assert look(zones, 61).measures == {
        "zones": {
            "Entrance": {
                "now": 0, "entered": 1, "left": 1, "mean_s": pytest.approx(3.1, abs=0.15),
                "longest_s": pytest.approx(3.1, abs=0.15),
                "peak": 1, "classes": {"person": {"now": 0, "entered": 1, "left": 1}},
            }
        },
        "lines": {"Door": {"in": 1, "out": 0, "classes": {"person": {"in": 1, "out": 0}}}},
    }  # fmt: skip


def test_shapes_are_drawn_with_their_counts() -> None:
    zones = Zones(ZonesParams(areas=(ENTRANCE,), lines=(DOOR,)))
    walk_down(zones, range(10, 40))
    zone, line = look(zones, 40, person(400, 340)).marks
    assert (zone.text, zone.closed, zone.points[0]) == ("Entrance: 1", True, (200, 150))
    assert (line.text, line.closed, line.points) == ("Door: 1 in, 0 out", False, ((0, 300), (800, 300)))


def test_what_is_told_and_what_counts_can_be_chosen() -> None:
    zones = Zones(ZonesParams(areas=(ENTRANCE,), lines=(DOOR,), classes="vehicles", events=("crossed",)))
    told = walk_down(zones, number=1, label="person") + walk_down(zones, range(70, 120), number=2, label="car")
    assert [happening.message for happening in told] == ["Car 2 crossed Door: in"]
    measures = look(zones, 121).measures
    assert measures["zones"]["Entrance"]["classes"] == {"car": {"now": 0, "entered": 1, "left": 1}}  # type: ignore[index]


def test_feet_or_centre() -> None:
    for anchor, inside in (("feet", 0), ("centre", 1)):
        zones = Zones(ZonesParams(areas=(ENTRANCE,), anchor=anchor))
        for tenths in range(10, 30):
            found = look(zones, tenths, person(400, 480))
        assert found.measures["zones"]["Entrance"]["now"] == inside, anchor  # type: ignore[index]


def test_feet_that_are_cut_off_at_the_border_are_in_a_zone_that_reaches_it() -> None:
    lower = Shape("Lower half", ((0.0, 0.5), (1.0, 0.5), (1.0, 0.99), (0.0, 0.99)))
    zones = Zones(ZonesParams(areas=(lower,)))
    for tenths in range(10, 20):
        found = look(zones, tenths, person(400, 600), person(20, 600, 2))
    assert found.measures["zones"]["Lower half"]["now"] == 2  # type: ignore[index]


def test_another_resolution_is_the_same_place() -> None:
    zones = Zones(ZonesParams(areas=(ENTRANCE,), lines=(DOOR,)))
    for tenths in range(10, 20):
        look(zones, tenths, person(400, 300))
    for tenths in range(20, 30):
        found = look(zones, tenths, Detection("person", 0.9, (190, 100, 210, 150), 1), size=(400, 300))
    assert found.measures["zones"]["Entrance"]["entered"] == 1  # type: ignore[index]
    assert found.marks[0].points[0] == (100, 75)


def test_a_reset_begins_anew_with_who_is_there() -> None:
    zones = Zones(ZonesParams(areas=(ENTRANCE,), lines=(DOOR,)))
    walk_down(zones, range(10, 40))
    zones.reset_counts()
    measures = look(zones, 41, person(400, 350)).measures
    assert measures["lines"] == {"Door": {"in": 0, "out": 0, "classes": {}}}
    assert measures["zones"]["Entrance"]["entered"] == measures["zones"]["Entrance"]["now"] == 1  # type: ignore[index]


def test_unmoved_shapes_keep_their_counts_when_parameters_change() -> None:
    old = Zones(ZonesParams(areas=(ENTRANCE,), lines=(DOOR,)))
    walk_down(old, range(10, 40))
    moved = Shape("Door", ((0.0, 0.6), (1.0, 0.6)))
    new = Zones(ZonesParams(areas=(ENTRANCE,), lines=(moved,), dwell_s=5.0, clearance=40.0))
    new.adopt(old)
    found = look(new, 40, person(400, 350))
    assert found.measures["zones"]["Entrance"]["entered"] == 1  # type: ignore[index]
    assert found.measures["lines"] == {"Door": {"in": 0, "out": 0, "classes": {}}}
    # The one inside goes on being the same visit: nobody enters, and he leaves once.
    told = [h for tenths in range(41, 90) for h in look(new, tenths, person(400, 350 + 10 * (tenths - 40))).happenings]
    assert [happening.kind for happening in told] == ["line.crossed", "zone.left"]


def test_another_anchor_neither_mixes_people_up_nor_moves_them_over_a_line() -> None:
    old = Zones(ZonesParams(areas=(ENTRANCE,), lines=(DOOR,)))
    for tenths in range(10, 20):
        look(old, tenths, person(400, 320, 7))
    for tenths in range(20, 30):
        # One in the zone, one beside it; both stand below the line, and their centres are above it.
        look(old, tenths, person(400, 320, 7), person(50, 320, 3))
    new = Zones(ZonesParams(areas=(ENTRANCE,), lines=(DOOR,), anchor="centre"))
    new.adopt(old)
    found = [look(new, tenths, person(50, 320, 3), person(400, 320, 7)) for tenths in range(30, 50)]
    assert found[-1].measures["zones"]["Entrance"]["classes"] == {"person": {"now": 1, "entered": 1, "left": 0}}  # type: ignore[index]
    assert [happening for each in found for happening in each.happenings] == []


def test_no_shapes_no_counts() -> None:
    assert look(Zones(ZonesParams()), 10, person(400, 300)).measures == {"zones": {}, "lines": {}}
