"""Still pictures that people send: JPEG and PNG, refused by what their header says before a decoder sees them. Pure."""

import struct

import cv2
import numpy as np

from sightline.errors import Invalid, TooLarge, Unsupported
from sightline.media.frame import Image

MOST_BYTES = 15 * 1024 * 1024
MOST_PIXELS = 50_000_000
"""A telephone's largest pictures have that; decoded they take 150 MB for a moment."""
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"
JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
"""Markers after which a JPEG tells its size."""
JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length."""


def read_still(data: bytes) -> Image:
    """Decode a picture, upright, as `(H, W, 3) uint8 BGR`.

    Raises:
        Unsupported: neither JPEG nor PNG. Invalid: damaged. TooLarge: more bytes or pixels than allowed.
    """
    if len(data) > MOST_BYTES:
        raise TooLarge(f"The picture is larger than {MOST_BYTES} bytes.", code="picture_too_large", limit_bytes=MOST_BYTES)
    width, height = still_size(data)
    if width * height > MOST_PIXELS:
        message = f"The picture has {width}×{height} pixels; at most {MOST_PIXELS // 1_000_000} million are taken. Make it smaller."
        raise TooLarge(message, code="picture_too_large", limit_pixels=MOST_PIXELS)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as err:
        raise _damaged() from err
    if image is None:
        raise _damaged()
    return image  # type: ignore[return-value]


def still_size(data: bytes) -> tuple[int, int]:
    """Width and height that the header names. Raises: Unsupported, Invalid."""
    if data.startswith(PNG_SIGNATURE):
        size = _png_size(data)
    elif data.startswith(JPEG_SIGNATURE):
        size = _jpeg_size(data)
    else:
        raise Unsupported("This is no JPEG and no PNG picture.", code="not_a_picture", field="pictures")
    if size is None or not all(size):
        raise _damaged()
    return size


def _png_size(data: bytes) -> tuple[int, int] | None:
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes may stand before a marker
            at += 1
        elif marker in JPEG_ALONE:
            at += 2
        elif marker in JPEG_FRAMES:
            if at + 9 > len(data):
                return None
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        else:
            at += 2 + int(struct.unpack(">H", data[at + 2 : at + 4])[0])
    return None


def _damaged() -> Invalid:
    return Invalid(
        "The picture is damaged and cannot be read. Save it anew and send it again.", code="bad_picture", field="pictures"
    )
