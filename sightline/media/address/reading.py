"""Reads the address of a camera or file as an operator typed it. Pure.

**Raw characters in passwords.** An operator types the password as it is, `rtsp://user:p/@ss@10.0.0.5:554/ch1`. The rule:

1. Everything up to the first `/`, `?` or `#` is read as the URL standard says. If that is a valid `host` or `host:port`
   without `@`, there are no credentials, and an `@` further on belongs to the path.
2. Otherwise the credentials end at the last `@` that is followed by a valid `host` or `host:port` and then by the end, `/`, `?`
   or `#`. An `@` in the query does not count when what rule 1 looks at is already a valid `user:password@host`.
3. User and password part at the first `:`. Percent-encoded text is decoded; what is not a valid `%XX` stays as it is.

Percent-encoding the password removes every doubt.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, unquote_to_bytes

from sightline.errors import Invalid
from sightline.media.redaction import HIDDEN, redact

SourceKind = Literal["webcam", "rtsp", "rtmp", "http", "hls", "file", "demo"]

MAX_CHARACTERS = 2048
LIVE_KINDS = frozenset({"webcam", "rtsp", "rtmp", "http", "hls"})

_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "rtmps": 443, "http": 80, "https": 443}
_KINDS: dict[str, SourceKind] = {
    "rtsp": "rtsp", "rtsps": "rtsp", "rtmp": "rtmp", "rtmps": "rtmp", "http": "http", "https": "http",
}  # fmt: skip
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_DEVICE = re.compile(r"/dev/video(\d{1,3})")
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9.])?)(?::(\d{1,5}))?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DEMO_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
_PATH_SAFE = "/:?[]@!$&'()*+,;=~-._%"
_ALLOWED_WORDS = "a camera number, rtsp://, rtmp://, http://, the name of a file, or demo:"


@dataclass(frozen=True, slots=True)
class DemoScene:
    """What `demo:?size=…&fps=…` asks for."""

    width_px: int = 1280
    height_px: int = 720
    fps: int = 30


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """A camera address taken apart. Its repr never shows credentials."""

    kind: SourceKind
    text: str = field(repr=False)
    """As typed."""
    scheme: str = ""
    host: str = ""
    """Without brackets when IPv6."""
    port: int | None = None
    path: str = field(default="", repr=False)
    """Of a URL: path with query, from the first `/`. Of a file or device: the path."""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    index: int | None = None
    """Webcam number."""
    demo: DemoScene | None = None

    @property
    def has_credentials(self) -> bool:
        return bool(self.username or self.password)

    @property
    def is_live(self) -> bool:
        """False for files and the demo: those cannot freeze."""
        return self.kind in LIVE_KINDS

    @property
    def redacted(self) -> str:
        """The address for people: no credentials in it."""
        if not self.scheme:
            return self.text
        user = f"{HIDDEN}@" if self.has_credentials else ""
        return f"{self.scheme}://{user}" + redact(f"{_bracketed(self.host)}{_port_suffix(self)}{self.path}")

    def url(self, host: str | None = None, *, with_credentials: bool = True) -> str:
        """The URL for a player, percent-encoded; `host` (an IP address) stands in for the name."""
        user = ""
        if with_credentials and self.has_credentials:
            user = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}@"
        return f"{self.scheme}://{user}{_bracketed(host or self.host)}{_port_suffix(self)}{quote(self.path, safe=_PATH_SAFE)}"


def parse_source(text: str | int) -> SourceAddress:
    """Read the address of a camera or file.

    Raises:
        Invalid: `bad_source` (cannot be read) or `forbidden_scheme`; `field` is `source`.
    """
    text = str(text).strip()
    if not text or len(text) > MAX_CHARACTERS:
        raise _bad(f"The address of a source has 1 to {MAX_CHARACTERS} characters.")
    if _CONTROL.search(text) or not text.isprintable():
        raise _bad("The address of a source must not hold control characters.")
    if text.startswith("-"):
        raise _bad("The address of a source must not begin with '-'.")
    if text.isascii() and text.isdigit() and len(text) <= 3:
        return SourceAddress("webcam", text, path=f"/dev/video{int(text)}", index=int(text))
    if device := _DEVICE.fullmatch(text):
        return SourceAddress("webcam", text, path=text, index=int(device[1]))
    scheme = _SCHEME.match(text)
    if scheme is None:
        return SourceAddress("file", text, path=text)
    name = scheme[1].lower()
    if name == "demo":
        return SourceAddress("demo", text, demo=_parse_demo(text[scheme.end() :]))
    if name not in _KINDS:
        raise Invalid(
            f"Addresses with {name}: are not accepted. Use {_ALLOWED_WORDS}.", code="forbidden_scheme", field="source",
            allowed=[*_KINDS, "demo"],
        )  # fmt: skip
    return _parse_url(text, name, text[scheme.end() :])


def _bad(message: str) -> Invalid:
    return Invalid(message, code="bad_source", field="source", allowed=_ALLOWED_WORDS)


def _parse_demo(query: str) -> DemoScene:
    values: dict[str, str] = {}
    for part in query.removeprefix("?").split("&") if query else []:
        name, _, value = part.partition("=")
        values[name] = value
    size = _DEMO_SIZE.fullmatch(values.pop("size", "1280x720"))
    fps = values.pop("fps", "30")
    if values or size is None or not fps.isascii() or not fps.isdigit() or (query and not query.startswith("?")):
        raise _bad("Write the demo as demo: or demo:?size=1280x720&fps=30.")
    width, height = int(size[1]), int(size[2])
    if not (160 <= width <= 3840 and 90 <= height <= 2160 and 1 <= int(fps) <= 60):
        raise _bad("The demo can be 160x90 to 3840x2160 pixels at 1 to 60 frames a second.")
    return DemoScene(width, height, int(fps))


def _parse_url(text: str, scheme: str, rest: str) -> SourceAddress:
    if not rest.startswith("//"):
        raise _bad(f"Write the address as {scheme}://host/path.")
    rest = rest[2:]
    if re.search(r"\s", rest):
        raise _bad("The address must not hold spaces. Write a space as %20.")
    user_info, location = _split_user_info(rest)
    match = _HOST_PORT.match(location)
    if match is None or not _is_location(location):
        raise _bad("The address has no valid host name and port.")
    host, port = match[1].strip("[]"), int(match[2]) if match[2] else _DEFAULT_PORTS[scheme]
    path = location[match.end() :].split("#", 1)[0]
    path = path if path.startswith("/") else "/" + path
    username, _, password = (user_info or "").partition(":")
    kind = _KINDS[scheme]
    if kind == "http" and path.split("?", 1)[0].lower().endswith(".m3u8"):
        kind = "hls"
    return SourceAddress(kind, text, scheme, host.lower(), port, path, _decoded(username), _decoded(password))


def _split_user_info(rest: str) -> tuple[str | None, str]:
    """Split `user:password@host…` by the rule at the top of this module; (None, rest) when there are no credentials."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" not in authority and _is_location(authority):
        return None, rest
    end = len(rest)
    if "@" in authority and _is_location(authority.rpartition("@")[2]):
        # A standard reading exists. A later @ before the query still wins: a raw password is likelier than such a path.
        end = rest.index("?") if "?" in rest else end
        end = max(end, len(authority))
    for at in reversed([i for i, char in enumerate(rest[:end]) if char == "@"]):
        if _is_location(rest[at + 1 :]):
            return rest[:at], rest[at + 1 :]
    raise _bad("The address has no valid host name. Percent-encode special characters of the password.")


def _is_location(text: str) -> bool:
    """Whether `text` begins with a valid host or host:port that is followed by the end, a path or a query."""
    match = _HOST_PORT.match(text)
    if match is None or (match[2] is not None and not 1 <= int(match[2]) <= 65535):
        return False
    if match[1].startswith("["):
        try:
            ipaddress.IPv6Address(match[1][1:-1])
        except ValueError:
            return False
    return match.end() == len(text) or text[match.end()] in "/?#"


def _decoded(text: str) -> str:
    """Percent-decode; bytes that are no UTF-8 mean that the `%` was a plain character."""
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return text


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _port_suffix(address: SourceAddress) -> str:
    return "" if address.port in (None, _DEFAULT_PORTS[address.scheme]) else f":{address.port}"
