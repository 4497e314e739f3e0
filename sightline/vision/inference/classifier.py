"""Models that say which of some classes a picture shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from sightline.errors import AnalyzerError
from sightline.media.frame import Image
from sightline.vision.inference.letterbox import Floats, Pixels
from sightline.vision.inference.picture_model import PictureModel
from sightline.vision.inference.session import Session, open_session

CENTRE_SHARE = 224 / 256
"""How much of the shorter side ImageNet's models look at."""


@dataclass(frozen=True, slots=True)
class Guess:
    """One class and how likely it is."""

    label: str
    score: float
    """0..1"""


class Classifier(PictureModel):
    """Pictures in, the most likely classes out."""

    def __init__(self, session: Session, pixels: Pixels, labels: Sequence[str], *, crops_centre: bool = False) -> None:
        """
        Args:
            crops_centre: look at the middle square, as ImageNet's models were trained; else the picture is stretched.

        Raises:
            AnalyzerError: the model is none, or has another number of classes than there are labels.
        """
        super().__init__(session, pixels)
        self._crops_centre = crops_centre
        self.labels = tuple(labels)
        known = self.probabilities([np.zeros((8, 8, 3), np.uint8)]).shape[1]
        if known != len(self.labels):
            raise AnalyzerError(
                f"{session.name} knows {known} classes, but its list of names has {len(self.labels)}.", code="model_unknown_layout"
            )

    @classmethod
    def open(cls, path: Path, pixels: Pixels, labels: Sequence[str], *, crops_centre: bool = False) -> "Classifier":
        """Load a weight file. Raises: AnalyzerError."""
        return cls(open_session(path), pixels, labels, crops_centre=crops_centre)

    def classify(self, images: Sequence[Image], most: int = 5) -> list[tuple[Guess, ...]]:
        """The `most` likely classes of each BGR picture, best first.

        Raises:
            AnalyzerError: the model failed.
        """
        if not images:
            return []
        answers = []
        for row in self.probabilities(images):
            best = np.argsort(-row, kind="stable")[:most]
            answers.append(tuple(Guess(self.labels[i], float(row[i])) for i in best))
        return answers

    def probabilities(self, images: Sequence[Image]) -> Floats:
        """`(n, classes)`, each row adding up to 1. What is no number counts as impossible."""
        answer = self._answer([self._cut(image) for image in images], cv2.INTER_AREA)
        return to_probabilities(answer.reshape(len(images), -1))

    def _cut(self, image: Image) -> Image:
        if not self._crops_centre:
            return image
        height, width = image.shape[:2]
        side = max(1, round(min(height, width) * CENTRE_SHARE))
        top, left = (height - side) // 2, (width - side) // 2
        return image[top : top + side, left : left + side]


def to_probabilities(answer: Floats) -> Floats:
    """Rows of logits become probabilities; rows that are probabilities stay as they are."""
    finite = np.where(np.isfinite(answer), answer, -np.inf).astype(np.float32)
    finite[np.isneginf(finite).all(axis=1)] = 0
    is_done = (answer >= 0).all(axis=1) & (np.abs(answer.sum(axis=1) - 1) < 1e-2)
    powers = np.exp(finite - finite.max(axis=1, keepdims=True))
    return np.where(is_done[:, None], answer, powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
