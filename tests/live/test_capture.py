"""The capture of one camera: states, stalls, reconnects, clean ends. Most run on a source made of events, some on real cameras."""

import os
import random
import signal
import threading
import time
from collections import deque
from itertools import pairwise

import numpy as np
import pytest

from sightline.errors import SOURCE_CODES, Invalid, SourceError
from sightline.live import capture as capture_module
from sightline.live.backoff import Backoff
from sightline.live.capture import Capture
from sightline.live.sources import Captured, SourceInfo
from sightline.live.sources.source import ClosingSource
from sightline.media.address import AddressPolicy
from sightline.media.frame import BgrPicture
from tests.clips import make_clip
from tests.http_camera import HttpCamera

LIVE_SOURCE = "rtsp://user:p/@ss@10.9.8.7/ch1"
"""Never connected to: the tests bring their own opener."""


@pytest.fixture
def policy(tmp_path, monkeypatch):
    return AddressPolicy(allow_loopback=True, media_folders=(tmp_path,))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Waits of tests, not of operators."""
    monkeypatch.setattr("sightline.live.backoff.SHORTEST_S", 0.0)
    monkeypatch.setattr("sightline.live.backoff.FIRST_S", 0.02)
    monkeypatch.setattr("sightline.live.backoff.CAPS_S", ((600.0, 0.05),))
    monkeypatch.setattr(capture_module, "WATCH_INTERVAL_S", 0.02)


@pytest.fixture
def impatient(monkeypatch):
    """Stalls are told after a moment."""
    monkeypatch.setattr(capture_module, "STALLED_AFTER_S", 0.3)


class Seen:
    """What a capture told, and a way to wait for it."""

    def __init__(self):
        self.states, self.frames = [], []
        self._changed = threading.Condition()

    def on_state(self, state):
        with self._changed:
            self.states.append(state)
            self._changed.notify_all()

    def on_frame(self, frame):
        with self._changed:
            self.frames.append(frame)
            self._changed.notify_all()

    def wait(self, condition, timeout_s=10):
        with self._changed:
            assert self._changed.wait_for(condition, timeout_s), [(s.state, s.reason, s.message) for s in self.states]

    def names(self):
        return [state.state for state in self.states]


def picture(number=0, size=(64, 48)):
    return BgrPicture(np.full((size[1], size[0], 3), number % 256, np.uint8))


class Script(ClosingSource):
    """A source that plays a list: a picture, an error to raise, or an event to wait for."""

    open_count = 0

    def __init__(self, steps, stop, fps=None):
        self.info = SourceInfo("rtsp", "h264", 64, 48, fps)
        self._steps, self._stop = steps, stop
        Script.open_count += 1

    def close(self):
        Script.open_count -= 1

    def __iter__(self):
        pts_ns = 0
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, threading.Event):
                while not step.wait(0.01) and not self._stop.is_set():
                    pass
                continue
            pts_ns += 40_000_000
            yield Captured.now(step, pts_ns)


class Camera:
    """An opener that gives one script after the other; an error in the list is raised instead of opening."""

    def __init__(self, *scripts, forever=None):
        self.scripts, self.forever, self.opened = deque(scripts), forever, 0

    def __call__(self, checked, options, stop):
        self.opened += 1
        script = self.scripts.popleft() if self.scripts else self.forever
        if script is None:
            script = [threading.Event()]
        if isinstance(script, Exception):
            raise script
        return Script(script, stop)


@pytest.fixture
def begin(policy):
    captures = []

    def start(opener, source=LIVE_SOURCE, options=None):
        seen = Seen()
        more = {} if opener is None else {"opener": opener}
        capture = Capture("cam", source, options or {}, policy, seen.on_frame, seen.on_state, **more)
        captures.append(capture)
        capture.start()
        return capture, seen

    yield start
    for capture in captures:
        capture.stop()


def test_from_connecting_to_live_to_stopped(begin):
    capture, seen = begin(Camera([picture(n) for n in range(5)] + [threading.Event()]))
    seen.wait(lambda: len(seen.frames) == 5)
    capture.stop()
    assert seen.names() == ["connecting", "live", "stopped"]
    assert [frame.seq for frame in seen.frames] == [1, 2, 3, 4, 5]
    live = seen.states[1]
    assert (live.kind, live.codec, live.width, live.height, live.reason) == ("rtsp", "h264", 64, 48, "")
    assert capture.state.state == "stopped"


@pytest.mark.parametrize("code", SOURCE_CODES)
def test_every_fault_is_reported_and_tried_again(begin, code, monkeypatch):
    monkeypatch.setattr("sightline.live.backoff.REFUSED_S", 0.0)
    monkeypatch.setattr("sightline.live.backoff.LONGEST_S", 0.05)
    capture, seen = begin(Camera(SourceError("rtsp://user:p/@ss@10.9.8.7/ch1 says no.", code=code), [picture(), threading.Event()]))
    seen.wait(lambda: seen.frames)
    backoff = next(state for state in seen.states if state.state == "backoff")
    assert (backoff.reason, backoff.message) == (code, "rtsp://***@10.9.8.7/ch1 says no.")
    assert backoff.retry_in_s is not None
    assert capture.state.state == "live"
    assert capture.state.retry_in_s is None
    assert capture.state.reconnects == 0  # it had never been there before


def test_numbers_and_times_go_on_after_a_reconnect(begin):
    script = [picture(n) for n in range(4)]
    capture, seen = begin(Camera(script, script, [*script, threading.Event()]))
    seen.wait(lambda: len(seen.frames) == 12)
    assert capture.state.reconnects == 2
    assert [frame.seq for frame in seen.frames] == list(range(1, 13))
    pts = [frame.pts_ns for frame in seen.frames]
    assert all(later > earlier for earlier, later in pairwise(pts))
    assert "ended" in {state.reason for state in seen.states}


def test_a_read_that_blocks_is_reported_as_a_stall_and_recovers(begin, impatient):
    hold, end = threading.Event(), threading.Event()
    capture, seen = begin(Camera([picture(1), picture(2), hold, picture(3), picture(4), end]))
    seen.wait(lambda: capture.state.state == "stalled")
    assert (capture.state.reason, capture.state.stalls) == ("stalled", 1)
    hold.set()
    seen.wait(lambda: capture.state.state == "live")
    assert capture.state.stalls == 1


def test_a_camera_that_takes_its_time_with_a_picture_is_not_stalled(policy, impatient):
    seen, inside, let_go = Seen(), threading.Event(), threading.Event()

    def slow(frame):
        inside.set()
        let_go.wait(30)
        seen.on_frame(frame)

    capture = Capture("cam", LIVE_SOURCE, {}, policy, slow, seen.on_state, opener=Camera([picture(1), threading.Event()]))
    capture.start()
    assert inside.wait(30)
    time.sleep(0.6)  # twice the time after which a silent source is stalled
    assert "stalled" not in seen.names()
    let_go.set()
    seen.wait(lambda: capture.state.state == "stalled")  # the source itself is silent
    capture.stop()


def test_one_late_picture_is_no_recovery(begin, impatient):
    # libav gives out a picture that it held back when the connection times out.
    hold = threading.Event()
    capture, seen = begin(Camera([picture(1), picture(2), hold, picture(3), SourceError("gone", code="timeout")], forever=None))
    seen.wait(lambda: capture.state.state == "stalled")
    hold.set()
    seen.wait(lambda: capture.state.state in ("backoff", "connecting"))
    names = seen.names()
    assert "live" not in names[names.index("stalled") :]


def test_a_slow_camera_is_not_stalled(begin, monkeypatch):
    hold = threading.Event()

    def opener(_checked, _options, stop):
        return Script([picture(1), hold], stop, fps=0.5)

    capture, seen = begin(opener)
    seen.wait(lambda: seen.frames)
    assert capture._stalled_after_s() == 8.0


def test_a_change_of_size_is_reported_and_nothing_breaks(begin):
    capture, seen = begin(Camera([picture(1), picture(2, (128, 96)), picture(3, (128, 96)), threading.Event()]))
    seen.wait(lambda: len(seen.frames) == 3)
    assert [(s.width, s.height) for s in seen.states if s.state == "live"] == [(64, 48), (128, 96)]
    assert capture.state.reconnects == 0


def test_a_picture_that_never_changes_is_reported_as_frozen(begin, monkeypatch):
    monkeypatch.setattr(capture_module, "FROZEN_AFTER_S", 0.1)
    monkeypatch.setattr(capture_module, "FROZEN_LOOK_INTERVAL_NS", 10_000_000)
    change = threading.Event()

    class Still(Script):
        def __iter__(self):
            number = 0
            while not self._stop.wait(0.005):
                number += 1
                yield Captured.now(picture(number if change.is_set() else 7), number * 5_000_000)

    capture, seen = begin(lambda _checked, _options, stop: Still([], stop))
    seen.wait(lambda: capture.state.reason == "frozen")
    assert capture.state.state == "stalled"
    frames = len(seen.frames)
    change.set()
    seen.wait(lambda: capture.state.state == "live")
    assert len(seen.frames) > frames  # the pictures kept coming


def test_an_unexpected_error_does_not_end_the_capture(begin, caplog):
    capture, seen = begin(Camera(ZeroDivisionError("bug"), [picture(), threading.Event()]))
    seen.wait(lambda: seen.frames)
    assert capture.state.state == "live"
    assert "capture failed" in caplog.text


def test_a_forbidden_address_is_never_opened(policy):
    seen, camera = Seen(), Camera()
    capture = Capture("cam", "rtsp://169.254.169.254/x", {}, policy, seen.on_frame, seen.on_state, opener=camera)
    capture.start()
    try:
        seen.wait(lambda: capture.state.state == "backoff")
        assert "metadata" in capture.state.message
        assert camera.opened == 0
    finally:
        capture.stop()


@pytest.mark.parametrize(("source", "options"), [("exec:rm", {}), ("demo:", {"speed": 3}), ("demo:", {"loop": "yes"})])
def test_what_is_wrong_is_refused_before_anything_starts(policy, source, options):
    with pytest.raises(Invalid):
        Capture("cam", source, options, policy, lambda _frame: None, lambda _state: None)


def test_stop_leaves_a_thread_that_hangs_behind(policy):
    release, is_reading = threading.Event(), threading.Event()

    class Hanging(Script):
        def __iter__(self):
            is_reading.set()
            release.wait()
            yield Captured.now(picture(), 1)

    seen = Seen()
    capture = Capture("cam", LIVE_SOURCE, {}, policy, seen.on_frame, seen.on_state, opener=lambda _c, _o, stop: Hanging([], stop))
    capture.start()
    assert is_reading.wait(30)
    capture.stop(timeout_s=0.2)
    assert capture.state.state == "stopped"
    release.set()
    _join("capture-cam")
    assert seen.frames == []
    assert seen.names()[-1] == "stopped"


def test_a_source_that_hangs_for_long_is_left_and_opened_anew(begin, monkeypatch):
    monkeypatch.setattr(capture_module, "WEDGED_AFTER_S", 0.2)
    release = threading.Event()
    opened = []

    def opener(_checked, _options, stop):
        opened.append(stop)
        if len(opened) == 1:
            release.wait(20)
        return Script([picture(1), threading.Event()], stop)

    capture, seen = begin(opener)
    seen.wait(lambda: capture.state.state == "live")
    release.set()
    assert len(opened) >= 2


def test_starting_twice_and_stopping_twice(begin):
    capture, seen = begin(Camera(forever=[picture(), threading.Event()]))
    capture.start()
    seen.wait(lambda: seen.frames)
    assert [t.name for t in threading.enumerate()].count("capture-cam") == 1
    capture.stop()
    capture.stop()
    capture.start()
    seen.wait(lambda: len(seen.frames) == 2)
    assert seen.frames[1].seq == 2


def _join(name):
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(10)


def test_a_hundred_reconnects_leave_no_threads_and_no_open_sources(begin):
    threads, Script.open_count = threading.active_count(), 0
    camera = Camera(forever=[picture()])
    capture, seen = begin(camera)
    seen.wait(lambda: len(seen.frames) >= 100, 60)
    assert threading.active_count() <= threads + 2
    capture.stop()
    _join("watch-cam")
    assert Script.open_count == 0
    assert threading.active_count() == threads


def _descriptors():
    return len(os.listdir("/proc/self/fd"))


def test_a_hundred_reconnects_leave_no_descriptors(begin, tmp_path):
    camera = HttpCamera()
    camera.routes["/video"] = camera.stream(count=1, fps=500)
    try:
        _capture, seen = begin(None, camera.url("/video"))
        seen.wait(lambda: len(seen.frames) >= 5, 30)
        before, threads = _descriptors(), threading.active_count()
        seen.wait(lambda: len(seen.frames) >= 105, 60)
        assert _descriptors() <= before + 4
        assert threading.active_count() <= threads + 4  # the server has a thread for each connection
    finally:
        camera.close()


def test_a_file_plays_once_and_ends(begin, tmp_path):
    make_clip(tmp_path / "clip.mp4", 10)
    capture, seen = begin(None, "clip.mp4", {"loop": False})
    seen.wait(lambda: capture.state.state == "ended")
    assert len(seen.frames) == 10
    assert capture.state.reason == "ended"
    assert seen.names() == ["connecting", "live", "ended"]


def test_a_looped_file_goes_on_without_a_seam(begin, tmp_path):
    make_clip(tmp_path / "clip.mp4", 10)
    capture, seen = begin(None, "clip.mp4")
    seen.wait(lambda: len(seen.frames) >= 25)
    steps = [later.pts_ns - earlier.pts_ns for earlier, later in pairwise(seen.frames)]
    assert set(steps) == {40_000_000}
    assert capture.state.reconnects == 0


def test_a_frozen_camera_is_stalled_and_recovers(begin, rtsp_camera, monkeypatch):
    monkeypatch.setattr(capture_module, "STALLED_AFTER_S", 1.0)
    camera = rtsp_camera()
    capture, seen = begin(None, camera.live_url)
    seen.wait(lambda: len(seen.frames) > 10, 20)
    camera.process.send_signal(signal.SIGSTOP)
    seen.wait(lambda: capture.state.state == "stalled", 5)
    frames = len(seen.frames)
    camera.process.send_signal(signal.SIGCONT)
    seen.wait(lambda: capture.state.state == "live" and len(seen.frames) > frames + 10, 20)
    assert capture.state.reason == ""


def test_an_unplugged_camera_comes_back(begin, rtsp_camera):
    camera = rtsp_camera()
    capture, seen = begin(None, camera.live_url)
    for _round in range(2):
        seen.wait(lambda: capture.state.state == "live", 20)
        camera.unplug()
        seen.wait(lambda: capture.state.state in ("backoff", "connecting"), 15)
        frames = len(seen.frames)
        camera = rtsp_camera(port=camera.port)
        seen.wait(lambda before=frames: len(seen.frames) > before, 20)
    assert [frame.seq for frame in seen.frames] == list(range(1, len(seen.frames) + 1))


def test_stopping_a_frozen_camera_takes_no_longer_than_allowed(begin, rtsp_camera):
    camera = rtsp_camera()
    capture, seen = begin(None, camera.live_url)
    seen.wait(lambda: seen.frames, 20)
    camera.process.send_signal(signal.SIGSTOP)
    begun_s = time.monotonic()
    capture.stop(timeout_s=1)
    assert time.monotonic() - begun_s < 4
    assert capture.state.state == "stopped"
    camera.unplug()
    _join("capture-cam")


def test_the_size_changes_in_the_middle_of_a_transport_stream(begin, tmp_path):
    first, second = make_clip(tmp_path / "a.ts", 25), make_clip(tmp_path / "b.ts", 25, size=(640, 360))
    camera = HttpCamera()
    camera.routes["/live"] = camera.bytes("video/mp2t", first.read_bytes() + second.read_bytes(), has_length=False)
    try:
        _capture, seen = begin(None, camera.url("/live"))
        seen.wait(lambda: len(seen.frames) >= 45, 20)
        sizes = [frame.size_px for frame in seen.frames[:45]]
        assert sizes[0] == (320, 240)
        assert sizes[-1] == (640, 360)
        assert seen.frames[44].image.shape == (360, 640, 3)
        assert (640, 360) in [(state.width, state.height) for state in seen.states]
    finally:
        camera.close()


def test_waits_grow_and_stay_short_at_first(monkeypatch):
    monkeypatch.undo()
    backoff = Backoff(random.Random(1))
    now_s, waits = 0.0, []
    while now_s < 3600:
        waits.append((now_s, backoff.next_s(now_s)))
        now_s += waits[-1][1] + 0.1
    assert all(wait <= 4 for at, wait in waits if at < 60)
    assert all(wait <= 8 for at, wait in waits if at < 600)
    assert max(wait for _at, wait in waits) > 30
    assert min(wait for _at, wait in waits) >= 0.2
    backoff.succeeded(1.0)
    assert backoff.next_s(now_s) != backoff.next_s(now_s)
    backoff.succeeded(60.0)
    assert backoff.next_s(now_s) <= 1


def test_a_refused_password_is_not_tried_often(monkeypatch):
    monkeypatch.undo()
    backoff = Backoff(random.Random(1))
    assert min(backoff.next_s(float(n), is_refused=True) for n in range(50)) >= 20
