"""What each filter does to the pixels."""

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import analyzers
from sightline.media.frame import Image
from sightline.media.models import ModelStore
from sightline.media.stage import Moment, Resources, make_params, stage

analyzers.load(entry_points=False)


def made(name: str, **params: Any) -> Any:
    info = stage(name)
    return info.factory(make_params(info, params), Resources(ModelStore(Path("none"))))


def applied(image: Image, name: str, **params: Any) -> Image:
    return made(name, **params).apply(image, MOMENT)


MOMENT = Moment("yard", "Yard", 1, 0, 1_700_000_000.0)


def test_grayscale_has_three_equal_channels_of_luma(scene: Image) -> None:
    grey = applied(scene, "grayscale")
    assert np.array_equal(grey[..., 0], grey[..., 1])
    assert np.array_equal(grey[..., 0], grey[..., 2])
    assert np.array_equal(grey[..., 0], cv2.cvtColor(scene, cv2.COLOR_BGR2GRAY))


def test_invert_twice_is_the_picture(scene: Image) -> None:
    assert np.array_equal(applied(applied(scene, "invert"), "invert"), scene)


def test_sepia_is_brown_and_nothing_at_zero(scene: Image) -> None:
    blue, green, red = applied(scene, "sepia").reshape(-1, 3).astype(float).mean(axis=0)
    assert blue < green < red
    assert np.array_equal(applied(scene, "sepia", strength=0.0), scene)


def test_brightness_moves_the_mean_by_its_percentage() -> None:
    grey = np.full((20, 20, 3), 100, np.uint8)
    assert applied(grey, "adjust", brightness=20).mean() == pytest.approx(151, abs=1)
    assert applied(grey, "adjust", brightness=-20).mean() == pytest.approx(49, abs=1)
    assert applied(grey, "adjust", brightness=100).min() == 255
    assert applied(grey, "adjust", brightness=-100).max() == 0


def test_contrast_turns_around_mid_grey() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    steep = applied(ramp, "adjust", contrast=2.0)[0, :, 0].astype(int)
    assert steep[128] == 128
    assert steep[148] == 168
    assert steep[255] == 255
    assert np.all(applied(ramp, "adjust", contrast=0.0) == 128)


def test_saturation_zero_is_grey_and_keeps_luma(scene: Image) -> None:
    grey = applied(scene, "adjust", saturation=0.0)
    assert np.abs(grey.astype(int) - applied(scene, "grayscale")).max() <= 1
    pale = np.full((4, 4, 3), (90, 110, 130), np.uint8)
    vivid = applied(pale, "adjust", saturation=2.0)
    assert np.ptp(vivid[0, 0].astype(int)) == pytest.approx(80, abs=2)


def test_adjust_is_neutral_by_default_only() -> None:
    info = stage("adjust")
    assert info.is_neutral is not None
    assert info.is_neutral(info.params())
    assert not info.is_neutral(make_params(info, {"brightness": 1}))


@pytest.mark.parametrize("kernel_px", [3, 4, 15, 16, 99])
def test_blur_takes_detail_and_keeps_brightness(scene: Image, kernel_px: int) -> None:
    soft = applied(scene, "blur", kernel_px=kernel_px)
    assert cv2.Laplacian(soft, cv2.CV_64F).var() < cv2.Laplacian(scene, cv2.CV_64F).var()
    assert soft.mean() == pytest.approx(scene.mean(), abs=1.5)


def test_a_wider_blur_is_softer(scene: Image) -> None:
    spreads = [applied(scene, "blur", kernel_px=k).std() for k in (3, 9, 21, 51, 99)]
    assert spreads == sorted(spreads, reverse=True)


def test_edges_are_white_lines_at_the_step() -> None:
    step = np.zeros((40, 40, 3), np.uint8)
    step[:, 20:] = 255
    edges = applied(step, "edge_detection")
    assert set(np.unique(edges)) == {0, 255}
    assert edges[20, 18:22].any()
    assert not edges[:, :15].any()
    assert not edges[:, 25:].any()


def test_edge_thresholds_may_come_in_any_order(scene: Image) -> None:
    assert np.array_equal(
        applied(scene, "edge_detection", low=200, high=60), applied(scene, "edge_detection", low=60, high=200)
    )  # fmt: skip


def test_sharpen_steepens_and_zero_changes_nothing(scene: Image) -> None:
    assert cv2.Laplacian(applied(scene, "sharpen"), cv2.CV_64F).var() > cv2.Laplacian(scene, cv2.CV_64F).var()
    assert np.array_equal(applied(scene, "sharpen", amount=0.0), scene)


def test_clahe_spreads_a_dull_picture(scene: Image) -> None:
    dull = (scene // 8 + 100).astype(np.uint8)
    assert applied(dull, "clahe").std() > 1.5 * dull.std()


def test_thermal_palettes_differ(scene: Image) -> None:
    seen = {applied(scene, "thermal", palette=p).tobytes() for p in ("inferno", "jet", "turbo", "magma", "hot", "bone", "viridis")}
    assert len(seen) == 7


def test_denoise_gets_closer_to_the_true_picture(scene: Image) -> None:
    true = cv2.GaussianBlur(scene, (5, 5), 0)
    rng = np.random.default_rng(5)
    filtered = made("denoise")
    for _ in range(12):
        noisy = np.clip(true + rng.normal(0, 10, true.shape), 0, 255).astype(np.uint8)
        result = filtered.apply(noisy, MOMENT)
    assert np.abs(result.astype(int) - true).mean() < 0.5 * np.abs(noisy.astype(int) - true).mean()


def test_denoise_leaves_no_trail_behind_what_moves() -> None:
    filtered = made("denoise", strength=10)
    for x in range(0, 200, 20):
        image = np.full((100, 300, 3), 60, np.uint8)
        image[40:60, x : x + 20] = 230
        result = filtered.apply(image, MOMENT)
    assert result[40:60, 180:200].mean() > 220
    assert np.abs(result[30:70, :170].astype(int) - 60).max() <= 4


def test_timestamp_is_local_time_on_any_background() -> None:
    for level in (0, 128, 255):
        plain = np.full((360, 640, 3), level, np.uint8)
        strip = applied(plain, "timestamp")[:20, :200]
        assert strip.max() - strip.min() > 100, level
        assert np.array_equal(applied(plain, "timestamp")[100:], plain[100:])


def test_timestamp_changes_with_the_second_only() -> None:
    stamp = made("timestamp")
    plain = np.zeros((360, 640, 3), np.uint8)
    at = [stamp.apply(plain, Moment("yard", "Yard", 1, 0, when)).tobytes() for when in (1000.1, 1000.9, 1001.0)]
    assert at[0] == at[1] != at[2]


@pytest.mark.parametrize("corner", ["top left", "top right", "bottom left", "bottom right"])
def test_timestamp_stands_in_its_corner(corner: str) -> None:
    plain = np.zeros((200, 900, 3), np.uint8)
    ys, xs = np.nonzero(applied(plain, "timestamp", corner=corner)[..., 0])
    assert (ys.max() < 100) == corner.startswith("top")
    assert (xs.max() < 450) == corner.endswith("left")


def test_timestamp_writes_other_scripts_and_no_control_characters() -> None:
    from analyzers.timestamp import Timestamp, TimestampParams

    plain = np.zeros((360, 640, 3), np.uint8)
    stamp = Timestamp(TimestampParams())
    pictures = {stamp.apply(plain, Moment("c", name, 1, 0, 0.0)).tobytes() for name in ("Двор", "Ауди", "Hof", "Hof\n\x00")}
    assert len(pictures) == 3
    assert stamp._text(Moment("c", "Hof\n", 1, 0, 0.0)) == "Hof  " + time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(0))
