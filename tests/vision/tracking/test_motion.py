"""The motion model: what it forecasts, and that it says honestly how little it knows."""

import numpy as np
import pytest

from sightline.vision.tracking.motion import Motion

S = 1_000_000_000


def seen_for(seconds: float, rate_hz: float, speed_px_s: float, noise_px: float = 0.0) -> tuple[Motion, float]:
    random, motion, x = np.random.default_rng(1), None, 0.0
    for step in range(round(seconds * rate_hz)):
        pts_ns, x = S + round(step / rate_hz * S), 100 + speed_px_s * step / rate_hz
        at = x + random.normal(0, noise_px) if noise_px else x
        box = (at - 20, 50.0, at + 20, 150.0)
        motion = Motion.begin(box, 0.9, pts_ns) if motion is None else motion.at(pts_ns).seen(box, 0.9)
    assert motion is not None
    return motion, x


@pytest.mark.parametrize("rate_hz", [2.0, 5.0, 10.0, 30.0])
def test_a_forecast_goes_on_at_the_speed_that_was_seen(rate_hz: float) -> None:
    motion, x = seen_for(3.0, rate_hz, 80.0)
    forecast = motion.at(motion.pts_ns + S // 2)
    assert (forecast.box[0] + forecast.box[2]) / 2 == pytest.approx(x + 40, abs=6)
    assert forecast.size_px == pytest.approx(70)


def test_one_long_step_forecasts_the_same_as_many_short_ones_but_for_coasting() -> None:
    motion, _ = seen_for(2.0, 10.0, 50.0)
    long, short = motion.at(motion.pts_ns + S // 5), motion.at(motion.pts_ns + S // 10).at(motion.pts_ns + S // 5)
    assert long.x.position == pytest.approx(short.x.position, abs=0.5)
    assert long.x.variance == pytest.approx(short.x.variance, rel=0.1)


def test_the_uncertainty_grows_with_time_and_shrinks_with_sight() -> None:
    motion, _ = seen_for(1.0, 10.0, 0.0)
    soon, late = motion.at(motion.pts_ns + S // 10), motion.at(motion.pts_ns + 2 * S)
    assert motion.x.variance < soon.x.variance < late.x.variance
    assert soon.seen((80.0, 50.0, 120.0, 150.0), 0.9).x.variance < soon.x.variance


def test_the_velocity_of_what_nobody_sees_runs_out() -> None:
    motion, x = seen_for(2.0, 10.0, 100.0)
    assert motion.at(motion.pts_ns + 60 * S).x.position - x < 100.0 * 3.5


def test_the_errors_of_forecasts_are_as_large_as_they_claim() -> None:
    """Normalised innovations of a jittering, turning thing stay below 3 in nearly all looks."""
    random = np.random.default_rng(4)
    x, speed, motion, deviations = 200.0, 30.0, None, []
    for step in range(400):
        speed += random.normal(0, 10)
        x += speed * 0.1
        at = x + random.normal(0, 3)
        pts_ns = S + step * S // 10
        box = (at - 20, 50.0, at + 20, 150.0)
        if motion is None:
            motion = Motion.begin(box, 0.9, pts_ns)
            continue
        forecast = motion.at(pts_ns)
        deviations.append(abs(at - forecast.x.position) / forecast.x.variance**0.5)
        motion = forecast.seen(box, 0.9)
    assert np.mean(np.array(deviations) < 3) > 0.98
