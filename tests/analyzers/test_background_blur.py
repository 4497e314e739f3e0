"""The background filter keeps people and changes the rest; without a mask everything is background."""

from typing import Any

import numpy as np
import pytest

import analyzers
from analyzers.background_blur import BackgroundBlur, BackgroundParams
from sightline.media.findings import Findings, Mask
from sightline.media.frame import Image
from sightline.media.stage import Moment, stage

SECOND_NS = 1_000_000_000
INSIDE = (slice(120, 240), slice(260, 380))
OUTSIDE = (slice(0, 60), slice(0, 640))


def moment(pts_ns: int = 0, *, value: int = 255, size_px: tuple[int, int] = (640, 360), seen_ns: int | None = None) -> Moment:
    """A person in the middle third of the picture."""
    values = np.zeros((36, 64), np.uint8)
    values[9:27, 22:42] = value
    seen = pts_ns if seen_ns is None else seen_ns
    found = Findings("person_segmentation", "yard", 1, seen, seen, size_px, mask=Mask("person", values))
    return Moment("yard", "Yard", 1, pts_ns, 0.0, {"person_segmentation": found})


def shown(scene: Image, when: Moment, **params: Any) -> Image:
    return BackgroundBlur(BackgroundParams(**params)).apply(scene, when)


@pytest.mark.parametrize("show", ["blurred", "grey", "colour"])
def test_the_person_stays_and_the_rest_changes(scene: Image, show: str) -> None:
    result = shown(scene, moment(), show=show)
    assert np.abs(result[INSIDE].astype(int) - scene[INSIDE]).max() <= 1
    assert not np.array_equal(result[OUTSIDE], scene[OUTSIDE])


def test_each_kind_of_background(scene: Image) -> None:
    assert shown(scene, moment(), show="blurred")[OUTSIDE].std() < 0.5 * scene[OUTSIDE].std()
    grey = shown(scene, moment(), show="grey")[OUTSIDE]
    assert np.array_equal(grey[..., 0], grey[..., 2])
    assert (shown(scene, moment(), show="colour", colour="white")[OUTSIDE] == 255).all()


def test_a_stronger_blur_leaves_less(scene: Image) -> None:
    left = [shown(scene, moment(), strength=strength)[OUTSIDE].std() for strength in (1, 20, 60, 100)]
    assert left == sorted(left, reverse=True)


def test_the_edge_is_soft(scene: Image) -> None:
    white = np.full_like(scene, 255)
    row = shown(white, moment(), show="colour", colour="black", feather=2.0)[180, :, 0].astype(int)
    assert (np.abs(np.diff(row)) < 60).all()
    assert row[320] == 255
    assert row[100] == 0


@pytest.mark.parametrize(
    "unknown",
    [
        Moment("yard", "Yard", 1, 5 * SECOND_NS, 0.0),
        moment(5 * SECOND_NS, seen_ns=4 * SECOND_NS),
        moment(5 * SECOND_NS, size_px=(320, 180)),
        moment(5 * SECOND_NS, value=0),
    ],
    ids=["no mask", "an old mask", "a mask of another size", "nobody there"],
)
def test_without_anybody_known_everything_is_background(scene: Image, unknown: Moment) -> None:
    assert (shown(scene, unknown, show="colour", colour="black") == 0).all()


def test_it_fails_closed() -> None:
    analyzers.load(entry_points=False)
    assert stage("background_blur").hides
    assert stage("privacy_blur").hides
