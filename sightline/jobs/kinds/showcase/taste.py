"""What people like in pictures, by models that learnt it from their marks; each gives 0 (not at all) to 1.

NIMA (Talebi and Milanfar 2018) as a classifier of ten marks, exported to ONNX by the operator. LAION's aesthetic predictor: one
linear layer on the vectors of CLIP with OpenAI's weights (with others its marks mean nothing). Extra [showcase].
"""

from pathlib import Path
from typing import Protocol

import numpy as np

from sightline.errors import AnalyzerError
from sightline.jobs.kinds.showcase.clip import OPENAI, Clip
from sightline.jobs.kinds.showcase.torch_models import read_weights
from sightline.media.frame import Image
from sightline.vision.inference import Classifier, Pixels

MARKS = tuple(str(mark) for mark in range(1, 11))
UNIT_AROUND_ZERO = Pixels(is_rgb=True, mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5))
LOW, HIGH = 3.0, 7.0
"""Marks of photographs lie between these two."""


class Taste(Protocol):
    """Marks pictures."""

    def __call__(self, image: Image) -> float:
        """0..1, of a BGR picture. Raises: AnalyzerError."""
        ...


class Nima:
    """The mean of ten marks."""

    def __init__(self, path: Path) -> None:
        """Raises: AnalyzerError: the file is damaged or another model."""
        self._classifier = Classifier.open(path, UNIT_AROUND_ZERO, MARKS)

    def __call__(self, image: Image) -> float:
        return _share(float(self._classifier.probabilities([image])[0] @ np.arange(1, 11)))


class LaionAesthetic:
    """One mark from CLIP's vector."""

    def __init__(self, clip_path: Path, head_path: Path) -> None:
        """Raises: AnalyzerError: the extra is not installed, or a file is damaged or another model."""
        self._clip = Clip(clip_path, OPENAI)
        weights = {name: array.float().numpy() for name, array in read_weights(head_path).items()}
        if {name: array.shape for name, array in weights.items()} != {"weight": (1, 512), "bias": (1,)}:
            raise AnalyzerError(f"{head_path.name} is damaged or another model. Fetch it again.", code="model_broken")
        self._weight, self._bias = weights["weight"][0], float(weights["bias"][0])

    def __call__(self, image: Image) -> float:
        return _share(float(self._clip.see([image])[0] @ self._weight) + self._bias)


def _share(mark: float) -> float:
    return round(float(np.clip((mark - LOW) / (HIGH - LOW), 0, 1)), 3)
