"""Decoding and placing of plates, with a model whose answers follow from the picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from sightline.errors import AnalyzerError
from sightline.vision.plates import PlateFinder, decode, ordered_corners, parts
from tests.vision.made_models import bright_is_plate, constant_model

PRIORS = sum((320 // s) * (240 // s) * n for s, n in ((8, 3), (16, 2), (32, 2), (64, 3)))


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> PlateFinder:
    return PlateFinder(bright_is_plate(tmp_path_factory.mktemp("plates") / "plates.onnx"))


def spotted(size: tuple[int, int], *cells: tuple[int, int]) -> np.ndarray:
    """A black picture with a white cell of the model's grid at each place (in cells of 8 px of the model's input)."""
    small = np.zeros((240, 320, 3), np.uint8)
    for column, row in cells:
        small[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] = 255
    return cv2.resize(small, size, interpolation=cv2.INTER_NEAREST)


def test_a_plate_is_where_the_model_saw_it(finder: PlateFinder) -> None:
    (plate,) = finder.find(spotted((320, 240), (10, 5)))
    # The cell's centre is (84, 44) and the plate reaches 20 and 8 px from it.
    assert plate.label == "plate"
    assert plate.box == pytest.approx((64, 36, 104, 52), abs=0.01)
    assert plate.score == pytest.approx(1.0)
    assert [point[:2] for point in plate.keypoints] == [
        pytest.approx(c, abs=0.01) for c in ((64, 36), (104, 36), (104, 52), (64, 52))
    ]


def test_boxes_are_in_pixels_of_the_picture(finder: PlateFinder) -> None:
    (plate,) = finder.find(spotted((1280, 960), (10, 5)), is_thorough=False)
    assert plate.box == pytest.approx((256, 144, 416, 208), abs=0.1)


def test_several_plates_are_found_and_one_is_found_once(finder: PlateFinder) -> None:
    assert len(finder.find(spotted((320, 240), (5, 5), (20, 20), (30, 10)))) == 3
    # A spot of two cells gives two boxes that overlap by two thirds.
    assert len(finder.find(spotted((320, 240), (10, 5), (11, 5)))) == 1


def test_a_plate_at_the_edge_stays_inside(finder: PlateFinder) -> None:
    (plate,) = finder.find(spotted((320, 240), (0, 0)))
    assert plate.box == pytest.approx((0, 0, 24, 12), abs=0.01)
    assert all(x >= 0 and y >= 0 for x, y, _ in plate.keypoints)


def test_small_plates_are_found_in_parts_of_a_large_picture(finder: PlateFinder) -> None:
    """A spot too small for the whole picture at the model's size fills a cell of a part."""
    image = np.zeros((1080, 1920, 3), np.uint8)
    image[500:524, 900:924] = 255
    assert finder.find(image, is_thorough=False) == []
    plates = finder.find(image, 0.4)
    assert plates
    x1, y1, x2, y2 = plates[0].box
    assert abs((x1 + x2) / 2 - 912) < 20
    assert abs((y1 + y2) / 2 - 512) < 20


@pytest.mark.parametrize(
    ("width", "height"), [(320, 240), (640, 480), (1280, 720), (1920, 1080), (3840, 2160), (720, 1280), (1, 1), (4000, 30)]
)
def test_parts_cover_the_picture_and_stay_in_it(width: int, height: int) -> None:
    covered = np.zeros((height, width), bool)
    first, *rest = parts(width, height)
    assert first == (0, 0, width, height)
    for x, y, part_w, part_h in rest:
        assert 0 <= x <= x + part_w <= width
        assert 0 <= y <= y + part_h <= height
        covered[y : y + part_h, x : x + part_w] = True
    assert not rest or covered.all()
    assert len(rest) <= 12


def test_what_is_no_number_is_no_plate() -> None:
    loc, conf, fit = (np.zeros((PRIORS, n), np.float32) for n in (14, 2, 1))
    conf[:, 1] = fit[:] = 1.0
    conf[5, 1], fit[6], loc[7, 4], conf[8, 1] = np.nan, -np.inf, np.inf, 7.0
    corners, scores = decode(loc, conf, fit)
    assert np.isfinite(corners).all()
    assert scores[4:10].tolist() == [1, 0, 0, 0, 1, 1]


def test_the_priors_lie_on_their_grids() -> None:
    loc, conf, fit = (np.zeros((PRIORS, n), np.float32) for n in (14, 2, 1))
    corners, _ = decode(loc, conf, fit)
    # Without offsets all corners are the centre of their prior: three sizes per cell of the first grid, two of the second…
    centres = corners[:, 0]
    assert centres[:4].tolist() == [[4, 4], [4, 4], [4, 4], [12, 4]]
    assert centres[3 * 1200].tolist() == [8, 8]
    assert centres[-1].tolist() == [4.5 * 64, 2.5 * 64]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1), (3, 2, 1, 0)])
def test_corners_come_in_the_order_of_reading(order: tuple[int, ...]) -> None:
    corners = np.float32([[10, 12], [90, 20], [88, 40], [8, 32]])
    assert ordered_corners(corners[list(order)]).tolist() == corners.tolist()


def test_another_model_is_refused(tmp_path: Path) -> None:
    path = constant_model(tmp_path / "other.onnx", [1, 3, 240, 320], {"boxes": np.zeros((1, 84, 10))})
    with pytest.raises(AnalyzerError) as caught:
        PlateFinder(path)
    assert caught.value.code == "model_unknown_layout"


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(AnalyzerError) as caught:
        PlateFinder(tmp_path / "broken.onnx")
    assert caught.value.code == "model_broken"
