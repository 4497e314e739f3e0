"""What every source keeps: the same suite over every kind, against real cameras and servers on loopback."""

import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice, pairwise

import numpy as np
import pytest

from sightline.errors import SourceError
from sightline.live.sources import open_source
from sightline.media.address import AddressPolicy, parse_source
from sightline.media.source_options import SourceOptions
from tests.clips import SIZE, jpeg, make_clip
from tests.http_camera import PASSWORD, USER


@dataclass
class Case:
    source: str
    policy: AddressPolicy
    options: dict = field(default_factory=dict)
    size: tuple = SIZE

    def open(self, stop=None):
        checked = self.policy.check(parse_source(self.source))
        return open_source(checked, SourceOptions.parse(self.options), stop or threading.Event())


def _rtsp(request, policy, tmp_path, transport):
    camera = request.getfixturevalue("rtsp_camera")("--user", "ann", "--password", "p/@ss")
    return Case(f"rtsp://ann:p/@ss@127.0.0.1:{camera.port}/live", policy, {"rtsp_transport": transport}, (640, 480))


def _mjpeg(request, policy, tmp_path):
    web = request.getfixturevalue("web")
    web.routes["/video"] = web.stream()
    return Case(web.url("/video"), policy)


def _mjpeg_login(request, policy, tmp_path):
    web = request.getfixturevalue("web")
    web.routes["/video"] = web.behind_login(web.stream(has_length=False))
    return Case(web.url("/video", user=f"{USER}:{PASSWORD}"), policy)


def _stills(request, policy, tmp_path):
    web = request.getfixturevalue("web")
    web.routes["/still"] = web.bytes("image/jpeg", jpeg(0))
    return Case(web.url("/still"), policy, {"fps": 50})


def _hls(request, policy, tmp_path):
    make_clip(tmp_path / "live.m3u8", 75, hls_time="1", hls_list_size="0")
    return Case(request.getfixturevalue("web").url("/live.m3u8"), policy)


def _http_video(request, policy, tmp_path):
    make_clip(tmp_path / "clip.mp4", 50)  # its index is at the end: it can be read only by seeking
    return Case(request.getfixturevalue("web").url("/clip.mp4"), policy)


def _http_transport_stream(request, policy, tmp_path):
    web = request.getfixturevalue("web")
    web.routes["/live"] = web.bytes("video/mp2t", make_clip(tmp_path / "clip.ts", 50).read_bytes(), has_length=False)
    return Case(web.url("/live"), policy)


def _file(request, policy, tmp_path):
    make_clip(tmp_path / "clip.mp4", 50)
    return Case("clip.mp4", policy, {"loop": False})


def _looped_file(request, policy, tmp_path):
    make_clip(tmp_path / "clip.mp4", 5)
    return Case(str(tmp_path / "clip.mp4"), policy)


def _demo(request, policy, tmp_path):
    return Case("demo:?size=640x360&fps=60", policy, size=(640, 360))


CASES = {
    "rtsp_tcp": lambda *a: _rtsp(*a, "tcp"),
    "rtsp_udp": lambda *a: _rtsp(*a, "udp"),
    "mjpeg": _mjpeg,
    "mjpeg_login": _mjpeg_login,
    "stills": _stills,
    "hls": _hls,
    "http_video": _http_video,
    "http_transport_stream": _http_transport_stream,
    "file": _file,
    "looped_file": _looped_file,
    "demo": _demo,
}


@pytest.fixture(params=CASES)
def case(request, policy, tmp_path) -> Case:
    return CASES[request.param](request, policy, tmp_path)


def test_gives_pictures_in_order_and_stops_when_told(case):
    stop = threading.Event()
    with case.open(stop) as source:
        pictures = iter(source)
        captured = list(islice(pictures, 12))
        stop.set()
        asked_s = time.monotonic()
        assert len(list(islice(pictures, 3))) <= 2
        assert time.monotonic() - asked_s < 5
    assert len(captured) == 12
    pts = [item.pts_ns for item in captured]
    assert all(later > earlier for earlier, later in pairwise(pts))
    assert sorted(item.captured_ns for item in captured) == [item.captured_ns for item in captured]
    for item in (captured[0], captured[-1]):
        image = item.picture.bgr()
        assert image.dtype == np.uint8
        assert image.shape == (case.size[1], case.size[0], 3)
        assert (item.picture.width_px, item.picture.height_px) == case.size
        assert not image.flags.writeable
        assert item.picture.bgr() is image
        assert item.picture.luma(64).shape == (round(case.size[1] * 64 / case.size[0]), 64)


def test_knows_its_kind_and_closes_twice(case):
    source = case.open()
    assert source.info.kind in ("rtsp", "http", "hls", "file", "demo")
    assert source.info.codec
    source.close()
    source.close()


@pytest.mark.parametrize("name", ["mjpeg", "hls", "http_video", "file"])
def test_colours_are_those_of_the_scene(name, request, policy, tmp_path):
    with CASES[name](request, policy, tmp_path).open() as source:
        image = next(iter(source)).picture.bgr()
    blue, grey = image[10, 160].astype(int), image[230, 300].astype(int)
    assert np.abs(blue - (200, 60, 30)).max() < 16, blue
    assert np.abs(grey - 128).max() < 10, grey


def _refused(case):
    with pytest.raises(SourceError) as caught, case.open() as source:
        list(islice(source, 200))
    return caught.value


@pytest.mark.parametrize(
    ("path", "code"),
    [("/live", "auth_failed"), ("/nothing", "not_found")],
)
def test_rtsp_faults_have_their_code(rtsp_camera, policy, path, code):
    camera = rtsp_camera("--user", "ann", "--password", "p/@ss")
    user = "ann:wrong" if code == "auth_failed" else "ann:p/@ss"
    error = _refused(Case(f"rtsp://{user}@127.0.0.1:{camera.port}{path}", policy))
    assert error.code == code
    assert "wrong" not in error.message


@pytest.mark.parametrize("scheme", ["rtsp", "http", "rtmp"])
def test_a_closed_port_is_unreachable(scheme, policy, free_port):
    assert _refused(Case(f"{scheme}://127.0.0.1:{free_port}/x", policy)).code == "unreachable"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/gone", "not_found"), ("/login", "auth_failed"), ("/text", "corrupt"), ("/no-pictures", "corrupt"),
        ("/no-jpeg", "corrupt"), ("/circle", "not_found"), ("/to-file", "corrupt"),
    ],
)  # fmt: skip
def test_http_faults_have_their_code(web, policy, path, code):
    web.routes["/login"] = web.behind_login(web.stream())
    web.routes["/text"] = web.bytes("text/html", b"<html>Welcome to your router</html>" * 100)
    web.routes["/no-pictures"] = web.bytes("multipart/x-mixed-replace; boundary=b", b"nothing of the kind " * 9000)
    web.routes["/no-jpeg"] = web.bytes("image/jpeg", b"\xff\xd8 broken \xff\xd9")
    web.routes["/circle"] = web.redirect("/circle")
    web.routes["/to-file"] = web.redirect("file:///etc/passwd")
    assert _refused(Case(web.url(path), policy)).code == code


@pytest.mark.parametrize(("name", "content"), [("text.mp4", b"This is no video.\n" * 50), ("empty.mp4", b""), ("cut.mp4", None)])
def test_a_file_without_pictures_is_corrupt(tmp_path, policy, name, content):
    if content is None:
        content = make_clip(tmp_path / "whole.mp4", 50).read_bytes()[:2000]
    (tmp_path / name).write_bytes(content)
    assert _refused(Case(name, policy)).code == "corrupt"


def test_a_playlist_file_opens_no_other_files(tmp_path, policy):
    make_clip(tmp_path / "clip.ts", 10)
    (tmp_path / "list.ffconcat").write_text(f"ffconcat version 1.0\nfile '{tmp_path}/clip.ts'\n")
    (tmp_path / "list.mp4").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{tmp_path}/clip.ts\n#EXT-X-ENDLIST\n")
    assert _refused(Case("list.ffconcat", policy)).code == "corrupt"
    assert _refused(Case("list.mp4", policy)).code == "corrupt"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["hangs up", "speaks HTTP"])
def test_an_rtsp_address_where_no_camera_answers(policy, answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_all():
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(1000)
                        connection.sendall(answer)

        thread = threading.Thread(target=answer_all)
        thread.start()
        error = _refused(Case(f"rtsp://127.0.0.1:{listener.getsockname()[1]}/ch1", policy))
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert error.code == "unreachable"
    assert "not as a camera does" in error.message


def test_a_webcam_that_is_not_there(policy):
    error = _refused(Case("/dev/video97", policy))
    assert error.code == "not_found"
    assert "/dev/video97" in error.message


def test_an_audio_file_holds_no_pictures(tmp_path, policy):
    import wave

    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    assert _refused(Case("sound.wav", policy)).code == "corrupt"
