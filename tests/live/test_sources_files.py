"""File sources, colours, pacing, source options and the demo scene."""

import struct
import threading
import time
from itertools import islice, pairwise

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import Invalid
from sightline.live.sources import open_source
from sightline.live.sources.backlog import Backlog
from sightline.live.sources.demo_scene import BUSY_S, CYCLE_S, Scene
from sightline.live.sources.pacing import Pacer
from sightline.media.address import AddressPolicy, parse_source
from sightline.media.av_picture import picture_of
from sightline.media.source_options import SourceOptions
from tests.clips import drawn, make_clip


def _open(tmp_path, name, **options):
    checked = AddressPolicy(media_folders=(tmp_path,)).check(parse_source(name))
    return open_source(checked, SourceOptions.parse(options), threading.Event())


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.avi", "clip.ts", "clip.mov", "clip.flv"])
def test_the_usual_containers_are_read(tmp_path, name):
    make_clip(tmp_path / name, 6)
    with _open(tmp_path, name, loop=False) as source:
        assert len(list(source)) == 6
        assert source.info.codec == "h264"


def test_a_file_plays_at_its_own_rate(tmp_path):
    make_clip(tmp_path / "clip.mp4", 12)
    begin_ns = time.monotonic_ns()
    with _open(tmp_path, "clip.mp4", loop=False) as source:
        captured = list(source)
    # Only ever late, never early: 11 steps of 40 ms.
    assert captured[-1].captured_ns - begin_ns >= 11 * 40e6


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_phone_video_is_shown_upright(tmp_path, turn):
    data = bytearray(make_clip(tmp_path / "flat.mp4", 3).read_bytes())
    # The display matrix (16.16 fixed point) stands 40 bytes into the track header; the turn is counter-clockwise.
    a, b = {90: (0, -1), 180: (-1, 0), 270: (0, 1)}[turn]
    struct.pack_into(">5i", data, data.index(b"tkhd") + 44, a << 16, b << 16, 0, -b << 16, a << 16)
    (tmp_path / "turned.mp4").write_bytes(data)
    with _open(tmp_path, "turned.mp4", loop=False) as source:
        picture = next(iter(source)).picture
    expected = np.rot90(drawn(0), turn // 90)
    assert picture.bgr().shape == expected.shape
    assert (picture.width_px, picture.height_px) == (expected.shape[1], expected.shape[0])
    assert np.abs(picture.bgr().astype(int) - expected).mean() < 8
    assert picture.luma(10_000).shape == expected.shape[:2]


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "nv12", "rgb24", "gray", "yuv420p10le"])
@pytest.mark.parametrize("size", [(320, 240), (322, 242), (318, 178), (321, 241)])
def test_colours_and_luma_are_right_in_every_format(pixel_format, size):
    image = drawn(3, size)
    frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=pixel_format)
    picture = picture_of(frame)
    expected = frame.to_ndarray(format="bgr24")
    assert picture.bgr().shape == expected.shape
    assert np.abs(picture.bgr().astype(int) - expected).mean() < 3
    luma = picture.luma(10_000)
    assert luma.shape == expected.shape[:2]
    assert np.corrcoef(luma.ravel(), cv2.cvtColor(expected, cv2.COLOR_BGR2GRAY).ravel())[0, 1] > 0.98


def test_high_definition_colours_follow_their_own_matrix():
    frame = av.VideoFrame.from_ndarray(drawn(3), format="bgr24").reformat(
        format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
    )
    frame.colorspace = 1
    assert np.abs(picture_of(frame).bgr()[10, 160].astype(int) - (200, 60, 30)).max() < 10


def test_the_pacer_does_not_drift_and_does_not_burst():
    pacer = Pacer(threading.Event())
    begin_ns = time.monotonic_ns()
    for number in range(20):
        assert pacer.wait(number * 5_000_000)
    assert time.monotonic_ns() - begin_ns >= 19 * 5_000_000
    moved_ns = time.monotonic_ns()
    pacer.wait(-10_000_000_000)  # far too late: the schedule moves
    pacer.wait(-10_000_000_000 + 20_000_000)
    assert time.monotonic_ns() - moved_ns >= 20_000_000


def test_a_backlog_is_skipped_until_the_buffers_are_empty():
    ms, backlog, now_ns = 1_000_000, Backlog(0), 0
    for number in range(100):  # a camera in time: each read waits
        now_ns += 33 * ms
        assert backlog.wants(number % 30 == 0, 30 * ms, now_ns)
    decoded = []
    for number in range(100):  # reads return at once, decoding takes 33 ms
        now_ns += 33 * ms
        decoded.append(backlog.wants(number % 30 == 0, 0, now_ns))
    assert all(decoded[:45])
    assert [number for number in range(50, 100) if decoded[number]] == [60, 90]
    now_ns += 33 * ms
    assert not backlog.wants(False, 20 * ms, now_ns)  # in time again, but its picture needs those left out
    assert backlog.wants(True, 20 * ms, now_ns)
    assert backlog.wants(False, 20 * ms, now_ns)
    assert backlog.skipped == decoded.count(False) + 1


def test_the_pacer_stops_at_once():
    stop = threading.Event()
    pacer = Pacer(stop)
    assert pacer.wait(0)
    threading.Timer(0.05, stop.set).start()
    assert not pacer.wait(4_000_000_000)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"rtsp_transport": "http"}, "rtsp_transport"),
        ({"loop": 1}, "loop"),
        ({"fps": "25"}, "fps"),
        ({"fps": 0}, "fps"),
        ({"fps": True}, "fps"),
        ({"fps": float("nan")}, "fps"),
        ({"width": 1.5}, "width"),
        ({"-vf": "drawtext"}, "-vf"),
    ],
)
def test_wrong_options_name_their_field(values, field):
    with pytest.raises(Invalid) as caught:
        SourceOptions.parse(values)
    assert caught.value.facts["field"] == f"source_options.{field}"
    assert caught.value.facts["allowed"]


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "rtsp_transport": st.sampled_from(["tcp", "udp"]),
            "loop": st.booleans(),
            "verify_tls": st.booleans(),
            "width": st.integers(16, 7680),
            "fps": st.floats(0.1, 120),
        },
    )
)
def test_options_survive_being_written_and_read(values):
    options = SourceOptions.parse(values)
    assert SourceOptions.parse(options.to_json()) == options


def test_the_demo_depends_on_the_frame_number_alone():
    one, other = Scene(640, 360, 30), Scene(640, 360, 30)
    for number in (0, 77, 900):
        assert (one.draw(number) == other.draw(number)).all()
    assert (one.draw(10) != one.draw(40)).any()


@pytest.mark.parametrize("size", [(160, 90), (333, 201), (720, 1280)])
def test_the_demo_fits_any_size(size):
    scene = Scene(*size, 30)
    for number in range(0, 600, 100):
        assert scene.draw(number).shape == (size[1], size[0], 3)


def test_the_demo_moves_and_rests():
    scene = Scene(640, 360, 30)
    grey = [cv2.cvtColor(scene.draw(n), cv2.COLOR_BGR2GRAY) for n in range(0, round(CYCLE_S * 30), 15)]
    moving = [int((cv2.absdiff(a, b) > 25).sum()) for a, b in pairwise(grey)]
    busy = round(BUSY_S * 2)
    assert min(moving[1 : busy - 1]) > 700
    assert max(moving[busy:]) < 200


def test_the_demo_shows_people_and_a_face():
    scene = Scene(1280, 720, 30)
    finder = cv2.HOGDescriptor()
    finder.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    for number in (0, 240, 500):
        image = scene.draw(number)
        small = cv2.resize(image, (640, 360), interpolation=cv2.INTER_AREA)
        _boxes, scores = finder.detectMultiScale(small, winStride=(8, 8), padding=(8, 8), scale=1.05)
        assert max(scores) > 1
        faces = cascade.detectMultiScale(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), 1.1, 6, minSize=(100, 100))
        assert len(faces) == 1


def test_the_demo_is_endless(tmp_path):
    with _open(tmp_path, "demo:?size=160x90&fps=60") as source:
        assert [item.pts_ns for item in islice(source, 3)] == [0, 16_666_666, 33_333_333]
