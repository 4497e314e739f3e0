"""Dense flow by RAFT (Teed and Deng 2020), as the OpenCV model zoo has it: two RGB pictures of 480×360 in, flow in pixels out."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.errors import AnalyzerError
from sightline.jobs.kinds.showcase.movement import LEAST_SIDE_PX, WIDTH_PX
from sightline.media.frame import Image
from sightline.vision.inference import open_session

Floats = NDArray[np.float32]
Prepared = tuple[Floats, tuple[int, int]]
"""The picture as the model takes it, and width and height that its flow is given in."""


class RaftFlow:
    """The model, ready to look."""

    def __init__(self, path: Path) -> None:
        """Raises: AnalyzerError: the file is damaged, or does not take two colour pictures of one size."""
        self._session = open_session(path)
        shapes = {spec.shape[1:] for spec in self._session.inputs}
        shape = next(iter(shapes))
        if len(self._session.inputs) != 2 or len(shapes) != 1 or len(shape) != 3 or shape[0] != 3 or None in shape:
            raise AnalyzerError(f"{path.name} does not take two colour pictures of one size.", code="model_unknown_layout")
        self._height, self._width = int(shape[1] or 0), int(shape[2] or 0)

    def prepare(self, small: Image) -> Prepared | None:
        height, width = small.shape[:2]
        if min(height, width) < LEAST_SIDE_PX:
            return None
        sized = cv2.resize(small, (self._width, self._height), interpolation=cv2.INTER_AREA)
        tensor = np.ascontiguousarray(sized[..., ::-1].transpose(2, 0, 1), dtype=np.float32)[None]
        return tensor, (WIDTH_PX, max(1, round(height * WIDTH_PX / width)))

    def between(self, before: Prepared, after: Prepared) -> Floats:
        first, second = (spec.name for spec in self._session.inputs)
        answers = self._session.run({first: before[0], second: after[0]})
        # The other answer is the same at an eighth of the size.
        flow = max(answers, key=lambda answer: answer.size)[0].transpose(1, 2, 0)
        width, height = before[1]
        small: Floats = cv2.resize(flow, before[1], interpolation=cv2.INTER_AREA).astype(np.float32)
        # The model sees pictures of any shape stretched to its own.
        return small * np.array((1 / self._width, height / width / self._height), np.float32)
