"""Cutting a multipart/x-mixed-replace stream into whole parts, so that what is passed on never ends in the middle of a picture.

Pure; called by `media` in the thread of each viewer.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

BOUNDARY = b"--frame\r\n"
CONTENT_TYPE = "multipart/x-mixed-replace; boundary=frame"
HEAD_MAX_BYTES = 4096
PART_MAX_BYTES = 64 * 1024 * 1024


class BrokenStream(Exception):
    """These bytes are not the parts that an engine sends."""


def whole_parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each part, from its boundary to the line end after its picture; what is unfinished at the end is dropped.

    Raises:
        BrokenStream: a part without Content-Length, or longer than any picture.
    """
    waiting = bytearray()
    needed = 0
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= max(needed, 1):
            needed = needed or _part_length(waiting)
            if not needed or len(waiting) < needed:
                break
            yield bytes(waiting[:needed])
            del waiting[:needed]
            needed = 0


def _part_length(waiting: bytearray) -> int:
    """Length of the first part, 0 when its head is not complete yet."""
    end = waiting.find(b"\r\n\r\n")
    if end < 0:
        if len(waiting) > HEAD_MAX_BYTES:
            raise BrokenStream("a part without an end of its head")
        return 0
    for line in bytes(waiting[:end]).split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            length = end + 4 + int(value) + 2
            if length > PART_MAX_BYTES:
                raise BrokenStream("a part that is too long")
            return length
    raise BrokenStream("a part without Content-Length")


def still_part(picture: Path) -> bytes:
    """One part that shows a JPEG file, as of now."""
    data = picture.read_bytes()
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(data)}\r\nX-Timestamp: {time.time():.6f}\r\nX-Sequence: 0\r\n\r\n"
    return BOUNDARY + head.encode() + data + b"\r\n"
