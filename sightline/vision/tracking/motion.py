"""Where a thing is expected, and how surely: a Kalman filter over the centre and the size of its box, on the clock of the pictures.

Looks come at 1 to 30 Hz with gaps, so that nothing here counts frames: the noise is continuous (white acceleration), and a forecast
is made from the last look in one step. All lengths are relative to the size of the box; no constant depends on the resolution.
"""

import math
from dataclasses import dataclass

from sightline.media.findings import Box

MEASURED_STD = 0.06
"""Standard deviation of a measured edge, in box sizes, for a detection with full score; more for a less certain one."""
DRIFT_STD = 0.15
"""What the position wanders beside its velocity, in box sizes per root second: gestures, limbs, jitter of the detector."""
VELOCITY_DRIFT_STD = 1.0
"""How much the velocity changes within a second, in box sizes per second."""
FIRST_VELOCITY_STD = 2.0
"""What is not known about the velocity of a thing seen once, in box sizes per second."""
SIZE_DRIFT_STD = 0.2
"""How much width and height change within a second, as a share."""
COASTING_S = 3.0
"""A thing that nobody sees loses its velocity with this time constant: people who vanish behind something often stop there."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Position and velocity along one axis with their covariance."""

    position: float
    velocity: float
    variance: float
    covariance: float
    velocity_variance: float

    def after(self, elapsed_s: float, size_px: float) -> "Axis":
        """The state forecast for `elapsed_s` later."""
        reach_s = COASTING_S * (1 - math.exp(-elapsed_s / COASTING_S))
        drift, push = (DRIFT_STD * size_px) ** 2, (VELOCITY_DRIFT_STD * size_px) ** 2
        return Axis(
            self.position + reach_s * self.velocity,
            self.velocity,
            self.variance + 2 * reach_s * self.covariance + reach_s**2 * self.velocity_variance
            + push * elapsed_s**3 / 3 + drift * elapsed_s,
            self.covariance + reach_s * self.velocity_variance + push * elapsed_s**2 / 2,
            self.velocity_variance + push * elapsed_s,
        )  # fmt: skip

    def seen_at(self, position: float, noise: float) -> "Axis":
        """The state corrected by a measurement with the variance `noise`."""
        gain = self.variance / (self.variance + noise)
        velocity_gain = self.covariance / (self.variance + noise)
        error = position - self.position
        return Axis(
            self.position + gain * error,
            self.velocity + velocity_gain * error,
            (1 - gain) * self.variance,
            (1 - gain) * self.covariance,
            self.velocity_variance - velocity_gain * self.covariance,
        )


@dataclass(frozen=True, slots=True)
class Length:
    """Width or height of the box: wanders, but does not run."""

    value: float
    variance: float

    def after(self, elapsed_s: float) -> "Length":
        return Length(self.value, self.variance + (SIZE_DRIFT_STD * self.value) ** 2 * elapsed_s)

    def seen_at(self, value: float, noise: float) -> "Length":
        gain = self.variance / (self.variance + noise)
        return Length(max(1e-3, self.value + gain * (value - self.value)), (1 - gain) * self.variance)


@dataclass(frozen=True, slots=True)
class Motion:
    """The state of one box at one time."""

    x: Axis
    y: Axis
    width: Length
    height: Length
    pts_ns: int

    @classmethod
    def begin(cls, box: Box, score: float, pts_ns: int) -> "Motion":
        """What is known after one look."""
        x1, y1, x2, y2 = box
        size_px = _size(x2 - x1, y2 - y1)
        noise, unknown = _noise(size_px, score), (FIRST_VELOCITY_STD * size_px) ** 2
        return cls(
            Axis((x1 + x2) / 2, 0.0, noise, 0.0, unknown), Axis((y1 + y2) / 2, 0.0, noise, 0.0, unknown),
            Length(x2 - x1, noise), Length(y2 - y1, noise), pts_ns,
        )  # fmt: skip

    @property
    def size_px(self) -> float:
        """Mean of width and height: the unit of all tolerances."""
        return _size(self.width.value, self.height.value)

    @property
    def box(self) -> Box:
        half_w, half_h = self.width.value / 2, self.height.value / 2
        return (self.x.position - half_w, self.y.position - half_h, self.x.position + half_w, self.y.position + half_h)

    def at(self, pts_ns: int) -> "Motion":
        """The forecast for `pts_ns`."""
        elapsed_s = max(0.0, (pts_ns - self.pts_ns) / 1e9)
        size_px = self.size_px
        return Motion(
            self.x.after(elapsed_s, size_px), self.y.after(elapsed_s, size_px),
            self.width.after(elapsed_s), self.height.after(elapsed_s), pts_ns,
        )  # fmt: skip

    def seen(self, box: Box, score: float) -> "Motion":
        """This forecast corrected by what was seen at its time."""
        x1, y1, x2, y2 = box
        noise = _noise(_size(x2 - x1, y2 - y1), score)
        return Motion(
            self.x.seen_at((x1 + x2) / 2, noise), self.y.seen_at((y1 + y2) / 2, noise),
            self.width.seen_at(x2 - x1, noise), self.height.seen_at(y2 - y1, noise), self.pts_ns,
        )  # fmt: skip


def _size(width: float, height: float) -> float:
    return max(1e-3, (width + height) / 2)


def _noise(size_px: float, score: float) -> float:
    return (MEASURED_STD * size_px * (2 - min(1.0, max(0.0, score)))) ** 2
