"""Models that turn a picture of one thing (a face, a person) into a vector: the same thing gives nearby vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sightline.media.frame import Image
from sightline.vision.inference.letterbox import Floats, Pixels
from sightline.vision.inference.picture_model import PictureModel
from sightline.vision.inference.session import Session, open_session


class Embedder(PictureModel):
    """Crops in, vectors of length 1 out."""

    def __init__(self, session: Session, pixels: Pixels) -> None:
        """
        Raises:
            AnalyzerError: the model does not take colour pictures of one size, or gives no vectors.
        """
        super().__init__(session, pixels)
        self.length = self.embed([np.zeros((8, 8, 3), np.uint8)]).shape[1]
        """Numbers of one vector."""

    @classmethod
    def open(cls, path: Path, pixels: Pixels, threads: int | None = None) -> "Embedder":
        """Load a weight file. Raises: AnalyzerError."""
        return cls(open_session(path, threads), pixels)

    def embed(self, crops: Sequence[Image]) -> Floats:
        """Vectors `(n, length)`, each of length 1, of `n` BGR crops of any size. A vector that is no number becomes zeros.

        Raises:
            AnalyzerError: the model failed.
        """
        if not crops:
            return np.zeros((0, self.length), np.float32)
        answer = self._answer(crops)
        vectors = answer.reshape(len(crops), -1).astype(np.float32)
        vectors[~np.isfinite(vectors).all(axis=1)] = 0
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)  # type: ignore[no-any-return]
