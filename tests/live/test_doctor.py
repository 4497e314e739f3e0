"""What the doctor says about healthy and about sick sources."""

import json
import time

import pytest

from sightline.errors import Forbidden, Invalid
from sightline.live import doctor
from sightline.live.doctor import CHECKS, examine
from tests.clips import make_clip


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(doctor, "WATCH_S", 0.8)
    monkeypatch.setattr(doctor, "KEYFRAME_WATCH_S", 1.6)


def _failed(report):
    return [check.name for check in report.checks if check.ok is False]


def test_a_healthy_rtsp_camera(rtsp_camera, policy):
    camera = rtsp_camera("--user", "ann", "--password", "p/@ss")
    report = examine(f"rtsp://ann:p/@ss@127.0.0.1:{camera.port}/live", {}, policy)
    assert report.ok
    assert [(check.name, check.ok) for check in report.checks] == [(name, True) for name in CHECKS]
    assert (report.kind, report.codec, report.width, report.height) == ("rtsp", "h264", 640, 480)
    assert report.fps == pytest.approx(30, abs=3)
    assert report.keyframe_interval_s == pytest.approx(1, abs=0.2)
    assert report.has_b_frames is False
    assert report.has_audio is False
    assert report.latency_hint
    text = json.dumps(report.to_json())
    assert "p/@ss" not in text
    assert "ann" not in text


def test_a_camera_with_rare_keyframes_is_told_so(rtsp_camera, policy, monkeypatch):
    monkeypatch.setattr(doctor, "KEYFRAME_WATCH_S", 3.5)
    monkeypatch.setattr(doctor, "LONG_KEYFRAME_S", 2.0)
    report = examine(rtsp_camera("--gop", "300").live_url, {}, policy)
    assert report.ok
    assert any("Keyframe interval" in line for line in report.advice)


@pytest.mark.parametrize(
    ("user", "path", "failed"), [("ann:wrong@", "/live", "auth"), ("", "/live", "auth"), ("ann:p/@ss@", "/nothing", "stream")]
)
def test_a_camera_that_refuses(rtsp_camera, policy, user, path, failed):
    camera = rtsp_camera("--user", "ann", "--password", "p/@ss")
    report = examine(f"rtsp://{user}127.0.0.1:{camera.port}{path}", {}, policy)
    assert not report.ok
    assert _failed(report) == [failed]
    names = [check.name for check in report.checks]
    assert all(check.ok is None for check in report.checks[names.index(failed) + 1 :])
    assert all(check.ok for check in report.checks[: names.index(failed)])
    assert "wrong" not in json.dumps(report.to_json()).replace("few wrong ones", "")


def test_nobody_there(policy, free_port):
    report = examine(f"rtsp://127.0.0.1:{free_port}/live", {}, policy)
    assert _failed(report) == ["reachable"]
    assert report.width is None


def test_a_camera_that_falls_silent_is_given_up(web, policy):
    web.routes["/video"] = web.stream(hang_after=0)
    begun_s = time.monotonic()
    report = examine(web.url("/video"), {}, policy, timeout_s=1)
    assert _failed(report) == ["first_picture"]
    assert time.monotonic() - begun_s < 8


def test_an_mjpeg_camera(web, policy):
    web.routes["/video"] = web.stream(fps=20)
    report = examine(web.url("/video"), {}, policy)
    assert report.ok
    assert (report.kind, report.codec, report.width) == ("http", "mjpeg", 320)
    assert report.fps is not None
    assert 2 < report.fps <= 21


def test_files(policy, tmp_path):
    make_clip(tmp_path / "clip.mp4", 50)
    (tmp_path / "text.mp4").write_text("This is no video.")
    assert examine("clip.mp4", {}, policy).fps == pytest.approx(25, abs=0.5)
    assert _failed(examine("text.mp4", {}, policy)) == ["stream"]
    assert _failed(examine("nothing.mp4", {}, policy)) == ["address"]


def test_a_webcam_that_is_not_there(policy):
    report = examine("97", {}, policy)
    assert _failed(report) == ["stream"]
    assert "/dev/video97" in next(check.detail for check in report.checks if check.ok is False)


def test_the_demo(policy):
    report = examine("demo:?size=160x90&fps=10", {}, policy)
    assert report.ok
    assert report.fps == pytest.approx(10, abs=0.5)


def test_what_is_not_acceptable_at_all_is_refused(policy):
    with pytest.raises(Invalid):
        examine("exec:rm", {}, policy)
    with pytest.raises(Invalid):
        examine("demo:", {"speed": 1}, policy)
    with pytest.raises(Forbidden):
        examine("http://169.254.169.254/", {}, policy)
