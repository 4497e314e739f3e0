"""Pictures into the input of a model, and boxes back out of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.media.frame import Image

Floats = NDArray[np.float32]

GREY = 114
"""What the YOLO family was trained to see around a picture."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a picture was put into the input of a model."""

    pixels: Image
    """`(height, width, 3)` BGR"""
    scale: float
    left_px: int
    top_px: int

    def to_picture(self, boxes: Floats) -> Floats:
        """xyxy `(n, 4)` from input pixels to picture pixels."""
        offset = np.array([self.left_px, self.top_px, self.left_px, self.top_px], np.float32)
        return (boxes - offset) / self.scale

    def points_to_picture(self, points: Floats) -> Floats:
        """`(…, 2)` from input pixels to picture pixels."""
        return (points - np.array([self.left_px, self.top_px], np.float32)) / self.scale


def letterbox(image: Image, side_px: tuple[int, int], *, centred: bool, border: int = GREY, stride_px: int = 0) -> Letterbox:
    """Fit `image` into a plain picture of `side_px` (width, height), aspect kept.

    Args:
        centred: put it into the middle; else into the upper left corner.
        stride_px: centre it only within the smallest input that is a multiple of this, whose rest lies right and below: so stands
            a picture in the rectangular inputs of a detector's own implementation, with the same cells over the same pixels.
    """
    height, width = image.shape[:2]
    scale = min(side_px[0] / width, side_px[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    left, top = (_margin(side_px[i] - size[i], size[i], stride_px) if centred else 0 for i in (0, 1))
    canvas = np.full((side_px[1], side_px[0], 3), border, np.uint8)
    canvas[top : top + size[1], left : left + size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    return Letterbox(canvas, scale, left, top)


def _margin(free: int, length: int, stride_px: int) -> int:
    return (min(free, -length % stride_px) if stride_px else free) // 2


@dataclass(frozen=True, slots=True)
class Pixels:
    """How a model wants its numbers: `(pixel - mean) / std`, channels in one of two orders."""

    is_rgb: bool
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """0..255, in the order of the channels."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def tensor(self, images: Sequence[Image]) -> Floats:
        """`(n, 3, height, width)` of BGR pictures of one size."""
        height, width = images[0].shape[:2]
        tensor = np.empty((len(images), 3, height, width), np.float32)
        scale = 1 / np.array(self.std, np.float32).reshape(3, 1, 1)
        shift = np.array(self.mean, np.float32).reshape(3, 1, 1) * scale
        for image, slot in zip(images, tensor, strict=True):
            # Channels are sorted while they are bytes: a quarter of the memory that the same costs afterwards.
            planes = np.ascontiguousarray((image[..., ::-1] if self.is_rgb else image).transpose(2, 0, 1))
            np.multiply(planes, scale, out=slot)
            if shift.any():
                slot -= shift
        return tensor


UNIT_RGB = Pixels(is_rgb=True, std=(255.0, 255.0, 255.0))
"""RGB 0..1"""
BYTE_BGR = Pixels(is_rgb=False)
"""BGR 0..255"""
IMAGENET_RGB = Pixels(is_rgb=True, mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))
"""RGB, mean and deviation of the ImageNet pictures."""
