"""Stabilisation takes the tremble out, follows a pan, starts anew at a cut, and tells where the pixels went."""

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
import pytest

import analyzers
from analyzers.stabilise import Motion, Stabilise, StabiliseParams
from sightline.media.frame import Image
from sightline.media.stage import Moment

analyzers.load(entry_points=False)

SIZE = (640, 360)
FRAME_NS = 33_333_333


@pytest.fixture(scope="module")
def wall() -> Image:
    """A scene larger than the picture, so that the camera may move over it."""
    noise = np.random.default_rng(4).integers(0, 256, (60, 100, 3), np.uint8)
    return cv2.resize(noise, (1000, 600), interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]


def seen(wall: Image, x: float, y: float, turn_deg: float = 0.0) -> Image:
    """What a camera sees whose view begins at x, y."""
    matrix = cv2.getRotationMatrix2D((x + SIZE[0] / 2, y + SIZE[1] / 2), turn_deg, 1.0)
    matrix[:, 2] -= (x, y)
    return cv2.warpAffine(wall, matrix, SIZE)  # type: ignore[return-value]


def moments(start: int = 1) -> Iterator[Moment]:
    for seq in range(start, start + 10_000):
        yield Moment("yard", "Yard", seq, seq * FRAME_NS, seq / 30)


def jitter_of(pictures: list[Image]) -> float:
    """Mean movement from picture to picture, in pixels, by phase correlation."""
    grey = [cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32) for picture in pictures]
    window = cv2.createHanningWindow(SIZE, cv2.CV_32F)
    return float(np.mean([np.hypot(*cv2.phaseCorrelate(a, b, window)[0]) for a, b in pairwise(grey)]))


def test_a_tremble_goes_away(wall: Image) -> None:
    rng = np.random.default_rng(8)
    shaken = [seen(wall, 150 + dx, 100 + dy, turn) for dx, dy, turn in rng.normal(0, (4, 4, 0.3), (60, 3))]
    stabilise = Stabilise(StabiliseParams())
    steady = [stabilise.apply(image, moment) for image, moment in zip(shaken, moments(), strict=False)]
    assert jitter_of(steady[20:]) < 0.4 * jitter_of(shaken[20:])


def test_a_resting_camera_stays_where_it_is(wall: Image) -> None:
    stabilise = Stabilise(StabiliseParams())
    for moment, _ in zip(moments(), range(30), strict=False):
        stabilise.apply(seen(wall, 150, 100), moment)
    x, y = stabilise.transform.point(320, 180)
    assert (x, y) == pytest.approx((320, 180), abs=0.3)


def test_the_transform_says_where_a_thing_went(wall: Image) -> None:
    """A bright spot of the shaken picture lies in the steady one where the transform says."""
    rng = np.random.default_rng(2)
    stabilise = Stabilise(StabiliseParams())
    for moment, (dx, dy, turn) in zip(moments(), rng.normal(0, (5, 5, 0.5), (25, 3)), strict=False):
        image = seen(wall, 150 + dx, 100 + dy, turn) // 3
        cv2.circle(image, (400, 120), 4, (255, 255, 255), -1)
        result = stabilise.apply(image.astype(np.uint8), moment)
        ys, xs = np.nonzero(result.min(axis=2) > 180)
        assert (xs.mean(), ys.mean()) == pytest.approx(stabilise.transform.point(400, 120), abs=1.0)


def test_a_pan_is_followed_and_shows_no_border(wall: Image) -> None:
    stabilise = Stabilise(StabiliseParams(smoothness=0.5, margin=5.0))
    for moment, x in zip(moments(), range(0, 300, 5), strict=False):
        stabilise.apply(seen(wall, x, 100), moment)
        corners = [stabilise.transform.inverse().point(*corner) for corner in ((0, 0), SIZE)]
        # What is shown lies within the picture that came in: nothing is made up at the border.
        assert all(-1 <= x <= SIZE[0] + 1 and -1 <= y <= SIZE[1] + 1 for x, y in corners)


def test_a_cut_starts_anew(wall: Image) -> None:
    stabilise = Stabilise(StabiliseParams())
    clock = moments()
    for x in range(0, 40, 4):
        stabilise.apply(seen(wall, 100 + x, 100), next(clock))
    assert abs(stabilise.transform.point(320, 180)[0] - 320) > 3
    other = cv2.resize(np.random.default_rng(9).integers(0, 256, (30, 40, 3), np.uint8), SIZE, interpolation=cv2.INTER_CUBIC)
    stabilise.apply(other, next(clock))  # type: ignore[arg-type]
    assert stabilise.transform.point(320, 180) == pytest.approx((320, 180), abs=0.5)


def test_somebody_walking_by_does_not_move_the_picture(wall: Image) -> None:
    stabilise = Stabilise(StabiliseParams())
    for moment, x in zip(moments(), range(0, 240, 6), strict=False):
        image = seen(wall, 150, 100).copy()
        image[100:300, x : x + 120] = seen(wall, 20, 200)[100:300, :120]
        stabilise.apply(image, moment)
        assert stabilise.transform.point(320, 180) == pytest.approx((320, 180), abs=1.5)


def test_a_pause_forgets_where_the_camera_was(wall: Image) -> None:
    stabilise = Stabilise(StabiliseParams())
    stabilise.apply(seen(wall, 100, 100), Moment("yard", "Yard", 1, 0, 0.0))
    stabilise.apply(seen(wall, 130, 100), Moment("yard", "Yard", 2, 5_000_000_000, 5.0))
    assert stabilise.transform.point(320, 180) == pytest.approx((320, 180))


def test_motions_are_bounded() -> None:
    huge = Motion(3.0, -2.0, 1.0, 0.5).within(0.05)
    assert abs(huge.x) + abs(huge.turn) < 0.1
    small = Motion(0.001, 0.001, 0.001, 0.0)
    assert small.within(0.05) == small
