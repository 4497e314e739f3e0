"""Codes that the test draws into a picture of a street."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.media.frame import Image
from sightline.vision.codes import LEAST_FINDERS, LONGEST_TEXT, CodeReader, finder_patterns, printable, straightened
from tests.vision.printed_codes import ean13, placed, qr

LINK = "https://example.org/gate?id=42"


@pytest.fixture(scope="module")
def street(asset: Callable[[str], Path]) -> Image:
    video = cv2.VideoCapture(str(asset("video/street_people_720p.mp4")))
    return video.read()[1]


def texts(image: Image, reader: CodeReader | None = None) -> list[tuple[str, str]]:
    codes = (reader or CodeReader()).read(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    return sorted((code.kind, code.text) for code in codes if code.text)


@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 170])
@pytest.mark.parametrize(("module_px", "blur_px"), [(2.5, 0), (3, 0.8), (4, 1), (6, 1.5), (12, 2)])
def test_a_qr_code_is_read_at_any_turn(street: Image, module_px: float, blur_px: float, degrees: int) -> None:
    assert texts(placed(street, qr(LINK), (640, 360), module_px, degrees, blur_px)) == [("QR", LINK)]


@pytest.mark.parametrize("degrees", [0, 20, 90, 180])
@pytest.mark.parametrize("module_px", [2, 3, 4, 5])
def test_a_bar_code_is_read_at_any_turn(street: Image, module_px: int, degrees: int) -> None:
    assert texts(placed(street, ean13("4006381333931"), (640, 360), module_px, degrees)) == [("EAN-13", "4006381333931")]


def test_several_codes_are_read_at_their_places(street: Image) -> None:
    image = placed(
        placed(placed(street, qr("one"), (200, 200), 5), qr("two"), (1000, 500), 4, 30), ean13("5901234123457"), (620, 600), 2
    )
    assert texts(image) == [("EAN-13", "5901234123457"), ("QR", "one"), ("QR", "two")]
    codes = CodeReader().read(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    centres = {code.text: np.mean(code.corners, axis=0) for code in codes}
    assert np.abs(centres["one"] - (200, 200)).max() < 8
    assert np.abs(centres["two"] - (1000, 500)).max() < 8
    assert np.abs(centres["5901234123457"] - (620, 600)).max() < 25


def test_each_kind_can_be_left_out(street: Image) -> None:
    image = placed(placed(street, qr("one"), (300, 300), 5), ean13("5901234123457"), (900, 400), 3)
    assert [kind for kind, _ in texts(image, CodeReader(has_bars=False))] == ["QR"]
    assert [kind for kind, _ in texts(image, CodeReader(has_qr=False))] == ["EAN-13"]


def test_letters_of_other_languages_arrive(street: Image) -> None:
    assert texts(placed(street, qr("Tür 7 – Grüße"), (640, 360), 5)) == [("QR", "Tür 7 – Grüße")]


def test_a_code_in_perspective_is_read(street: Image) -> None:
    flat = placed(street, qr(LINK), (640, 360), 6)
    corners = np.float32([[0, 0], [1280, 0], [1280, 720], [0, 720]])
    tilted = np.float32([[120, 60], [1180, 0], [1260, 720], [200, 620]])
    image = cv2.warpPerspective(flat, cv2.getPerspectiveTransform(corners, tilted), (1280, 720))
    assert texts(image) == [("QR", LINK)]


def test_finder_patterns_tell_a_code_from_what_has_its_outline() -> None:
    code = cv2.resize(qr(LINK), (264, 264), interpolation=cv2.INTER_NEAREST)
    scale = 264 / len(qr(LINK))
    inner = np.float32([[4, 4], [-4, 4], [-4, -4], [4, -4]]) * scale + np.float32([[0, 0], [264, 0], [264, 264], [0, 264]])
    assert finder_patterns(straightened(code, inner)) == 3
    noise = [np.random.default_rng(seed).integers(0, 256, (264, 264), np.uint8) for seed in range(20)]
    # Now and then noise has such a line by chance; two of them are rare.
    assert sum(finder_patterns(picture) >= LEAST_FINDERS for picture in noise) <= 3
    assert finder_patterns(np.full((264, 264), 90, np.uint8)) == 0
    board = np.kron(np.indices((11, 11)).sum(axis=0) % 2 * 255, np.ones((24, 24))).astype(np.uint8)
    assert finder_patterns(board) == 0


def test_a_street_without_codes_has_none(street: Image) -> None:
    assert texts(street) == []


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (400, 3), (20, 20), (21, 19), (64, 64)])
@pytest.mark.parametrize("kind", ["noise", "black", "white"])
def test_any_picture_is_survived(shape: tuple[int, int], kind: str) -> None:
    grey = (
        np.random.default_rng(1).integers(0, 256, shape, np.uint8)
        if kind == "noise"
        else np.full(shape, 255 * (kind == "white"), np.uint8)
    )
    assert [code for code in CodeReader().read(grey) if code.text] == []


@given(st.text(max_size=2000))
def test_what_is_shown_is_one_bounded_line(text: str) -> None:
    shown = printable(text)
    assert len(shown) <= LONGEST_TEXT
    assert shown.isprintable()
    assert printable(shown) == shown
