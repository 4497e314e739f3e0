"""High dynamic range and wide colours as everybody else sees them: the same from ffmpeg and from libav, and not grey."""

import subprocess
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.media.av_picture import picture_of
from sightline.media.ffmpeg import ffmpeg, quiet
from sightline.media.footage import footage_of, frames_of
from sightline.media.tone_map import Light, light_of, to_709, tone_map_filter

PATCHES = {"red": (0.6, 0.1, 0.1), "green": (0.1, 0.6, 0.1), "blue": (0.1, 0.1, 0.6), "grey": (0.4, 0.4, 0.4)}
"""Linear BT.709, as shares of white."""
TAGS = {
    Light.PQ: ("smpte2084", "bt2020nc", "bt2020"), Light.HLG: ("arib-std-b67", "bt2020nc", "bt2020"),
    Light.WIDE: ("bt709", "bt2020nc", "bt2020"), Light.PLAIN: ("bt709", "bt709", "bt709"),
}  # fmt: skip


def coded(colour, light):
    """Code values 0..1 of a linear BT.709 colour in a light; found by looking where the table leads."""
    wanted = np.asarray(colour) ** (1 / 2.4)
    found = np.full(3, 0.5)
    for _ in range(1500):
        found = np.clip(found + 0.1 * (wanted - to_709(found[None], light)[0]), 0, 1)
    return found


def hdr_clip(path: Path, light: Light, frames: int = 5) -> Path:
    """Four patches of known colours, in 10 bits."""
    picture = np.zeros((96, 256, 3), np.uint16)
    for n, colour in enumerate(PATCHES.values()):
        # What is not in this light is as it is.
        shown = coded(colour, light) if light != Light.PLAIN else np.asarray(colour) ** (1 / 2.4)
        picture[:, n * 64 : n * 64 + 64] = np.round(shown * 65535)
    transfer, matrix, primaries = TAGS[light]
    call = [
        ffmpeg(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb48le", "-s", "256x96", "-r", "25", "-i", "-",
        "-vf", f"scale=out_color_matrix={matrix.removesuffix('nc')}:out_range=tv,format=yuv420p10le",
        "-c:v", "libx264", "-preset", "ultrafast", "-crf", "5", "-colorspace", matrix, "-color_primaries", primaries,
        "-color_trc", transfer, "-color_range", "tv", str(path),
    ]  # fmt: skip
    subprocess.run(call, input=picture.tobytes() * frames, check=True)
    return path


def patches(bgr):
    """Linear colours of the four patches of a picture."""
    middles = [bgr[48, n * bgr.shape[1] // 4 + bgr.shape[1] // 8, ::-1] for n in range(4)]
    return (np.array(middles, float) / 255) ** 2.4


@pytest.mark.parametrize("light", list(Light))
def test_libav_and_ffmpeg_see_the_colours_that_were_filmed(tmp_path, light):
    folder = tmp_path / "it's [a], b;c:d%\\e"
    folder.mkdir()
    clip = hdr_clip(folder / "clip.mp4", light)
    assert footage_of(clip).light == light
    frames = [np.array(frame.image) for frame in frames_of(clip)]
    assert len(frames) == 5
    np.testing.assert_allclose(patches(frames[0]), list(PATCHES.values()), atol=0.04)
    np.testing.assert_array_equal(frames[0], frames[4])

    graph = f"[0:v]{tone_map_filter(light, folder)}scale=256:96,format=yuv420p[out]"
    film = folder / "film.mp4"
    subprocess.run(
        [*quiet("-i", f"file:{clip}", "-filter_complex", graph, "-map", "[out]", "-crf", "5"), f"file:{film}"], check=True
    )
    with av.open(str(film)) as container:
        first = next(container.decode(video=0))
        assert (light_of(first), first.format.name) == (Light.PLAIN, "yuv420p")
        bgr = first.reformat(format="bgr24", src_colorspace="ITU709").to_ndarray()
    np.testing.assert_allclose(patches(bgr), list(PATCHES.values()), atol=0.04)


@pytest.mark.parametrize("light", [Light.PQ, Light.HLG])
def test_brightness_is_that_of_the_picture_that_is_shown(tmp_path, light):
    with av.open(str(hdr_clip(tmp_path / "clip.mp4", light, 1))) as container:
        picture = picture_of(next(container.decode(video=0)))
    luma = picture.luma(256)
    assert luma.shape == (96, 256)
    np.testing.assert_array_equal(luma, cv2.cvtColor(picture.bgr(), cv2.COLOR_BGR2GRAY))


@given(st.sampled_from([Light.PQ, Light.HLG, Light.WIDE]), st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_what_is_brighter_stays_brighter_and_greys_stay_grey(light, levels):
    greys = to_709(np.repeat(np.sort(levels)[:, None], 3, axis=1), light)
    assert greys.min() >= 0 and greys.max() <= 1
    assert (np.diff(greys[:, 0]) >= -1e-9).all()
    assert np.ptp(greys, axis=1).max() < 1e-3


def test_white_of_a_film_is_bright_and_its_peak_is_white():
    # BT.2408: white lies at 58 % of PQ and 75 % of HLG, 1000 cd/m² at 75 % and 100 %.
    for light, white, peak in ((Light.PQ, 0.58, 0.752), (Light.HLG, 0.75, 1.0)):
        shown_white, shown_peak = to_709(np.array([[white] * 3, [peak] * 3]), light)[:, 1]
        assert 0.8 < shown_white < 0.9
        assert shown_peak > 0.99
