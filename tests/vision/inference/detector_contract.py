"""What every detector must keep to, whichever runtime it runs on. Each runtime's suite derives from `DetectorContract`."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from sightline.media.findings import iou
from sightline.media.frame import Image
from sightline.vision.inference import Detector

Asset = Callable[[str], Path]


class DetectorContract:
    """Derive from it and give `detector`."""

    most_people = 4
    least_people = 4

    @pytest.fixture
    def detector(self) -> Detector:
        raise NotImplementedError

    @pytest.fixture
    def bus(self, asset: Asset) -> Image:
        return cv2.imread(str(asset("images/bus.jpg")))  # type: ignore[return-value]

    def test_the_people_and_the_bus(self, detector: Detector, bus: Image) -> None:
        found = [d.label for d in detector.detect(bus, 0.25, 0.5)]
        assert found.count("bus") == 1
        assert self.least_people <= found.count("person") <= self.most_people

    def test_the_best_comes_first(self, detector: Detector, bus: Image) -> None:
        scores = [d.score for d in detector.detect(bus, 0.1)]
        assert scores == sorted(scores, reverse=True)
        assert all(0.1 <= score <= 1 for score in scores)

    @pytest.mark.parametrize("size", [(1, 1), (31, 7), (7, 310), (1920, 300)])
    def test_boxes_lie_in_a_picture_of_any_size(self, detector: Detector, bus: Image, size: tuple[int, int]) -> None:
        for d in detector.detect(cv2.resize(bus, size), 0.05):  # type: ignore[arg-type]
            assert 0 <= d.box[0] < d.box[2] <= size[0]
            assert 0 <= d.box[1] < d.box[3] <= size[1]

    def test_several_pictures_together_give_what_each_gives_alone(self, detector: Detector, bus: Image) -> None:
        other = np.ascontiguousarray(bus[200:900, 100:700])
        together = detector.detect_many([bus, other, bus], 0.3)
        alone = [detector.detect(image, 0.3) for image in (bus, other, bus)]
        for batch, single in zip(together, alone, strict=True):
            assert [d.label for d in batch] == [d.label for d in single]
            assert all(iou(a.box, b.box) > 0.99 for a, b in zip(batch, single, strict=True))
        assert detector.detect_many([], 0.3) == []

    def test_an_empty_picture_shows_nobody(self, detector: Detector) -> None:
        assert detector.detect(np.full((480, 640, 3), 114, np.uint8), 0.25) == []

    def test_it_tells_what_runs_it(self, detector: Detector) -> None:
        assert detector.name
        assert detector.provider
        assert detector.labels[0] == "person"
