import pytest

from sightline.live.pace import EASE_AFTER_NS, Pace

FRAME_NS = 33_333_333


class Clip:
    """Frames of a 30 fps camera, one after another."""

    def __init__(self):
        self.pace = Pace()
        self.pts_ns = 0

    def play(self, cost_ms, frames=60, every=1):
        for _ in range(frames):
            self.pts_ns += every * FRAME_NS
            self.pace.add(self.pts_ns, int(cost_ms * 1e6))
        return self.pace.is_hurried


def test_filters_that_fit_are_left_in_peace():
    clip = Clip()
    assert not clip.play(20)
    assert clip.pace.period_ms == pytest.approx(33.3, abs=0.1)


def test_filters_that_need_all_the_time_are_hurried():
    assert Clip().play(26)


def test_a_single_slow_frame_is_no_hurry():
    clip = Clip()
    clip.play(10)
    assert not clip.play(900, frames=1)
    assert not clip.play(10)


def test_skipped_frames_do_not_look_like_a_slow_camera():
    clip = Clip()
    clip.play(10)
    assert clip.play(60, every=2)


def test_a_pause_is_no_rate():
    clip = Clip()
    clip.play(10)
    assert not clip.play(300, frames=20, every=60)


def test_ease_comes_after_a_while_and_ever_later_when_it_was_of_no_use():
    clip = Clip()
    waits = []
    for _ in range(3):
        assert clip.play(30)
        frames = 0
        while clip.play(5, frames=1):
            frames += 1
        waits.append(frames * FRAME_NS)
    assert waits[0] >= EASE_AFTER_NS
    assert waits[1] > 1.8 * waits[0]
    assert waits[2] > 1.8 * waits[1]


def test_a_long_calm_makes_the_next_ease_quick_again():
    clip = Clip()
    for calm_frames in (1, 3_000, 30_000):
        assert clip.play(30)
        while clip.play(5, frames=1):
            pass
        assert not clip.play(5, frames=calm_frames)
    assert clip.play(30)
    before = clip.pts_ns
    while clip.play(5, frames=1):
        pass
    assert clip.pts_ns - before < 1.5 * EASE_AFTER_NS
