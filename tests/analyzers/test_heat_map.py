"""The heat map: presence where feet are, fading, kept over changes of its detail."""

import numpy as np
import pytest

from analyzers.heat_map import HeatMap, HeatMapParams
from sightline.media.findings import Detection, Findings
from sightline.media.frame import BgrPicture, Frame

SIZE = (640, 360)


def look(heat_map: HeatMap, pts_s: float, *boxes: tuple[float, float, float, float], label: str = "person") -> Findings:
    pts_ns = round(pts_s * 1e9)
    frame = Frame("yard", round(pts_s * 100), pts_ns, pts_ns, 0.0, BgrPicture(np.zeros((SIZE[1], SIZE[0], 3), np.uint8)))
    things = tuple(Detection(label, 0.9, box, number) for number, box in enumerate(boxes, 1))
    return heat_map.interpret(frame, Findings.of("multi_object_tracking", frame, detections=things))


STANDING = (300.0, 100.0, 340.0, 200.0)


def test_the_hottest_place_is_where_the_feet_were() -> None:
    heat_map = HeatMap(HeatMapParams())
    for step in range(51):
        found = look(heat_map, step / 10, STANDING)
    assert found.mask is not None
    row, column = np.unravel_index(int(found.mask.values.argmax()), found.mask.values.shape)
    rows, columns = found.mask.values.shape
    assert (column + 0.5) / columns == pytest.approx(320 / 640, abs=1 / columns)
    assert (row + 0.5) / rows == pytest.approx(200 / 360, abs=1 / rows)
    assert found.mask.values.max() == 255
    assert found.mask.values[0, 0] == 0
    assert not found.mask.values.flags.writeable
    # Faded by less than a percent in five of 600 seconds of half-life.
    assert found.measures["presence_s"] == pytest.approx(5.0, rel=0.01)


@pytest.mark.parametrize("rate_hz", [2, 10, 30])
def test_presence_is_time_and_not_looks(rate_hz: int) -> None:
    heat_map = HeatMap(HeatMapParams(memory="until reset"))
    for step in range(4 * rate_hz + 1):
        found = look(heat_map, step / rate_hz, STANDING)
    assert found.measures["presence_s"] == pytest.approx(4.0, abs=0.05)


def test_visits_fade_with_the_half_life_and_stay_without() -> None:
    fading, lasting = HeatMap(HeatMapParams(half_life_min=1.0)), HeatMap(HeatMapParams(memory="until reset"))
    for heat_map in (fading, lasting):
        for step in range(21):
            look(heat_map, step / 10, STANDING)
    assert look(fading, 122.0).measures["presence_s"] == pytest.approx(2.0 / 4, rel=0.05)
    assert look(lasting, 122.0).measures["presence_s"] == pytest.approx(2.0, rel=0.01)


def test_only_the_chosen_classes_count() -> None:
    heat_map = HeatMap(HeatMapParams())
    for step in range(11):
        found = look(heat_map, step / 10, STANDING, label="car")
    assert found.measures == {"presence_s": 0.0, "visited_share": 0.0}
    assert found.mask is not None
    assert found.mask.values.max() == 0


def test_reset_and_changed_detail() -> None:
    heat_map = HeatMap(HeatMapParams(memory="until reset"))
    for step in range(31):
        look(heat_map, step / 10, STANDING)
    finer = HeatMap(HeatMapParams(memory="until reset", detail="fine"))
    finer.adopt(heat_map)
    found = look(finer, 3.1, STANDING)
    assert found.measures["presence_s"] == pytest.approx(3.1, abs=0.05)
    assert found.measures["busiest_y"] == pytest.approx(200 / 360, abs=0.03)
    finer.reset_counts()
    assert look(finer, 3.2).measures["presence_s"] == 0.0
    other_classes = HeatMap(HeatMapParams(classes="vehicles"))
    other_classes.adopt(heat_map)
    assert look(other_classes, 3.2).measures["presence_s"] == 0.0


def test_a_long_gap_is_no_presence() -> None:
    heat_map = HeatMap(HeatMapParams(memory="until reset"))
    look(heat_map, 0.0, STANDING)
    assert look(heat_map, 500.0, STANDING).measures["presence_s"] == pytest.approx(2.0, abs=0.01)
