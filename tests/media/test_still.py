"""Still pictures from strangers: size before decoding, clear words for everything that is none."""

import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import Invalid, SightlineError, TooLarge, Unsupported
from sightline.media.still import MOST_BYTES, read_still, still_size

IMAGE = np.random.default_rng(5).integers(0, 255, (37, 53, 3), np.uint8)


def encoded(ending: str, *options: int) -> bytes:
    return cv2.imencode(ending, IMAGE, options)[1].tobytes()


def png_header(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


@pytest.mark.parametrize(
    "data",
    [
        encoded(".png"),
        encoded(".jpg"),
        encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        encoded(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    ],
    ids=["png", "jpeg", "progressive", "restarts"],
)
def test_pictures_are_read_with_the_size_of_their_header(data: bytes) -> None:
    assert still_size(data) == (53, 37)
    assert read_still(data).shape == (37, 53, 3)


def test_grey_and_transparent_pictures_become_three_channels() -> None:
    for image in (IMAGE[:, :, 0], np.dstack([IMAGE, IMAGE[:, :, :1]])):
        assert read_still(cv2.imencode(".png", image)[1].tobytes()).shape == (37, 53, 3)


def test_a_picture_that_would_fill_the_memory_is_never_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_arguments: Any) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(cv2, "imdecode", decode)
    jpeg = bytearray(encoded(".jpg"))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    for data in (png_header(2**31 - 1, 2**31 - 1), png_header(10_000, 5_001), bytes(jpeg)):
        with pytest.raises(TooLarge) as caught:
            read_still(data)
        assert caught.value.code == "picture_too_large"
    with pytest.raises(TooLarge):
        read_still(b"\xff\xd8\xff" + bytes(MOST_BYTES))


@pytest.mark.parametrize(
    ("data", "kind", "code"),
    [
        (b"", Unsupported, "not_a_picture"),
        (b"hello", Unsupported, "not_a_picture"),
        (b"GIF89a" + bytes(100), Unsupported, "not_a_picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Unsupported, "not_a_picture"),
        (encoded(".bmp"), Unsupported, "not_a_picture"),
        (b"\x89PNG\r\n\x1a\n", Invalid, "bad_picture"),
        (png_header(0, 10), Invalid, "bad_picture"),
        (png_header(10, 10), Invalid, "bad_picture"),
        (b"\xff\xd8\xff", Invalid, "bad_picture"),
        (b"\xff\xd8\xff\xe0\x00\x00" + bytes(50), Invalid, "bad_picture"),
        (encoded(".jpg")[:40], Invalid, "bad_picture"),
        (encoded(".png")[:60], Invalid, "bad_picture"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, kind: type[SightlineError], code: str) -> None:
    with pytest.raises(kind) as caught:
        read_still(data)
    assert caught.value.code == code


@given(st.binary(max_size=300))
def test_bytes_after_a_signature_end_in_our_own_errors(data: bytes) -> None:
    for head in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b""):
        with pytest.raises(SightlineError):
            read_still(head + data)
