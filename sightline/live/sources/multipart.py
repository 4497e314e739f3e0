"""Takes the pictures out of a multipart/x-mixed-replace stream (MJPEG over HTTP).

Cameras differ: the boundary in the header with or without `--` and quotes, or not the one that the body uses; parts with and
without Content-Length; LF instead of CRLF. Pure: bytes in, JPEG bytes out.
"""

import re
from collections.abc import Iterator

PART_LIMIT_BYTES = 32 * 1024 * 1024
HEADER_LIMIT_BYTES = 16 * 1024

_BOUNDARY = re.compile(r'(?i)boundary\s*=\s*(?:"([^"]*)"|([^\s;]+))')
_LENGTH = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*(\d{1,9})[ \t]*\r?$")
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
_NO_FRAME_HEADERS = (0xC4, 0xC8, 0xCC)
"""Tables in the range of JPEG's frame header markers."""
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


class NotMultipart(ValueError):
    """The bytes are no multipart stream of JPEG pictures."""


def boundary_of(content_type: str) -> bytes | None:
    """The boundary that a Content-Type header names, without leading dashes; None when it names none."""
    match = _BOUNDARY.search(content_type)
    name = (match[1] or match[2] or "").strip().lstrip("-") if match else ""
    return name.encode("latin-1", "replace") or None


class MultipartReader:
    """Feed it bytes as they arrive; it gives whole JPEG pictures."""

    def __init__(self, boundary: bytes | None) -> None:
        self._boundary = boundary
        self._buffer = bytearray()
        self._body_length: int | None = None
        self._is_in_body = False
        self._searched = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises: NotMultipart."""
        self._buffer += data
        while True:
            if not self._is_in_body and not self._read_header():
                break
            body = self._read_body()
            if body is None:
                break
            if picture := _jpeg_in(body):
                yield picture
        if len(self._buffer) > (PART_LIMIT_BYTES if self._is_in_body else HEADER_LIMIT_BYTES):
            raise NotMultipart("a part is too large")

    def _read_header(self) -> bool:
        """Go past boundary and headers; False when they are not complete yet."""
        start = self._find_boundary()
        if start < 0:
            return False
        end = _END_OF_HEADER.search(self._buffer, start)
        if end is None:
            return False
        length = _LENGTH.search(self._buffer, start, end.end())
        self._body_length = int(length[1]) if length else None
        if self._body_length is not None and self._body_length > PART_LIMIT_BYTES:
            raise NotMultipart("a part is too large")
        del self._buffer[: end.end()]
        self._is_in_body, self._searched = True, 0
        return True

    def _find_boundary(self) -> int:
        """Where the boundary begins; -1 when it has not come. Some cameras' headers name another one than they send."""
        if self._boundary is not None:
            found = self._buffer.find(self._boundary)
            if found >= 0:
                return found
        line = re.search(rb"(?:^|\n)--([^\r\n]{1,200})\r?\n", self._buffer)
        if line is None:
            return -1
        self._boundary = line[1].rstrip(b" \t")
        return line.start(1)

    def _read_body(self) -> bytes | None:
        if self._body_length is not None:
            if len(self._buffer) < self._body_length:
                return None
            return self._take(self._body_length)
        assert self._boundary is not None
        # Searched only once: a part of megabytes comes in small pieces.
        found = self._buffer.find(b"--" + self._boundary, self._searched)
        if found < 0:
            found = self._buffer.find(b"\n" + self._boundary, self._searched)
        if found < 0:
            self._searched = max(0, len(self._buffer) - len(self._boundary) - 4)
            return None
        return self._take(found)

    def _take(self, length: int) -> bytes:
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._is_in_body, self._searched = False, 0
        return body


def jpeg_pixels(data: bytes) -> int:
    """Width × height that a JPEG announces in its frame header; 0 when it has none."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME_HEADERS:
            return int.from_bytes(data[at + 5 : at + 7], "big") * int.from_bytes(data[at + 7 : at + 9], "big")
        at += 2 + max(2, length)
    return 0


def _jpeg_in(body: bytes) -> bytes | None:
    """The JPEG in a part, without line ends around it; None when there is no whole one."""
    start, end = body.find(_JPEG_START), body.rfind(_JPEG_END)
    return body[start : end + 2] if 0 <= start < end else None
