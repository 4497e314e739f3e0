"""Reading camera addresses, the address policy, and what redaction leaves over."""

import logging
import socket
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sightline.errors import Forbidden, Invalid, NotFound, SourceError
from sightline.logs import formatter
from sightline.media.address import AddressPolicy, parse_source, redact
from sightline.media.address import policy as policy_module
from sightline.settings import Settings

HOSTS = st.sampled_from(["10.0.0.5", "camera.example.org", "cam-1", "[2001:db8::7]", "192.168.1.20"])
PRINTABLE = st.characters(min_codepoint=33, max_codepoint=126)
SECRETS = st.text(PRINTABLE, min_size=1, max_size=24)


@pytest.mark.parametrize(
    ("text", "kind", "rest"),
    [
        ("0", "webcam", {"index": 0, "path": "/dev/video0"}),
        ("/dev/video12", "webcam", {"index": 12}),
        ("rtsp://10.0.0.5/ch1", "rtsp", {"host": "10.0.0.5", "port": 554, "path": "/ch1"}),
        ("RTSPS://Cam/ch1?x=1", "rtsp", {"scheme": "rtsps", "host": "cam", "port": 322, "path": "/ch1?x=1"}),
        ("rtmp://cam:1936/live/a", "rtmp", {"port": 1936}),
        ("http://cam/video.mjpg", "http", {"port": 80}),
        ("https://cam", "http", {"port": 443, "path": "/"}),
        ("http://cam/live/index.M3U8?token=1", "hls", {}),
        ("http://[::1]:8080/x", "http", {"host": "::1", "port": 8080}),
        ("demo:", "demo", {}),
        ("clips/front door.mp4", "file", {"path": "clips/front door.mp4"}),
        ("/srv/media/a.mp4", "file", {"path": "/srv/media/a.mp4"}),
        ("4711.mp4", "file", {}),
    ],
)
def test_each_kind_is_recognised(text, kind, rest):
    address = parse_source(text)
    assert address.kind == kind
    assert {name: getattr(address, name) for name in rest} == rest


def test_a_number_is_a_webcam():
    assert parse_source(2).index == 2


@pytest.mark.parametrize(
    "scheme",
    ["exec", "file", "concat", "pipe", "tcp", "udp", "data", "subfile", "lavfi", "crypto", "ffrtmphttp", "async", "fd", "rtp",
     "sdp", "javascript", "gopher", "smb", "FILE", "c"],
)  # fmt: skip
def test_other_schemes_are_refused(scheme):
    for text in (f"{scheme}:whatever", f"{scheme}://host/x", f"  {scheme}:///etc/passwd"):
        with pytest.raises(Invalid) as caught:
            parse_source(text)
        assert caught.value.code == "forbidden_scheme"
        assert caught.value.facts["field"] == "source"


@pytest.mark.parametrize(
    "text",
    ["", "   ", "-i", "-vf drawtext", "rtsp:10.0.0.5", "rtsp://", "rtsp:///ch1", "http://:80/", "rtsp://cam:0/",
     "rtsp://cam:99999/", "rtsp://cam:x/", "http://a b/", "http://cam/a b", "rtsp://u:p@/x", "http://[::zz]/", "http://cam\x00/",
     "clip\n.mp4", "a\u202e.mp4", "x" * 2049, "demo:?size=99999x10", "demo:?fps=0", "demo:?fps=1000", "demo:?speed=2",
     "demo:hello", "http://ca%6d/"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(Invalid) as caught:
        parse_source(text)
    assert caught.value.code == "bad_source"


@pytest.mark.parametrize(
    ("text", "username", "password", "host", "path"),
    [
        ("rtsp://user:p/@ss@10.0.0.5:554/ch1", "user", "p/@ss", "10.0.0.5", "/ch1"),
        ("rtsp://user:p%2F%40ss@10.0.0.5/ch1", "user", "p/@ss", "10.0.0.5", "/ch1"),
        ("rtsp://user:a@b@10.0.0.5/ch1", "user", "a@b", "10.0.0.5", "/ch1"),
        ("rtsp://user:a@b/c@10.0.0.5/ch1", "user", "a@b/c", "10.0.0.5", "/ch1"),
        ("rtsp://user:@00#@10.0.0.5/ch1", "user", "@00#", "10.0.0.5", "/ch1"),
        ("rtsp://user:#?@10.0.0.5/ch1", "user", "#?", "10.0.0.5", "/ch1"),
        ("rtsp://user:50%off@10.0.0.5/ch1", "user", "50%off", "10.0.0.5", "/ch1"),
        ("rtsp://user:%FF@10.0.0.5/ch1", "user", "%FF", "10.0.0.5", "/ch1"),
        ("rtsp://user:a:b@10.0.0.5/ch1", "user", "a:b", "10.0.0.5", "/ch1"),
        ("rtsp://user@10.0.0.5/ch1", "user", "", "10.0.0.5", "/ch1"),
        # No credentials: the @ is part of the path, or of the query.
        ("rtsp://10.0.0.5/ch1@main", "", "", "10.0.0.5", "/ch1@main"),
        ("http://cam/x?mail=a@b.org", "", "", "cam", "/x?mail=a@b.org"),
        ("http://user:pw@cam/x?mail=a@b.org", "user", "pw", "cam", "/x?mail=a@b.org"),
    ],
)
def test_credentials_end_at_the_right_at_sign(text, username, password, host, path):
    address = parse_source(text)
    assert (address.username, address.password, address.host, address.path) == (username, password, host, path)


@given(username=SECRETS, password=SECRETS, host=HOSTS, port=st.integers(1, 65535))
def test_an_address_that_we_wrote_reads_back_the_same(username, password, host, port):
    from urllib.parse import quote

    text = f"rtsp://{quote(username, safe='')}:{quote(password, safe='')}@{host}:{port}/ch?a=1"
    address = parse_source(text)
    assert (address.username, address.password, address.port) == (username, password, port)
    again = parse_source(address.url())
    assert (again.username, again.password, again.host, again.port, again.path) == (
        username,
        password,
        address.host,
        port,
        "/ch?a=1",
    )


def is_ambiguous(password):
    """`123/…` reads as a port, `%41` as an escape, `@cam?…` as a host with a query: these need percent-encoding."""
    return password[:1].isdigit() or "%" in password or "?" in password.partition("@")[2]


@given(password=st.text(PRINTABLE, min_size=1, max_size=24), host=HOSTS)
def test_a_raw_password_is_found_unless_it_looks_like_an_address(password, host):
    assume(not is_ambiguous(password))
    address = parse_source(f"rtsp://user:{password}@{host}/ch1")
    assert (address.username, address.password, address.host) == ("user", password, host.strip("[]"))


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text):
    for candidate in (text, f"rtsp://{text}", f"http://u:{text}@cam/"):
        try:
            address = parse_source(candidate)
        except Invalid as err:
            assert err.code in ("bad_source", "forbidden_scheme")
        else:
            assert address.kind
            assert not address.scheme or address.host


@given(password=st.text(PRINTABLE, min_size=4, max_size=20))
def test_repr_and_redacted_text_hold_no_password(password):
    assume(
        password
        not in "SourceAddress(kind='rtsp', scheme='rtsp', host='10.0.0.5', port=554, index=None, demo=None)rtsp://***@10.0.0.5/ch1"
    )
    assume(not is_ambiguous(password))
    address = parse_source(f"rtsp://user:{password}@10.0.0.5/ch1")
    assert password not in repr(address)
    assert password not in address.redacted
    assert "user" not in address.redacted
    assert "10.0.0.5/ch1" in address.redacted


@given(before=st.text(PRINTABLE, max_size=10), password=st.text(PRINTABLE, min_size=1, max_size=20), after=st.text(max_size=20))
def test_redaction_removes_every_password(before, password, after):
    secret = f"Zq{password}Zq"
    text = f"{before} rtsp://user:{secret}@10.0.0.5/ch1 {after}"
    assert secret not in redact(text)
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "text",
    ["http://cam/x?token=hunter2&y=1", "http://cam/x?y=1&api_key=hunter2", "https://s3/x?X-Amz-Signature=hunter2",
     "/x?signature=hunter2", "rtsp://cam/user=admin_password=hunter2_channel=1", "GET /stream?pwd=hunter2 HTTP/1.1",
     "Authorization: Basic aHVudGVyMjpodW50ZXIy",
     "authorization: bearer hunter2hunter2", "rtsp://a:hunter2@cam rtsp://b:hunter2@cam", "('http://u:hunter2@cam/x', 3)"],
)  # fmt: skip
def test_redaction_knows_the_usual_places(text):
    clean = redact(text)
    assert "hunter2" not in clean
    assert "aHVudGVy" not in clean
    assert "***" in clean


@pytest.mark.parametrize("text", ["a@b.org wrote: key=5", "http://cam/live?channel=1", "AUTH=off is allowed", "the basic idea"])
def test_redaction_leaves_the_rest_alone(text):
    assert redact(text) == text


def test_log_lines_and_tracebacks_are_redacted(caplog):
    records = []

    class Keep(logging.Handler):
        def emit(self, record):
            records.append(self.format(record))

    handler = Keep()
    handler.setFormatter(formatter(Settings.from_env({}), "engine"))
    log = logging.getLogger("redaction-test")
    log.addHandler(handler)
    try:
        log.warning("opening %s for %d", "rtsp://user:p/@ss@cam/x", 3)
        try:
            raise ValueError("no route to rtsp://user:p/@ss@cam/x")
        except ValueError:
            log.exception("failed")
    finally:
        log.removeHandler(handler)
    assert records[0].endswith(": opening rtsp://***@cam/x for 3")
    assert "no route to rtsp://***@cam/x" in records[1]
    assert "ss@cam" not in records[1]


REFUSED_HOSTS = [
    "127.0.0.1", "127.1", "127.8.8.8", "2130706433", "0x7f000001", "localhost", "0.0.0.0", "0", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "169.254.169.254",
    "169.254.1.1", "[fe80::1]",
    "[fd00:ec2::254]", "100.100.100.200", "168.63.129.16",
    "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "224.0.0.1", "[ff02::1]",
    "255.255.255.255", "240.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("host", REFUSED_HOSTS)
@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_addresses_that_are_no_cameras_are_refused(host, scheme):
    with pytest.raises(Forbidden) as caught:
        AddressPolicy().check(parse_source(f"{scheme}://user:secret@{host}/x"))
    assert caught.value.code == "address_forbidden"
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("host", ["10.0.0.5", "192.168.1.20", "172.16.3.4", "[fd12:3456::1]", "93.184.216.34", "100.64.1.1"])
def test_private_and_public_addresses_are_allowed(host, monkeypatch):
    monkeypatch.setattr(policy_module, "_is_own", lambda _ip: False)
    checked = AddressPolicy().check(parse_source(f"rtsp://u:p/@s@{host}/x"))
    assert checked.ips == (host.strip("[]"),)
    assert checked.player_url == f"rtsp://u:p%2F%40s@{host}/x"


def test_an_address_of_this_machine_is_as_loopback(monkeypatch):
    monkeypatch.setattr(policy_module, "_is_own", lambda ip: str(ip) == "192.168.1.20")
    with pytest.raises(Forbidden, match="this machine"):
        AddressPolicy().check(parse_source("rtsp://192.168.1.20/x"))
    assert AddressPolicy(allow_loopback=True).check(parse_source("rtsp://192.168.1.20/x")).ips == ("192.168.1.20",)


def test_the_own_addresses_are_known():
    assert policy_module._is_own(policy_module.ipaddress.ip_address("127.0.0.1"))
    assert not policy_module._is_own(policy_module.ipaddress.ip_address("203.0.113.7"))


def test_one_forbidden_address_among_several_is_enough(monkeypatch):
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 0)) for ip in ("93.184.216.34", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: answers)
    with pytest.raises(Forbidden):
        AddressPolicy().check(parse_source("http://rebinding.example.org/x"))


def test_a_name_that_does_not_resolve_is_unreachable(monkeypatch):
    def fail(*_args, **_more):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(SourceError) as caught:
        AddressPolicy().check(parse_source("rtsp://nowhere.example.org/x"))
    assert caught.value.code == "unreachable"


def test_settings_allow_loopback_and_networks(tmp_path):
    settings = Settings.from_env(
        {"CAMERA_ALLOW_LOOPBACK": "true", "CAMERA_ALLOW_NETWORKS": "169.254.10.0/24, fe80::/10", "DATA_DIR": str(tmp_path)}
    )
    policy = AddressPolicy.from_settings(settings)
    assert policy.check(parse_source("rtsp://127.0.0.1/x")).ips == ("127.0.0.1",)
    assert policy.check(parse_source("rtsp://169.254.10.7/x")).ips == ("169.254.10.7",)
    for host in ("169.254.11.7", "169.254.169.254", "0.0.0.0"):
        with pytest.raises(Forbidden):
            policy.check(parse_source(f"rtsp://{host}/x"))
    with pytest.raises(Invalid, match="CAMERA_ALLOW_NETWORKS"):
        Settings.from_env({"CAMERA_ALLOW_NETWORKS": "somewhere"})


@pytest.mark.parametrize("is_relative", [False, True])
def test_the_file_that_the_settings_name_may_lie_anywhere(tmp_path, monkeypatch, is_relative):
    (tmp_path / "other").mkdir()
    (tmp_path / "clip.mp4").write_bytes(b"x")
    (tmp_path / "neighbour.mp4").write_bytes(b"x")
    monkeypatch.chdir(tmp_path / "other")
    name = "../clip.mp4" if is_relative else str(tmp_path / "clip.mp4")
    policy = AddressPolicy.from_settings(Settings.from_env({"VIDEO_FILE_PATH": name, "DATA_DIR": str(tmp_path / "var")}))
    assert policy.check(parse_source(name)).file == (tmp_path / "clip.mp4").resolve()
    with pytest.raises(Forbidden):
        policy.check(parse_source(str(tmp_path / "neighbour.mp4")))


@pytest.fixture
def folders(tmp_path) -> tuple[Path, AddressPolicy]:
    media = tmp_path / "media"
    (media / "inner").mkdir(parents=True)
    (media / "clip.mp4").write_bytes(b"x")
    (media / "inner" / "deep.mp4").write_bytes(b"x")
    (tmp_path / "secret.mp4").write_bytes(b"x")
    (media / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (tmp_path / "media2").mkdir()
    (tmp_path / "media2" / "second.mp4").write_bytes(b"x")
    return tmp_path, AddressPolicy(media_folders=(media, tmp_path / "media2"))


def test_files_in_the_media_folders_may_be_opened(folders):
    root, policy = folders
    for name in ("clip.mp4", "inner/deep.mp4", f"{root}/media/clip.mp4", "second.mp4"):
        found = policy.check(parse_source(name)).file
        assert found is not None
        assert found.is_file()


def test_files_elsewhere_may_not(folders):
    root, policy = folders
    outside = [
        "../secret.mp4",
        "inner/../../secret.mp4",
        "link.mp4",
        f"{root}/secret.mp4",
        "/etc/passwd",
        "/proc/self/environ",
        "/dev/zero",
    ]
    for name in outside:
        with pytest.raises(Forbidden) as caught:
            policy.check(parse_source(name))
        assert caught.value.code == "address_forbidden"
    for name in ("nothing.mp4", "inner", f"{root}/media/nothing.mp4"):
        with pytest.raises(NotFound):
            policy.check(parse_source(name))
