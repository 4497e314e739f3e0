"""Pictures and frames for the tests of single stages."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from sightline.media.frame import BgrPicture, Frame, Image

Frames = Callable[..., Iterator[Frame]]


def as_frame(image: Image, seq: int, fps: float = 10.0) -> Frame:
    return Frame("yard", seq, round(seq * 1e9 / fps), round(seq * 1e9 / fps), 1_700_000_000.0 + seq / fps, BgrPicture(image))


@pytest.fixture(scope="session")
def clip(asset: Callable[[str], Path]) -> Frames:
    """`clip("name.mp4", every=3, most=50)` yields frames of a real clip, on the clip's own clock."""

    def read(name: str, every: int = 1, most: int = 10_000) -> Iterator[Frame]:
        video = cv2.VideoCapture(str(asset(f"video/{name}")))
        fps = video.get(cv2.CAP_PROP_FPS) or 25.0
        number = given = 0
        while given < most and video.grab():
            if number % every == 0:
                given += 1
                yield as_frame(video.retrieve()[1], number, fps)
            number += 1
        video.release()

    return read


@pytest.fixture(scope="session")
def scene() -> Image:
    """A still picture with texture everywhere, 360×640."""
    noise = np.random.default_rng(11).integers(0, 256, (45, 80, 3), np.uint8)
    return cv2.resize(noise, (640, 360), interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]
