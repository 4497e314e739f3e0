"""HTTP and HLS sources: spellings of MJPEG, logins, redirects, and that nothing reaches an address nobody checked."""

import hashlib
import ssl
import threading
from itertools import islice

import cv2
import numpy as np
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import Forbidden, SourceError
from sightline.live.sources import open_source
from sightline.live.sources.http import decode_jpeg
from sightline.live.sources.multipart import MultipartReader, NotMultipart, boundary_of, jpeg_pixels
from sightline.media.address import AddressPolicy, parse_source
from sightline.media.address import policy as policy_module
from sightline.media.source_options import SourceOptions
from tests.clips import jpeg, make_clip
from tests.http_camera import PASSWORD, USER, HttpCamera

PICTURE = b"\xff\xd8 a picture \xff\xd9"


def _pictures(policy, source, count, **options):
    checked = policy.check(parse_source(source))
    with open_source(checked, SourceOptions.parse(options), threading.Event()) as opened:
        return [item.picture for item in islice(opened, count)]


@pytest.mark.parametrize(
    "spelling",
    [
        {},
        {"has_length": False},
        {"boundary_header": '"frame"'},
        {"boundary_header": "--frame"},
        {"boundary_header": "--frame", "boundary": "----frame", "has_length": False},
        {"boundary_header": "frame", "boundary": "frame"},
        {"boundary_header": "something-else"},
        {"boundary_header": "something-else", "has_length": False},
        {"line_end": b"\n"},
        {"line_end": b"\n", "has_length": False},
    ],
)
def test_every_spelling_of_mjpeg_is_read(web, policy, spelling):
    web.routes["/video"] = web.stream(fps=100, **spelling)
    pictures = _pictures(policy, web.url("/video"), 5)
    assert [picture.bgr().shape for picture in pictures] == [(240, 320, 3)] * 5


def test_the_size_may_change_in_mid_stream(web, policy):
    web.routes["/video"] = web.stream(fps=200, each=3, sizes=((320, 240), (640, 360)))
    assert [picture.width_px for picture in _pictures(policy, web.url("/video"), 6)] == [320] * 3 + [640] * 3


def test_a_broken_picture_is_passed_over(web, policy):
    good = jpeg(1)
    parts = [good, good[:400] + b"\xff\xd9", b"no picture", good]
    body = b"".join(b"--b\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(part), part) for part in parts)
    web.routes["/video"] = web.bytes("multipart/x-mixed-replace; boundary=b", body)
    pictures = _pictures(policy, web.url("/video"), 9)
    assert 2 <= len(pictures) <= 3
    assert pictures[-1].bgr().shape == (240, 320, 3)


def test_digest_login(web, policy):
    def answer(request):
        got = request.headers.get("Authorization", "")
        values = dict(part.strip().split("=", 1) for part in got.removeprefix("Digest ").split(",") if "=" in part)
        values = {name: value.strip('"') for name, value in values.items()}
        ha1 = hashlib.md5(f"{USER}:camera:{PASSWORD}".encode()).hexdigest()
        ha2 = hashlib.md5(f"GET:{request.path}".encode()).hexdigest()
        parts = [ha1, "abc", values.get("nc", ""), values.get("cnonce", ""), "auth", ha2]
        if values.get("response") == hashlib.md5(":".join(parts).encode()).hexdigest():
            web.stream()(request)
            return
        request.send_response(401)
        request.send_header("WWW-Authenticate", 'Digest realm="camera", qop="auth", nonce="abc", algorithm=MD5')
        request.send_header("Content-Length", "0")
        request.end_headers()

    web.routes["/video"] = answer
    assert len(_pictures(policy, web.url("/video?ch=1", user=f"{USER}:{PASSWORD}"), 2)) == 2
    with pytest.raises(SourceError) as caught:
        _pictures(policy, web.url("/video", user=f"{USER}:wrong"), 2)
    assert caught.value.code == "auth_failed"


def test_a_redirect_is_followed_without_the_password(web, tmp_path, policy):
    other = HttpCamera()
    try:
        other.routes["/video"] = other.stream()
        web.routes["/here"] = web.behind_login(web.redirect(other.url("/video")))
        assert len(_pictures(policy, web.url("/here", user=f"{USER}:{PASSWORD}"), 2)) == 2
        assert [headers.get("Authorization") for path, headers in other.requests] == [None]
    finally:
        other.close()


@pytest.fixture
def strict(monkeypatch):
    """A policy to which 127.0.0.1 is a camera's address and everything else is as usual."""
    original = AddressPolicy._refusal
    monkeypatch.setattr(AddressPolicy, "_refusal", lambda self, ip: None if str(ip) == "127.0.0.1" else original(self, ip))
    return AddressPolicy()


@pytest.mark.parametrize(
    "target", ["http://127.0.0.2:80/x", "http://169.254.169.254/latest/meta-data", "http://[::1]/", "//0.0.0.0/"]
)
def test_a_redirect_to_a_forbidden_address_is_refused(web, strict, target):
    web.routes["/video"] = web.redirect(target)
    with pytest.raises(Forbidden) as caught:
        _pictures(strict, web.url("/video"), 1)
    assert caught.value.code == "address_forbidden"


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/part.ts", "file:///etc/passwd", "/etc/passwd", "http://127.0.0.2/part.ts"]
)
def test_a_playlist_leads_to_no_forbidden_address(web, strict, tmp_path, target):
    text = f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n"
    web.routes["/live.m3u8"] = web.bytes("application/vnd.apple.mpegurl", text.encode())
    with pytest.raises((Forbidden, SourceError)):
        _pictures(strict, web.url("/live.m3u8"), 1)
    # The camera itself may have been asked for /etc/passwd: that is a path of its own.
    assert {path for path, _headers in web.requests} <= {"/live.m3u8", "/etc/passwd"}


def test_hls_by_its_content_type(web, policy, tmp_path):
    make_clip(tmp_path / "part.m3u8", 25, hls_time="1", hls_list_size="0")
    web.routes["/stream"] = web.bytes("application/vnd.apple.mpegurl", (tmp_path / "part.m3u8").read_bytes())
    assert len(_pictures(policy, web.url("/stream"), 5)) == 5


def test_the_name_is_looked_up_once_and_its_address_is_used(web, policy, monkeypatch):
    web.routes["/video"] = web.stream()
    asked = []

    def resolve(host):
        asked.append(host)
        return (policy_module.ipaddress.ip_address("127.0.0.1"),)

    monkeypatch.setattr(policy_module, "_resolve", resolve)
    assert len(_pictures(policy, f"http://cam.example.org:{web.port}/video", 2)) == 2
    assert asked == ["cam.example.org"]
    assert web.requests[0][1]["Host"] == f"cam.example.org:{web.port}"


def test_a_certificate_nobody_signed_needs_consent(policy):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    camera = HttpCamera(tls=context)
    try:
        camera.routes["/video"] = camera.stream()
        with pytest.raises(SourceError, match="verify_tls"):
            _pictures(policy, camera.url("/video"), 1)
        assert len(_pictures(policy, camera.url("/video"), 2, verify_tls=False)) == 2
    finally:
        camera.close()


@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=40), has_length=st.booleans(), count=st.integers(1, 5))
def test_the_reader_does_not_mind_how_bytes_arrive(sizes, has_length, count):
    head = b"Content-Length: %d\r\n" % len(PICTURE) if has_length else b""
    data = (b"--b\r\n" + head + b"\r\n" + PICTURE + b"\r\n") * count + b"--b--\r\n"
    reader, found, at = MultipartReader(b"b"), [], 0
    while at < len(data):
        size = sizes[at % len(sizes)]
        found += reader.feed(data[at : at + size])
        at += size
    assert found == [PICTURE] * count


@given(st.binary(max_size=2000), st.sampled_from([b"b", None]))
def test_the_reader_survives_any_bytes(data, boundary):
    reader = MultipartReader(boundary)
    try:
        for start in range(0, len(data), 97):
            list(reader.feed(data[start : start + 97]))
    except NotMultipart:
        pass


def test_a_picture_of_absurd_size_is_not_decoded():
    whole = bytearray(jpeg(1))
    assert jpeg_pixels(bytes(whole)) == 320 * 240
    assert decode_jpeg(bytes(whole)) is not None
    frame_header = whole.index(b"\xff\xc0")
    whole[frame_header + 5 : frame_header + 9] = b"\xff\xff\xff\xff"
    assert decode_jpeg(bytes(whole)) is None


@given(st.binary(max_size=300))
def test_any_bytes_may_claim_to_be_a_jpeg(data):
    assert decode_jpeg(b"\xff\xd8" + data + b"\xff\xd9") is None or jpeg_pixels(b"\xff\xd8" + data) > 0


def test_an_endless_part_is_refused():
    reader = MultipartReader(b"b")
    with pytest.raises(NotMultipart):
        list(reader.feed(b"x" * 20_000))
    with pytest.raises(NotMultipart):
        list(MultipartReader(b"b").feed(b"--b\r\nContent-Length: 999999999\r\n\r\n"))


@pytest.mark.parametrize(
    ("header", "boundary"),
    [("multipart/x-mixed-replace;boundary=--b", b"b"), ('a; BOUNDARY = "b c"', b"b c"), ("multipart/x-mixed-replace", None)],
)
def test_the_boundary_of_a_header(header, boundary):
    assert boundary_of(header) == boundary


def test_jpeg_pictures_are_decoded_as_they_are(web, policy):
    web.routes["/still"] = web.bytes("image/jpeg", jpeg(3))
    (picture,) = _pictures(policy, web.url("/still"), 1, fps=10)
    expected = cv2.imdecode(np.frombuffer(jpeg(3), np.uint8), cv2.IMREAD_COLOR)
    assert (picture.bgr() == expected).all()
