"""What the models that look at whole pictures of one size have in common: a session, and how pixels go in."""

from collections.abc import Sequence

import cv2

from sightline.media.frame import Image
from sightline.vision.inference.backend import Array
from sightline.vision.inference.letterbox import Pixels
from sightline.vision.inference.session import Session


class PictureModel:
    """A model over one session; the base of embedders, classifiers and segmenters."""

    def __init__(self, session: Session, pixels: Pixels) -> None:
        """
        Raises:
            AnalyzerError: the model does not take colour pictures of one size.
        """
        self._session = session
        self._pixels = pixels
        self.size_px = session.picture_size_px
        """Width, height of what the model sees."""

    @property
    def name(self) -> str:
        return self._session.name

    @property
    def provider(self) -> str:
        return self._session.provider

    def _answer(self, images: Sequence[Image], interpolation: int = cv2.INTER_LINEAR) -> Array:
        """The model's first output for BGR pictures, stretched to what it sees. Raises: AnalyzerError: the model failed."""
        sized = [cv2.resize(image, self.size_px, interpolation=interpolation) for image in images]
        return self._session.run_batch(self._pixels.tensor(sized))[0]  # type: ignore[arg-type]
