"""Speed of things on the ground, calibrated by a rectangle of known size that is drawn on the picture.

Reads multi_object_tracking. Feet or wheels (the middle of the lower edge of a box) are taken to be on flat ground. On scenes
that are projected with a known camera the speed is right within 3 % (tests/analyzers/test_speed.py); on real ones the rectangle
decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from analyzers.object_detection import CLASSES
from sightline.media.findings import Detection, Findings, Happening, Mark, Scalar
from sightline.media.frame import Frame
from sightline.media.shapes import Shape, shapes_param
from sightline.media.stage import Resources, param, register
from sightline.vision.ground import Ground, Speedometer

NAME = "speed"
UNITS = {"km/h": (3.6, "kmh"), "m/s": (1.0, "mps")}
"""Factor from metres per second, and the end of the names of measures."""
UNCALIBRATED = "Draw the area of known size on the ground and enter its width and length."
STANDING_M_S = 0.2
"""Whatever is slower stands; its speed is told as 0, not as jitter."""
LIMIT_LOOKS = 3
"""Looks in a row that must be above the limit before it counts as exceeded."""
CUT_PX = 2
"""A box that ends within so many pixels of the lower border is cut off there: its feet are not seen."""
FORGET_S = 5.0


@dataclass(frozen=True)
class SpeedParams:
    area: tuple[Shape, ...] = shapes_param(
        "quad", "Area of known size", most=1, help="A rectangle on the ground; begin with the corners of a side of the width below."
    )
    width_m: float = param(3.5, "Its width", minimum=0.1, maximum=1000.0, step=0.1, unit="m", help="Between corners 1 and 2.")
    length_m: float = param(10.0, "Its length", minimum=0.1, maximum=1000.0, step=0.1, unit="m", help="Between corners 2 and 3.")
    unit: str = param("km/h", "Unit", choices=tuple(UNITS))
    limit: float = param(
        0.0, "Limit", minimum=0.0, maximum=500.0, step=1.0, help="In the unit above; faster is told once. 0 = none."
    )
    smoothing_s: float = param(
        1.0, "Measure over", minimum=0.5, maximum=10.0, step=0.5, unit="s", help="Longer is steadier and later."
    )
    classes: str = param("all", "Of", choices=tuple(CLASSES))


@dataclass(slots=True)
class _Moving:
    speedometer: Speedometer
    fast_looks: int = 0
    has_exceeded: bool = False


class Speed:
    """The speeds of one camera.

    Measures while nothing is drawn: `{"calibration": "Draw …"}`. Then, the end of the names after the unit: `{"moving": 3,
    "fastest_kmh": 52.1, "mean_kmh": 38.0, "top_kmh": 71.4, "exceeded": 2}`; fastest and mean are of now and absent when nothing
    moves, top and exceeded since the start or the last reset. Each detection has the attribute `speed_kmh` (or `speed_mps`).
    """

    def __init__(self, params: SpeedParams) -> None:
        self._params = params
        self._wanted = CLASSES[params.classes]
        self._factor, self._end = UNITS[params.unit]
        self._ground: Ground | None = None
        self._size_px: tuple[int, int] | None = None
        self._things: dict[int, _Moving] = {}
        self._top_m_s = 0.0
        self._exceeded = 0

    def interpret(self, frame: Frame, findings: Findings) -> Findings:
        """
        Raises:
            AnalyzerError: the area of known size is no rectangle seen in perspective.
        """
        if not self._params.area:
            return Findings.of(NAME, frame, measures={"calibration": UNCALIBRATED})
        self._fit(frame.size_px)
        wanted = [d for d in findings.detections if self._wanted is None or d.label in self._wanted]
        shown, happenings, speeds = [], [], []
        for detection in wanted:
            speed_m_s = self._measure(detection, frame.pts_ns, frame.size_px)
            if speed_m_s is None or detection.track_id is None:
                continue
            speeds.append(speed_m_s)
            measured = replace(detection, attributes={**detection.attributes, f"speed_{self._end}": self._shown(speed_m_s)})
            shown.append(measured)
            if self._exceeds(detection.track_id, speed_m_s):
                happenings.append(self._told(measured, speed_m_s))
        self._forget(frame.pts_ns)
        return Findings.of(
            NAME, frame, detections=tuple(shown), measures=self._measures(speeds), marks=self._marks(shown, frame.size_px),
            happenings=tuple(happenings),
        )  # fmt: skip

    def reset_counts(self) -> None:
        self._top_m_s, self._exceeded = 0.0, 0

    def adopt(self, previous: Any) -> None:
        """Counts go on; places on the ground only where the ground is the same."""
        if not isinstance(previous, Speed):
            return
        mine, its = self._params, previous._params
        if (mine.area, mine.width_m, mine.length_m) != (its.area, its.width_m, its.length_m):
            return
        self._top_m_s, self._things = previous._top_m_s, previous._things
        self._ground, self._size_px = previous._ground, previous._size_px
        for thing in self._things.values():
            thing.speedometer.window_s = mine.smoothing_s
            thing.has_exceeded = thing.has_exceeded and (mine.limit, mine.unit) == (its.limit, its.unit)
        if (mine.limit, mine.unit) == (its.limit, its.unit):
            self._exceeded = previous._exceeded

    def _fit(self, size_px: tuple[int, int]) -> None:
        if size_px == self._size_px:
            return
        corners = self._params.area[0].to_pixels(size_px)
        self._ground = Ground(corners, self._params.width_m, self._params.length_m, size_px)
        self._size_px = size_px
        self._things.clear()

    def _measure(self, detection: Detection, pts_ns: int, size_px: tuple[int, int]) -> float | None:
        if detection.track_id is None or self._ground is None:
            return None
        thing = self._things.setdefault(detection.track_id, _Moving(Speedometer(self._params.smoothing_s)))
        x1, _, x2, y2 = detection.box
        # What is cut off at the lower border seems to stand while it drives out of the picture.
        place = self._ground.metres(((x1 + x2) / 2, y2)) if y2 < size_px[1] - CUT_PX else None
        if place is not None:
            thing.speedometer.add(place, pts_ns)
        elif pts_ns - thing.speedometer.seen_ns > self._params.smoothing_s * 1e9:
            return None
        speed_m_s = thing.speedometer.metres_per_s()
        if speed_m_s is None:
            return None
        return speed_m_s if speed_m_s >= STANDING_M_S else 0.0

    def _exceeds(self, number: int, speed_m_s: float) -> bool:
        thing = self._things[number]
        self._top_m_s = max(self._top_m_s, speed_m_s)
        is_fast = self._params.limit > 0 and speed_m_s * self._factor > self._params.limit
        thing.fast_looks = thing.fast_looks + 1 if is_fast else 0
        if thing.has_exceeded or thing.fast_looks < LIMIT_LOOKS:
            return False
        thing.has_exceeded = True
        self._exceeded += 1
        return True

    def _told(self, detection: Detection, speed_m_s: float) -> Happening:
        limit, unit = self._params.limit, self._params.unit
        facts: dict[str, Scalar] = {
            "label": detection.label, "track_id": detection.track_id or 0, "limit": limit,
            f"speed_{self._end}": self._shown(speed_m_s),
        }  # fmt: skip
        words = f"{detection.label.capitalize()} {detection.track_id} at {speed_m_s * self._factor:.0f} {unit} (limit {limit:g})"
        return Happening("speed.exceeded", words, facts)

    def _forget(self, pts_ns: int) -> None:
        gone = [number for number, thing in self._things.items() if abs(pts_ns - thing.speedometer.seen_ns) > FORGET_S * 1e9]
        for number in gone:
            del self._things[number]

    def _measures(self, speeds_m_s: Sequence[float]) -> dict[str, object]:
        moving = [speed for speed in speeds_m_s if speed > 0]
        measures: dict[str, object] = {"moving": len(moving)}
        if moving:
            measures[f"fastest_{self._end}"] = self._shown(max(moving))
            measures[f"mean_{self._end}"] = self._shown(sum(moving) / len(moving))
        measures[f"top_{self._end}"] = self._shown(self._top_m_s)
        return measures | {"exceeded": self._exceeded}

    def _marks(self, shown: Sequence[Detection], size_px: tuple[int, int]) -> tuple[Mark, ...]:
        area = Mark(self._params.area[0].to_pixels(size_px), closed=True, key=NAME)
        words = (
            Mark(((d.box[0], d.box[3]),), text=f"{d.attributes[f'speed_{self._end}']:.0f} {self._params.unit}", key=d.label)
            for d in shown
        )
        return (area, *words)

    def _shown(self, speed_m_s: float) -> float:
        return round(speed_m_s * self._factor, 1)


def _make(params: SpeedParams, _resources: Resources) -> Speed:
    return Speed(params)


register(
    NAME,
    _make,
    kind="analyzer",
    label="Speed",
    description="Measures how fast people and vehicles move, once an area of known size is drawn.",
    group="Zones and counting",
    params=SpeedParams,
    reads="multi_object_tracking",
    rate_hz=30.0,
    backend="OpenCV homography",
)
