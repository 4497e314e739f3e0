"""Dissolves that are made here, what looks like one and is none, and what takes make of boundaries."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.jobs.kinds.showcase.dissolves import DissolveFinder
from sightline.jobs.kinds.showcase.shots import LEAST_SHOT_S, AdaptiveFinder, Boundary
from sightline.jobs.kinds.showcase.takes import Parts, Seen

FPS = 25.0
SIZE = (160, 90)


@pytest.fixture(scope="module")
def photos(asset):
    names = ("5_kitchen", "33_bathroom", "47_frontal", "20_bedroom")
    return [cv2.resize(cv2.imread(str(asset(f"images/houses/{name}.jpg"))), (240, 135)) for name in names]


def shown(photo, t_s: float, speed: float = 0.0):
    """What a camera sees that pans with `speed` (widths per second)."""
    left = min(photo.shape[1] - SIZE[0], round(20 + speed * SIZE[0] * t_s))
    return photo[20 : 20 + SIZE[1], left : left + SIZE[0]]


def found(frames, finder) -> list:
    told = [one for frame in frames for one in [finder.see(frame)] if one]
    last = finder.end()
    return told + ([last] if last else [])


def mixed(one, other, length: int, speed: float = 0.0, before: int = 50, after: int = 50) -> list:
    """A film of two shots with a dissolve of that many frames between them."""
    frames = []
    for number in range(before + length + after):
        share = np.clip((number - before + 1) / (length + 1), 0, 1)
        a, b = shown(one, number / FPS, speed), shown(other, number / FPS, speed)
        frames.append(cv2.addWeighted(a, 1 - share, b, share, 0))
    return frames


@pytest.mark.parametrize("length", [10, 20, 40])
@pytest.mark.parametrize("speed", [0.0, 0.03])
def test_dissolves_of_every_length(photos, length, speed):
    told = found(mixed(photos[0], photos[1], length, speed), DissolveFinder(FPS))
    assert len(told) == 1
    assert told[0] == pytest.approx((50, 50 + length), abs=6)


def test_a_dissolve_is_known_in_time(photos):
    finder = DissolveFinder(FPS)
    for number, frame in enumerate(mixed(photos[2], photos[3], 25, after=150)):
        told = finder.see(frame)
        if told:
            assert number - told[0] <= finder.lag
            return
    pytest.fail("no dissolve was found")


def test_what_is_no_dissolve(photos):
    cut = mixed(photos[0], photos[1], 0)
    pan = [shown(photos[2], t / FPS, 0.25) for t in range(75)]
    lamp = [cv2.convertScaleAbs(shown(photos[3], 0), alpha=0.3 + 0.7 * min(1, t / 30)) for t in range(75)]
    still = [shown(photos[0], 0)] * 75
    black = [np.zeros((*SIZE[::-1], 3), np.uint8)] * 75
    for film in (cut, pan, lamp, still, black):
        assert found(film, DissolveFinder(FPS)) == []


def test_too_few_frames_per_second_for_dissolves():
    finder = DissolveFinder(1.0)
    assert finder.lag < 10 and found([np.zeros((9, 16, 3), np.uint8)] * 5, finder) == []


def test_cuts_and_dissolves_are_told_by_one_finder(photos):
    finder = AdaptiveFinder(FPS)
    film = [*mixed(photos[0], photos[1], 20), *mixed(photos[2], photos[3], 0, before=40)]
    told = [boundary for frame in film for boundary in finder.see(frame)] + finder.end()
    assert {one.first for one in told if one.first == one.after} >= {120, 160}
    assert [one.first for one in told if one.first != one.after] == pytest.approx([50], abs=4)


def seen(number: int, *, dark: bool = False) -> Seen:
    return Seen(number, number / FPS, dark, None, np.zeros((2, 2, 3), np.uint8))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.booleans(), min_size=1, max_size=150),
    st.lists(st.tuples(st.integers(0, 150), st.integers(0, 12)), max_size=6),
)
def test_every_bright_frame_outside_of_boundaries_is_in_one_take(darkness, raw):
    boundaries = [Boundary(first, first + length) for first, length in raw]
    parts = Parts(1.0)
    parts.learn(boundaries)
    told = [take for number, dark in enumerate(darkness) for take in parts.add(seen(number, dark=dark))]
    told += list(parts.end(len(darkness) / FPS))
    numbers = [one.number for take in told for one in take.seen]
    assert numbers == sorted(set(numbers))
    gaps = {n for one in boundaries for n in range(one.first, one.after)} | {n for n, dark in enumerate(darkness) if dark}
    assert not gaps & set(numbers)
    for take in told:
        span = [one.number for one in take.seen]
        assert span == list(range(span[0], span[-1] + 1)) and take.end_s > take.seen[-1].t_s
        assert not any(span[0] < one.first <= span[-1] for one in boundaries)
        assert take.end_s - take.seen[0].t_s <= 1.0 + 2 / FPS
    # Only the short rest of a take that was handed on in pieces is left out.
    left_out = sorted(set(range(len(darkness))) - gaps - set(numbers))
    assert all(number - 1 in numbers or number - 1 in left_out for number in left_out)
    assert not any(set(range(number, number + round(LEAST_SHOT_S * FPS))) <= set(left_out) for number in left_out)
