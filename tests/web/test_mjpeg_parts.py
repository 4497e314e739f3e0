"""Cutting a stream into whole parts, wherever the network cut it before."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.web.mjpeg_parts import BOUNDARY, BrokenStream, still_part, whole_parts


def part(data: bytes, extra: bytes = b"X-Sequence: 7\r\n") -> bytes:
    return BOUNDARY + b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n" % len(data) + extra + b"\r\n" + data + b"\r\n"


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(position % (len(stream) + 1) for position in at), len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(edges) if a < b]


@given(st.lists(st.binary(max_size=300), max_size=6), st.lists(st.integers(0, 10_000), max_size=12), st.integers(0, 400))
def test_whole_parts_come_out_however_the_bytes_were_cut(pictures: list[bytes], at: list[int], lost: int) -> None:
    parts = [part(data) for data in pictures]
    unfinished = part(b"\xff\xd8" + b"x" * 400)[:lost]

    assert list(whole_parts(cut(b"".join(parts) + unfinished, at))) == parts


def test_a_picture_that_holds_a_boundary_stays_whole() -> None:
    tricky = part(BOUNDARY * 3 + b"\r\n\r\n")

    assert list(whole_parts([tricky + tricky])) == [tricky, tricky]


@pytest.mark.parametrize(
    "stream",
    [
        BOUNDARY + b"Content-Type: image/jpeg\r\n\r\n" + b"x" * 100,
        BOUNDARY + b"Content-Length: many\r\n\r\n",
        BOUNDARY + b"Content-Length: 99999999999\r\n\r\n",
        b"x" * 10_000,
    ],
)
def test_what_no_engine_sends_is_refused(stream: bytes) -> None:
    with pytest.raises(BrokenStream):
        list(whole_parts([stream]))


def test_the_no_signal_picture_is_a_whole_part(root) -> None:  # type: ignore[no-untyped-def]
    made = still_part(root / "static" / "img" / "no-signal.jpg")

    assert list(whole_parts([made])) == [made]
    assert b"\xff\xd8\xff" in made and made.endswith(b"\xff\xd9\r\n")
