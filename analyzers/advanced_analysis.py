"""Picture quality: is the camera sharp, bright enough, covered, noisy? About 6 ms per look at 720p, twice a second.

All measures but the histogram come from a brightness picture 640 wide (values 0..255):

* sharpness: variance of the Laplacian. Below 30 a picture looks soft, above 300 crisp.
* brightness: mean. contrast: standard deviation.
* noise: Immerkaer's estimate, the standard deviation that is left after a filter that cancels edges.
* edge_density: share of the pixels that Canny (50, 150) marks, in percent.
* corners: number of Shi-Tomasi corners of at least 1 % quality, at most 500.
* histogram: 16 bins each of blue, green, red; every colour sums to 1.

score = 100 × sharp × light × contrast × clean, each 0..1: sharp = log(1 + sharpness) / log(301); light falls linearly from 1 to 0
when the mean leaves 60..195 towards 0 or 255; contrast = deviation / 40; clean = 1 up to noise 4, then 4 / noise, at least 0.3.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from sightline.media.findings import Findings
from sightline.media.frame import Frame, Image, shrink_to_width
from sightline.media.stage import NoParams, Resources, register

WIDTH_PX = 640
HISTOGRAM_WIDTH_PX = 320
BINS = 16
SOFT_BELOW, CRISP_FROM = 30.0, 300.0
DARK_BELOW, BRIGHT_ABOVE = 60.0, 195.0
FULL_CONTRAST = 40.0
FLAT_BELOW = 12.0
NOISY_ABOVE = 5.0
CLEAN_NOISE = 4.0
MOST_CORNERS = 500
NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


@dataclass(frozen=True, slots=True)
class Quality:
    """The measures of one picture; see the module's words for each."""

    sharpness: float
    brightness: float
    contrast: float
    noise: float
    edge_density: float
    corners: int

    @property
    def score(self) -> float:
        """0..100"""
        sharp = min(1.0, math.log1p(self.sharpness) / math.log1p(CRISP_FROM))
        light = min(1.0, self.brightness / DARK_BELOW, (255 - self.brightness) / (255 - BRIGHT_ABOVE))
        contrast = min(1.0, self.contrast / FULL_CONTRAST)
        clean = 1.0 if self.noise <= CLEAN_NOISE else max(0.3, CLEAN_NOISE / self.noise)
        return 100 * sharp * light * contrast * clean

    @property
    def verdict(self) -> str:
        """The most important thing to know, as one word or two."""
        if self.brightness < DARK_BELOW / 2:
            return "dark"
        if self.brightness > (255 + BRIGHT_ABOVE) / 2:
            return "overexposed"
        if self.contrast < FLAT_BELOW:
            return "flat"
        if self.sharpness < SOFT_BELOW:
            return "blurred"
        if self.noise > NOISY_ABOVE:
            return "noisy"
        return "good" if self.score >= 60 else "fair"


class AdvancedAnalysis:
    """Measures pictures of any camera; keeps nothing from one to the next."""

    def analyze(self, frames: Sequence[Frame]) -> list[Findings]:
        return [self._look(frame) for frame in frames]

    def _look(self, frame: Frame) -> Findings:
        quality = measure(frame.picture.luma(WIDTH_PX))
        measures = {
            "score": round(quality.score, 1),
            "verdict": quality.verdict,
            "sharpness": round(quality.sharpness, 1),
            "brightness": round(quality.brightness, 1),
            "contrast": round(quality.contrast, 1),
            "noise": round(quality.noise, 2),
            "edge_density": round(quality.edge_density, 2),
            "corners": quality.corners,
            "histogram": histogram(shrink_to_width(frame.image, HISTOGRAM_WIDTH_PX)),
        }
        return Findings(
            "advanced_analysis", frame.camera_id, frame.seq, frame.pts_ns, frame.captured_ns, frame.size_px, (), measures
        )  # fmt: skip


def measure(luma: Image) -> Quality:
    """Measure a brightness picture `(h, w)`."""
    mean, deviation = cv2.meanStdDev(luma)
    corners = cv2.goodFeaturesToTrack(luma, MOST_CORNERS, 0.01, 8)
    edges = cv2.Canny(luma, 50, 150)
    return Quality(
        sharpness=float(cv2.Laplacian(luma, cv2.CV_16S, ksize=1).var()),
        brightness=float(mean[0, 0]),
        contrast=float(deviation[0, 0]),
        noise=_noise(luma),
        edge_density=float(100 * np.count_nonzero(edges) / luma.size),
        corners=0 if corners is None else len(corners),
    )


def histogram(image: Image) -> dict[str, list[float]]:
    """`{"blue": [16 shares], "green": [...], "red": [...]}` of a BGR picture."""
    pixels = image.shape[0] * image.shape[1]
    channels = enumerate(("blue", "green", "red"))
    counts = {name: cv2.calcHist([image], [i], None, [BINS], [0, 256]).ravel() for i, name in channels}
    return {name: [round(float(count) / pixels, 4) for count in bins] for name, bins in counts.items()}


def _noise(luma: Image) -> float:
    height, width = luma.shape
    if min(height, width) < 3:
        return 0.0
    filtered = cv2.filter2D(luma, cv2.CV_32F, NOISE_KERNEL)[1:-1, 1:-1]
    return float(np.abs(filtered).mean() * math.sqrt(math.pi / 2) / 6)


def _make(_params: NoParams, _resources: Resources) -> AdvancedAnalysis:
    return AdvancedAnalysis()


register(
    "advanced_analysis",
    _make,
    kind="analyzer",
    label="Picture quality",
    group="Motion and camera",
    description="Measures sharpness, light, contrast, noise and colours, and gives a score of 0 to 100.",
    shared=True,
    rate_hz=2.0,
)
