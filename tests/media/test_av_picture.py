"""Pictures over frames of libav: what is drawn onto is the caller's own, whatever the decoder delivers."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from sightline.media.av_picture import picture_of

FORMATS = ("yuv420p", "yuvj420p", "yuv422p", "nv12", "yuv420p10le", "gray", "rgb24", "bgr24")


def decoded(name: str, size_px: tuple[int, int]) -> av.VideoFrame:
    """Noise of low frequency in a decoder's format."""
    small = np.random.default_rng(7).integers(0, 255, (6, 8, 3), np.uint8)
    image = cv2.resize(small, size_px, interpolation=cv2.INTER_CUBIC)
    return av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=name)


@pytest.mark.parametrize("size_px", [(64, 48), (63, 47)])
@pytest.mark.parametrize("name", FORMATS)
def test_a_canvas_shows_the_picture_and_is_nobody_elses(name: str, size_px: tuple[int, int]) -> None:
    picture = picture_of(decoded(name, size_px))
    before = picture_of(decoded(name, size_px)).bgr()
    early = picture.canvas()
    assert np.array_equal(early, before)
    early[:] = 0
    assert np.array_equal(picture.bgr(), before)
    late = picture.canvas()
    late[:] = 0
    assert np.array_equal(picture.bgr(), before)
    assert np.array_equal(picture.canvas(), before)


def test_colours_of_a_high_dynamic_range_are_mapped_once_and_kept_from_the_brush() -> None:
    frame = decoded("yuv420p10le", (64, 48))
    frame.color_trc, frame.time_base = 16, Fraction(1, 25)
    picture = picture_of(frame)
    before = picture.luma(64).copy()
    picture.canvas()[:] = 0
    assert np.array_equal(picture.luma(64), before)
    assert picture.bgr().any()
