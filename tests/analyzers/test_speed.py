"""Speed, on scenes that are projected with a known camera: what drives how fast is known exactly."""

import math
from collections.abc import Iterator

import numpy as np
import pytest

from analyzers.speed import Speed, SpeedParams
from sightline.errors import AnalyzerError
from sightline.media.findings import Detection, Findings
from sightline.media.frame import BgrPicture, Frame
from sightline.media.shapes import Shape

SIZE = (1280, 720)
FOCAL_PX, HEIGHT_M, TILT = 1000.0, 6.0, math.radians(20)


def project(x: float, z: float) -> tuple[float, float]:
    """A point on the ground, `x` metres to the right and `z` ahead, as a camera 6 m up that looks 20° down sees it."""
    depth = z * math.cos(TILT) + HEIGHT_M * math.sin(TILT)
    down = HEIGHT_M * math.cos(TILT) - z * math.sin(TILT)
    return SIZE[0] / 2 + FOCAL_PX * x / depth, SIZE[1] / 2 + FOCAL_PX * down / depth


def area(*corners: tuple[float, float]) -> tuple[Shape, ...]:
    points = (project(x, z) for x, z in corners)
    return (Shape("Lane", tuple((x / SIZE[0], y / SIZE[1]) for x, y in points)),)


LANE = area((-2, 12), (2, 12), (2, 32), (-2, 32))
PLAIN = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)


def look(seq: int, pts_s: float, *things: Detection) -> tuple[Frame, Findings]:
    pts_ns = round(pts_s * 1e9)
    frame = Frame("road", seq, pts_ns, pts_ns, 0.0, BgrPicture(PLAIN))
    return frame, Findings.of("multi_object_tracking", frame, detections=things)


def car(number: int, x: float, z: float, jitter: tuple[float, float] = (0.0, 0.0)) -> Detection:
    px, py = project(x, z)
    width = FOCAL_PX * 1.8 / (z + 2)
    px, py = px + jitter[0], py + jitter[1]
    return Detection("car", 0.9, (px - width / 2, py - width * 0.8, px + width / 2, py), number)


def drive(
    metres_per_s: float, *, rate_hz: float = 10.0, noise_px: float = 0.0, number: int = 1, seconds: float = 3.0
) -> Iterator[tuple[Frame, Findings]]:  # fmt: skip
    random = np.random.default_rng(3)
    for seq in range(round(seconds * rate_hz)):
        jitter = random.normal(0, noise_px, 2) if noise_px else (0.0, 0.0)
        yield look(seq + 1, 1 + seq / rate_hz, car(number, 0.5, 12 + metres_per_s * seq / rate_hz, tuple(jitter)))


@pytest.mark.parametrize("kmh", [5, 30, 60])
@pytest.mark.parametrize("rate_hz", [3.0, 10.0, 30.0])
def test_the_speed_on_a_known_scene_is_right(kmh: float, rate_hz: float) -> None:
    speed = Speed(SpeedParams(area=LANE, width_m=4, length_m=20))
    shown = [speed.interpret(*seen) for seen in drive(kmh / 3.6, rate_hz=rate_hz, seconds=1.5)]
    assert shown[-1].detections[0].attributes["speed_kmh"] == pytest.approx(kmh, rel=0.01)
    assert shown[-1].measures["fastest_kmh"] == pytest.approx(kmh, rel=0.01)
    assert shown[-1].measures["moving"] == 1


def test_jitter_of_the_detector_costs_a_few_percent() -> None:
    speed = Speed(SpeedParams(area=LANE, width_m=4, length_m=20))
    shown = [speed.interpret(*seen) for seen in drive(10.0, noise_px=1.5, seconds=1.8)]
    told = [found.detections[0].attributes["speed_kmh"] for found in shown if found.detections][5:]
    assert np.mean(told) == pytest.approx(36.0, rel=0.03)


def test_across_the_road_as_well_as_along_it() -> None:
    speed = Speed(SpeedParams(area=LANE, width_m=4, length_m=20, unit="m/s"))
    for seq in range(20):
        found = speed.interpret(*look(seq + 1, 1 + seq / 10, car(1, -2 + 2.0 * seq / 10, 20)))
    assert found.detections[0].attributes["speed_mps"] == pytest.approx(2.0, rel=0.01)


def test_what_stands_is_not_moving() -> None:
    speed = Speed(SpeedParams(area=LANE, width_m=4, length_m=20))
    random = np.random.default_rng(5)
    for seq in range(30):
        found = speed.interpret(*look(seq + 1, 1 + seq / 10, car(1, 0.5, 14, tuple(random.normal(0, 0.5, 2)))))
    assert found.measures == {"moving": 0, "top_kmh": 0.0, "exceeded": 0}


def test_the_limit_is_told_once_for_each_thing() -> None:
    speed = Speed(SpeedParams(area=LANE, width_m=4, length_m=20, limit=30))
    told = [h for seen in drive(10.0) for h in speed.interpret(*seen).happenings]
    told += [h for seen in drive(8.0, number=2) for h in speed.interpret(*seen).happenings]
    assert [h.kind for h in told] == ["speed.exceeded"]
    assert told[0].message == "Car 1 at 36 km/h (limit 30)"
    assert told[0].facts["track_id"] == 1
    assert speed.interpret(*look(99, 9.0)).measures["exceeded"] == 1
    speed.reset_counts()
    assert speed.interpret(*look(100, 9.1)).measures == {"moving": 0, "top_kmh": 0.0, "exceeded": 0}


def test_one_wild_look_does_not_exceed_the_limit() -> None:
    speed = Speed(SpeedParams(area=LANE, width_m=4, length_m=20, limit=60, smoothing_s=1.0))
    told = []
    for seq in range(25):
        jump = 3.0 if seq == 12 else 0.0
        told += speed.interpret(*look(seq + 1, 1 + seq / 10, car(1, 0.5, 12 + seq * 0.8 + jump))).happenings
    assert told == []


def test_near_the_horizon_there_is_no_ground_to_measure_on() -> None:
    speed = Speed(SpeedParams(area=LANE, width_m=4, length_m=20))
    for seq in range(20):
        bird = Detection("bird", 0.9, (100.0 + 10 * seq, 5, 130.0 + 10 * seq, 25), 7)
        found = speed.interpret(*look(seq + 1, 1 + seq / 10, bird))
    assert found.detections == ()


def test_what_is_cut_off_at_the_lower_border_keeps_its_speed_and_then_has_none() -> None:
    speed = Speed(SpeedParams(area=LANE, width_m=4, length_m=20, smoothing_s=1.0))
    for seen in drive(10.0, seconds=1.5):
        speed.interpret(*seen)
    cut = Detection("car", 0.9, (500.0, 500.0, 800.0, 720.0), 1)
    soon = speed.interpret(*look(40, 2.9, cut))
    late = speed.interpret(*look(50, 4.5, cut))
    assert soon.detections[0].attributes["speed_kmh"] == pytest.approx(36, rel=0.01)
    assert late.detections == ()


def test_nothing_drawn_tells_what_to_do() -> None:
    found = Speed(SpeedParams()).interpret(*look(1, 1.0, car(1, 0, 15)))
    assert "Draw" in str(found.measures["calibration"])


@pytest.mark.parametrize("points", [((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)), ((0.2, 0.2),) * 4])
def test_an_area_that_is_no_rectangle_is_refused(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(AnalyzerError, match="four corners"):
        Speed(SpeedParams(area=(Shape("Bow", points),))).interpret(*look(1, 1.0))


def test_a_changed_limit_keeps_the_tracks_and_a_changed_area_does_not() -> None:
    old = Speed(SpeedParams(area=LANE, width_m=4, length_m=20))
    for seen in drive(10.0, seconds=2.0):
        old.interpret(*seen)
    heir, stranger = Speed(SpeedParams(area=LANE, width_m=4, length_m=20, limit=20)), Speed(SpeedParams(area=LANE, width_m=5))
    heir.adopt(old)
    stranger.adopt(old)
    seen = look(30, 3.0, car(1, 0.5, 32))
    assert heir.interpret(*seen).detections[0].attributes["speed_kmh"] == pytest.approx(36, rel=0.02)
    assert heir.interpret(*look(31, 3.1)).measures["top_kmh"] == pytest.approx(36, rel=0.02)
    assert stranger.interpret(*seen).detections == ()
