"""Pictures that convert once, and frames."""

import threading
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.media.frame import BgrPicture, Frame, Image, LazyPicture, shrink_to_width


def grey(width: int, height: int, level: int = 90) -> Image:
    return np.full((height, width, 3), level, np.uint8)


def test_a_bgr_picture_is_read_only_and_shares_the_pixels() -> None:
    image = grey(8, 6)
    picture = BgrPicture(image)
    assert (picture.width_px, picture.height_px) == (8, 6)
    assert np.shares_memory(picture.bgr(), image)
    with pytest.raises(ValueError, match="read-only"):
        picture.bgr()[0, 0] = 0
    image[0, 0] = 1


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_what_is_no_bgr_picture_is_refused(wrong: Image) -> None:
    with pytest.raises(ValueError, match="expected"):
        BgrPicture(wrong)


def test_luma_is_brightness_and_never_enlarged() -> None:
    picture = BgrPicture(grey(640, 360, 77))
    assert picture.luma(320).shape == (180, 320)
    assert picture.luma(2000).shape == (360, 640)
    assert np.all(picture.luma(320) == 77)


def test_a_lazy_picture_converts_once_for_all_threads() -> None:
    calls = 0
    gate = threading.Barrier(8)

    def convert() -> Image:
        nonlocal calls
        calls += 1
        return grey(4, 4)

    picture = LazyPicture((4, 4), convert, lambda: np.zeros((4, 4), np.uint8))

    def ask(_: int) -> Image:
        gate.wait(5)
        return picture.bgr()

    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(ask, range(8)))
    assert calls == 1
    assert all(image is images[0] for image in images)
    assert not images[0].flags.writeable


def test_luma_of_a_lazy_picture_needs_no_conversion() -> None:
    def convert() -> Image:
        raise AssertionError("converted")

    picture = LazyPicture((640, 360), convert, lambda: np.full((360, 640), 5, np.uint8))
    assert picture.luma(64).shape == (36, 64)
    assert (picture.width_px, picture.height_px) == (640, 360)


@pytest.mark.parametrize(("converts_anew", "conversions"), [(True, 2), (False, 1)])
def test_a_canvas_is_the_callers_own(converts_anew: bool, conversions: int) -> None:
    calls = 0

    def convert() -> Image:
        nonlocal calls
        calls += 1
        return grey(4, 4)

    picture = LazyPicture((4, 4), convert, lambda: np.zeros((4, 4), np.uint8), converts_anew=converts_anew)
    picture.canvas()[:] = 0
    assert np.all(picture.bgr() == 90)
    picture.canvas()[:] = 0
    assert np.all(picture.bgr() == 90)
    assert calls == conversions


def test_a_canvas_of_a_bgr_picture_is_a_copy() -> None:
    picture = BgrPicture(grey(4, 4))
    picture.canvas()[:] = 0
    assert np.all(picture.bgr() == 90)


def test_a_conversion_that_failed_is_tried_again() -> None:
    answers = iter([ValueError("broken"), grey(2, 2)])

    def convert() -> Image:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    picture = LazyPicture((2, 2), convert, lambda: np.zeros((2, 2), np.uint8))
    with pytest.raises(ValueError, match="broken"):
        picture.bgr()
    assert picture.bgr().shape == (2, 2, 3)


@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 600))
def test_shrinking_keeps_the_aspect(width: int, height: int, limit: int) -> None:
    shape = shrink_to_width(grey(width, height), limit).shape
    assert shape[1] == min(width, limit)
    assert abs(shape[0] - max(1, height * shape[1] / width)) <= 0.5


@pytest.mark.parametrize("size_px", [(1280, 720), (1282, 722), (641, 481), (640, 3)])
def test_shrinking_a_lot_averages_all_pixels(size_px: tuple[int, int]) -> None:
    width, height = size_px
    noise = np.random.default_rng(3).integers(0, 256, (height, width), np.uint8)
    small = shrink_to_width(noise, 80)
    exact = cv2.resize(noise, (80, small.shape[0]), interpolation=cv2.INTER_AREA)
    off = np.abs(small.astype(int) - exact)
    # Each halving rounds, and noise is the worst there is; leaving out pixels would be off by 40 levels and more.
    assert off.max() <= 6
    assert off.mean() < 1


def test_a_frame_knows_its_size_and_image() -> None:
    picture = BgrPicture(grey(5, 3))
    frame = Frame("yard", 1, 2, 3, 4.0, picture)
    assert frame.size_px == (5, 3)
    assert frame.image is picture.bgr()
    with pytest.raises(AttributeError):
        frame.seq = 2  # type: ignore[misc]
