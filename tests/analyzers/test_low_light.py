"""Low light lifts the dark, and only that."""

import numpy as np
import pytest

from analyzers.low_light import LowLight, LowLightParams, darkness, lifting_table
from sightline.media.frame import Image
from sightline.media.stage import Moment


def at(seq: int) -> Moment:
    return Moment("yard", "Yard", seq, seq * 33_333_333, 0.0)


def shown(image: Image, frames: int = 1, **params: object) -> Image:
    low_light = LowLight(LowLightParams(**params))  # type: ignore[arg-type]
    for seq in range(1, frames + 1):
        result = low_light.apply(image, at(seq))
    return result


def test_a_dark_picture_becomes_readable(scene: Image) -> None:
    dark = (scene // 8).astype(np.uint8)
    result = shown(dark)
    assert result.mean() > 2.5 * dark.mean()
    assert result.std() > 2 * dark.std()
    assert (result == 255).mean() < 0.01


def test_a_bright_picture_is_left_alone(scene: Image) -> None:
    assert np.array_equal(shown(scene), scene)


def test_the_darker_the_picture_the_more_it_is_lifted(scene: Image) -> None:
    darkened = [(scene * share).astype(np.uint8) for share in (0.1, 0.3, 0.5, 0.7, 1.0)]
    lifts = [shown(image).mean() / image.mean() for image in darkened]
    assert lifts == sorted(lifts, reverse=True)
    assert lifts[-1] == pytest.approx(1.0)


def test_a_few_lamps_do_not_make_a_night_bright(scene: Image) -> None:
    night = (scene // 10).astype(np.uint8)
    night[:40] = 255
    result = shown(night)
    assert result[60:].mean() > 2 * night[60:].mean()
    assert result[:30].min() > 240


def test_colours_stay_colours() -> None:
    dark = np.full((90, 160, 3), (10, 20, 40), np.uint8)
    blue, green, red = (float(channel) for channel in shown(dark)[45, 80])
    assert red > green > blue
    assert red - blue > 40


def test_noise_of_a_dark_still_picture_is_calmed() -> None:
    rng = np.random.default_rng(1)

    def last(denoise: bool) -> Image:
        low_light = LowLight(LowLightParams(denoise=denoise))
        for seq in range(1, 12):
            noisy = np.clip(20 + rng.normal(0, 4, (90, 160, 3)), 0, 255).astype(np.uint8)
            result = low_light.apply(noisy, at(seq))
        return result

    assert last(True).std() < 0.7 * last(False).std()


def test_a_passing_headlight_does_not_make_it_pump(scene: Image) -> None:
    night, light = (scene // 10).astype(np.uint8), np.maximum(scene // 10, 160).astype(np.uint8)
    low_light = LowLight(LowLightParams(denoise=False))
    for seq in range(1, 60):
        before = low_light.apply(night, at(seq))
    for seq in range(60, 64):
        low_light.apply(light, at(seq))
    after = low_light.apply(night, at(64))
    assert after.mean() == pytest.approx(before.mean(), rel=0.25)


@pytest.mark.parametrize("level", [0.01, 0.05, 0.2, 0.35, 0.6, 1.0])
def test_the_curve_never_turns_back_and_never_darkens(level: float) -> None:
    luma = lifting_table(level, 1.0)[0, :, 0].astype(int)
    assert (np.diff(luma) >= 0).all()
    assert (luma >= np.arange(256)).all()
    assert (luma[0], luma[255]) == (0, 255)


def test_darkness() -> None:
    assert (darkness(0.0), darkness(1.0)) == (1.0, 0.0)
    assert 0 < darkness(0.27) < 1
