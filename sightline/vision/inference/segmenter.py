"""Models that say of every pixel what it belongs to."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sightline.errors import AnalyzerError
from sightline.media.frame import Image
from sightline.vision.inference.letterbox import Floats, Pixels
from sightline.vision.inference.picture_model import PictureModel
from sightline.vision.inference.session import Session, open_session


class Segmenter(PictureModel):
    """Pictures in, the share of each class per cell of a grid out."""

    def __init__(self, session: Session, pixels: Pixels, classes: int) -> None:
        """
        Args:
            classes: how many the model must tell apart.

        Raises:
            AnalyzerError: the model does not take colour pictures of one size, or does not answer `(n, classes, height, width)`.
        """
        super().__init__(session, pixels)
        answer = session.run_batch(np.zeros((1, 3, self.size_px[1], self.size_px[0]), np.float32))[0].shape
        if len(answer) != 4 or answer[1] != classes:
            raise AnalyzerError(
                f"{session.name} gives {'×'.join(map(str, answer))} and not 1×{classes}×height×width. Fetch it again.",
                code="model_unknown_layout",
            )

    @classmethod
    def open(cls, path: Path, pixels: Pixels, classes: int) -> "Segmenter":
        """Load a weight file. Raises: AnalyzerError."""
        return cls(open_session(path), pixels, classes)

    def shares(self, images: Sequence[Image]) -> Floats:
        """`(n, classes, height, width)` of BGR pictures, on the model's grid; the classes of a cell add up to 1.

        Raises:
            AnalyzerError: the model failed.
        """
        return to_shares(self._answer(images))


def to_shares(answer: Floats) -> Floats:
    """Scores `(n, classes, h, w)` become shares; answers that are shares stay as they are.

    A cell whose scores are no numbers belongs to the first class, the background.
    """
    is_sound = np.isfinite(answer).all(axis=1, keepdims=True)
    sound = np.where(is_sound, answer, 0).astype(np.float32)
    sound[:, :1] += ~is_sound
    if sound.min() >= 0 and np.allclose(sound.sum(axis=1), 1, atol=1e-3):
        return sound
    powers = np.exp(sound - sound.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    first = np.zeros_like(shares)
    first[:, 0] = 1
    return np.where(is_sound, shares, first)  # type: ignore[no-any-return]
