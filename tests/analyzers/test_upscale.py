"""Enlarging: right size, right place, better than bicubic where the weights are here, and never slower than the camera."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import analyzers
from analyzers.upscale import LARGEST_PX, Method, Upscale, UpscaleParams, enlarged_size
from sightline.errors import AnalyzerError
from sightline.media.frame import Image
from sightline.media.models import ModelStore
from sightline.media.shapes import Shape
from sightline.media.stage import Moment, Resources, stage

analyzers.load(entry_points=False)

FRAME_NS = 33_333_333


def at(seq: int, is_hurried: bool = False) -> Moment:
    return Moment("yard", "Yard", seq, seq * FRAME_NS, 0.0, is_hurried=is_hurried)


def made(folder: Path = Path("none"), **params: Any) -> Upscale:
    return stage("upscale").factory(UpscaleParams(**params), Resources(ModelStore(folder)))  # type: ignore[no-any-return]


def test_the_whole_picture_is_enlarged(scene: Image) -> None:
    for factor in (2, 3, 4):
        upscale = made(factor=factor)
        assert upscale.apply(scene, at(1)).shape == (360 * factor, 640 * factor, 3)
        assert upscale.transform.point(10, 20) == (10 * factor, 20 * factor)


@pytest.mark.parametrize(
    ("width", "height", "factor", "expected"),
    [
        (1280, 720, 2, (2560, 1440)), (1280, 720, 4, (3840, 2160)), (1920, 1080, 4, (3840, 2160)), (4096, 2160, 2, (4096, 2160)),
        (100, 2000, 4, (108, 2160)), (1, 1, 4, (4, 4)),
    ],
)  # fmt: skip
def test_never_larger_than_4k_and_never_smaller_than_it_was(
    width: int, height: int, factor: int, expected: tuple[int, int]
) -> None:
    assert enlarged_size(width, height, factor) == expected
    assert expected <= (max(width, LARGEST_PX[0]), max(height, LARGEST_PX[1]))


def test_zoom_enlarges_the_centre(scene: Image) -> None:
    upscale = made(zoom=2.0)
    result = upscale.apply(scene, at(1))
    assert result.shape == scene.shape
    assert upscale.transform.point(320, 180) == (320, 180)
    assert upscale.transform.point(160, 90) == (0, 0)
    back = cv2.resize(result, (320, 180), interpolation=cv2.INTER_AREA)
    assert np.abs(back.astype(int) - scene[90:270, 160:480]).mean() < 4


def test_a_drawn_part_is_enlarged_instead(scene: Image) -> None:
    part = Shape("Door", ((0.25, 0.5), (0.5, 0.5), (0.5, 1.0)))
    upscale = made(part=(part,), zoom=3.0)
    assert upscale.apply(scene, at(1)).shape == (360, 320, 3)
    assert upscale.transform.point(160, 180) == (0, 0)
    assert upscale.transform.point(320, 360) == (320, 360)


def test_without_weights_lanczos_is_used_and_a_named_network_says_so(scene: Image) -> None:
    small = cv2.resize(scene, (96, 54))
    expected = cv2.resize(small, (192, 108), interpolation=cv2.INTER_LANCZOS4)
    upscale = made(method="espcn", keep_rate=False)
    assert np.array_equal(upscale.apply(small, at(1)), expected)  # type: ignore[arg-type]
    assert "ESPCN_x2.pb" in upscale.notice
    assert made(method="auto").notice == ""


@pytest.mark.parametrize("name", ["espcn", "fsrcnn"])
def test_networks_come_closer_to_the_original_than_bicubic(asset: Callable[[str], Path], name: str) -> None:
    weights = asset(f"weights/{name.upper()}_x2.pb").parent
    photo = cv2.imread(str(asset("images/zidane.jpg")))
    assert photo is not None
    original = photo[100:500, 300:800]
    small = cv2.resize(original, (250, 200), interpolation=cv2.INTER_AREA)
    result = made(weights, method=name, keep_rate=False).apply(small, at(1))  # type: ignore[arg-type]
    bicubic = cv2.resize(small, (500, 400), interpolation=cv2.INTER_CUBIC)
    assert cv2.PSNR(original, result) > cv2.PSNR(original, bicubic)


def test_damaged_weights_are_told(tmp_path: Path) -> None:
    (tmp_path / "ESPCN_x2.pb").write_bytes(b"not a network\n" * 20)
    with pytest.raises(AnalyzerError, match=r"ESPCN_x2\.pb"):
        made(tmp_path)


class Costly(Method):
    """A method that claims to take so many milliseconds."""

    def __init__(self, name: str, value: int, ms: float) -> None:
        super().__init__(name, lambda image, size: np.full((size[1], size[0], 3), value, np.uint8))
        self.ms = ms

    def cost_ns(self, pixels: int) -> float:
        return self.ms * 1e6


def test_a_method_that_is_too_slow_gives_way_and_comes_back() -> None:
    network, lanczos, bicubic = Costly("espcn", 1, 50), Costly("lanczos", 2, 5), Costly("bicubic", 3, 1)
    upscale = Upscale(UpscaleParams(), [network, lanczos, bicubic])
    image = np.zeros((40, 60, 3), np.uint8)

    def used(seq: int, is_hurried: bool = False) -> int:
        return int(upscale.apply(image, at(seq, is_hurried))[0, 0, 0])

    assert used(1) == 3, "nothing is known about the rate yet"
    assert [used(seq) for seq in range(2, 5)] == [2, 2, 2]
    assert "Lanczos is used" in upscale.notice
    network.ms = 2
    assert used(5) == 2, "not tried again at once"
    assert used(2000) == 1
    assert upscale.notice == ""
    upscale.apply(image, at(2001, is_hurried=True))
    assert "own size" in upscale.notice


@pytest.mark.parametrize(("zoom", "shape"), [(1.0, (360, 640, 3)), (1.5, (360, 640, 3)), (4.0, (180, 320, 3))])
def test_when_hurried_the_picture_is_no_larger_than_it_was(scene: Image, zoom: float, shape: tuple[int, ...]) -> None:
    upscale = made(zoom=zoom)
    assert upscale.apply(scene, at(1, is_hurried=True)).shape == shape
    x, y = upscale.transform.point(320, 180)
    assert (x, y) == pytest.approx((shape[1] / 2, shape[0] / 2), abs=1)


def test_as_asked_however_slow() -> None:
    upscale = Upscale(UpscaleParams(keep_rate=False), [Costly("espcn", 1, 5000), Costly("bicubic", 3, 1)])
    assert upscale.apply(np.zeros((40, 60, 3), np.uint8), at(1, is_hurried=True))[0, 0, 0] == 1


def test_a_method_measures_itself() -> None:
    method = Method("bicubic", lambda image, size: cv2.resize(image, size))  # type: ignore[return-value]
    assert method.cost_ns(1_000_000) > method.cost_ns(1_000) > 0
