"""Faults made of real footage by transforming its pictures, and no false alarm on what is well."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import analyzers
from analyzers.camera_health import Persistence
from sightline.media.findings import Findings, Happening
from sightline.media.frame import BgrPicture, Frame, Image, shrink_to_width
from sightline.media.models import ModelStore
from sightline.media.stage import Resources, make_params, stage
from tests.analyzers.conftest import as_frame

analyzers.load(entry_points=False)
Clip = Callable[..., Iterable[Frame]]
Change = Callable[[Image], Image]

STATIC = {
    "surveillance_people_69f.mp4": 5, "street_people_720p.mp4": 15, "motorway_cars_720p.mp4": 15, "indoor_person_one_by_one.mp4": 5,
    "intel_classroom.mp4": 8, "intel_face-demographics-walking.mp4": 6, "intel_store-aisle-detection.mp4": 8,
    "intel_person-bicycle-car-detection.mp4": 6, "intel_worker-zone-detection.mp4": 8, "face_closeup.mp4": 15,
}  # fmt: skip
"""Clips of cameras that stand still, and every how many frames makes about two looks a second."""
WELL_S, FAULTY_S = 8, 12


def made(**params: Any) -> Any:
    info = stage("camera_health")
    return info.factory(make_params(info, params), Resources(ModelStore(Path("none"))))


def warped(matrix: Any) -> Change:
    return lambda image: cv2.warpAffine(image, np.float32(matrix), image.shape[1::-1], borderMode=cv2.BORDER_REFLECT)


def turned(degrees: float, zoom: float = 1.0) -> Change:
    return lambda image: warped(cv2.getRotationMatrix2D((image.shape[1] / 2, image.shape[0] / 2), degrees, zoom))(image)


def noisy(level: float) -> Change:
    random = np.random.default_rng(3)
    return lambda image: np.clip(random.normal(level, 2.0, image.shape), 0, 255).astype(np.uint8)


def infrared_glare(image: Image) -> Image:
    """Grey, a white spot over most of the picture, dark corners."""
    height, width = image.shape[:2]
    y, x = np.ogrid[:height, :width]
    distance = np.hypot((x - width / 2) / width, (y - height / 2) / height)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) * 0.1 + np.clip(1.4 - 2.2 * distance, 0, 1) * 500
    return cv2.merge([np.clip(grey, 0, 255).astype(np.uint8)] * 3)


@pytest.fixture(scope="module")
def pictures(clip: Clip) -> dict[str, list[Image]]:
    """Two small pictures a second of each static clip."""
    return {name: [shrink_to_width(frame.image, 480) for frame in clip(name, every=every)] for name, every in STATIC.items()}


def endless(images: list[Image], seed: int = 5) -> Iterator[Image]:
    """A clip there and back again, with the noise of a sensor, so that it lasts as long as wanted without a cut."""
    random = np.random.default_rng(seed)
    there_and_back = images + images[-2:0:-1]
    while True:
        for image in there_and_back:
            noise = random.integers(-2, 3, image.shape[:2], np.int8)[:, :, None]
            yield np.clip(image.astype(np.int16) + noise, 0, 255).astype(np.uint8)


def watch(health: Any, images: Iterable[Image], first: int = 0) -> list[Findings]:
    return [health.analyze([as_frame(image, first + number, fps=2.0)])[0] for number, image in enumerate(images)]


def happenings(found: Iterable[Findings]) -> list[Happening]:
    return [happening for findings in found for happening in findings.happenings]


def well_then(change: Change, images: list[Image], **params: Any) -> tuple[list[Happening], list[Findings]]:
    """What a camera tells that is well, then changed, then well again; and its findings at the end of each part."""
    source = endless(images)
    health = made(**params)
    parts = [
        watch(health, islice(source, 2 * WELL_S)),
        watch(health, map(change, islice(source, 2 * FAULTY_S)), 2 * WELL_S),
        watch(health, islice(source, 2 * WELL_S), 2 * (WELL_S + FAULTY_S)),
    ]
    return happenings(chain.from_iterable(parts)), [part[-1] for part in parts]


@pytest.mark.parametrize("name", STATIC)
def test_a_camera_that_stands_still_is_healthy(pictures: dict[str, list[Image]], name: str) -> None:
    found = watch(made(hold_s=2.0), islice(endless(pictures[name]), 80))
    assert happenings(found) == []
    assert found[-1].measures["state"] == "healthy"


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("camera.black", noisy(14)),
        ("camera.covered", noisy(90)),
        ("camera.dark", lambda image: (image * 0.12 + 12).astype(np.uint8)),
        ("camera.overexposed", lambda image: np.clip(image * 1.5 + 180.0, 0, 255).astype(np.uint8)),
        ("camera.overexposed", infrared_glare),
        ("camera.defocused", lambda image: cv2.GaussianBlur(image, (0, 0), image.shape[1] / 130)),
        ("camera.moved", warped([[1, 0, 24], [0, 1, 0]])),
        ("camera.moved", turned(6)),
        ("camera.moved", turned(0, 1.25)),
        ("camera.moved", lambda image: image[::-1, ::-1].copy()),
    ],
    ids=["black", "covered", "dark", "too bright", "infrared", "defocused", "shifted", "turned", "zoomed", "upside down"],
)
@pytest.mark.parametrize("name", ["street_people_720p.mp4", "surveillance_people_69f.mp4"])
def test_a_fault_is_told_once_and_so_is_its_end(pictures: dict[str, list[Image]], name: str, kind: str, change: Change) -> None:
    told, (before, during, after) = well_then(change, pictures[name][:40])
    assert [happening.kind for happening in told] == [kind, "camera.healthy"]
    assert [f.measures["state"] for f in (before, during, after)] == ["healthy", kind.removeprefix("camera."), "healthy"]


def test_the_way_it_was_moved_is_told(pictures: dict[str, list[Image]]) -> None:
    told, _ = well_then(warped([[1, 0, 48], [0, 1, 0]]), pictures["street_people_720p.mp4"])
    assert told[0].facts["right"] == pytest.approx(0.1, abs=0.02)
    assert abs(float(told[0].facts["down"])) < 0.02
    assert "10% to the right" in told[0].message
    told, _ = well_then(turned(6), pictures["street_people_720p.mp4"])
    assert abs(float(told[0].facts["degrees"])) == pytest.approx(6, abs=1)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: (image * 0.6).astype(np.uint8),
        lambda image: np.clip(image * 0.6 + 80.0, 0, 255).astype(np.uint8),
        lambda image: cv2.merge([cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)] * 3),
        warped([[1, 0, 1], [0, 1, 1]]),
    ],
    ids=["evening", "haze", "infrared night", "wind"],
)
def test_what_is_no_fault_is_not_told(pictures: dict[str, list[Image]], change: Change) -> None:
    told, _ = well_then(change, pictures["street_people_720p.mp4"], hold_s=2.0)
    assert told == []


def test_a_fault_shorter_than_the_hold_is_not_told(pictures: dict[str, list[Image]]) -> None:
    told, _ = well_then(noisy(14), pictures["surveillance_people_69f.mp4"], hold_s=FAULTY_S + 2.0)
    assert told == []


def test_light_can_be_left_out(pictures: dict[str, list[Image]]) -> None:
    told, _ = well_then(
        lambda image: np.clip(image * 0.3 + 190.0, 0, 255).astype(np.uint8),
        pictures["surveillance_people_69f.mp4"],
        exposure=False,
    )
    assert told == []


def test_a_frozen_picture_is_noticed(pictures: dict[str, list[Image]]) -> None:
    images = pictures["surveillance_people_69f.mp4"]
    source = endless(images)
    health = made(hold_s=2.0)
    well = watch(health, islice(source, 16))
    still = watch(health, [images[0]] * 40, 16)
    again = watch(health, islice(source, 16), 56)
    assert [happening.kind for happening in happenings(well + still + again)] == ["camera.frozen", "camera.healthy"]


def test_a_new_view_is_learned_after_its_time(pictures: dict[str, list[Image]]) -> None:
    source = endless(pictures["surveillance_people_69f.mp4"])
    health = made(relearn_min=1.0)
    shift = warped([[1, 0, 70], [0, 1, 0]])
    found = watch(health, islice(source, 20)) + watch(health, map(shift, islice(source, 180)), 20)
    told = happenings(found)
    assert [happening.kind for happening in told] == ["camera.moved", "camera.healthy"]
    assert "new view" in told[1].message
    moved = next(number for number, findings in enumerate(found) if findings.happenings)
    settled = next(number for number, findings in enumerate(found) if number > moved and findings.happenings)
    assert settled - moved == pytest.approx(120, abs=4)
    # The old view is now the one that is strange.
    assert [h.kind for h in happenings(watch(health, islice(source, 20), 200))] == ["camera.moved"]


def test_a_camera_that_moves_by_itself_learns_no_view(pictures: dict[str, list[Image]]) -> None:
    images = [
        warped([[1, 0, 25 * number], [0, 1, 0]])(image)
        for number, image in enumerate(islice(endless(pictures["street_people_720p.mp4"]), 25))
    ]
    found = watch(made(hold_s=1.0), images)
    assert happenings(found) == []
    assert found[-1].measures["state"] == "learning"


def test_another_resolution_is_another_camera(pictures: dict[str, list[Image]]) -> None:
    images = pictures["surveillance_people_69f.mp4"]
    health = made(hold_s=1.0)
    found = watch(health, islice(endless(images), 20)) + watch(health, islice(endless(pictures["motorway_cars_720p.mp4"]), 20), 20)
    assert happenings(found) == []
    assert found[-1].measures["state"] == "healthy"


def test_other_parameters_keep_the_learned_view(pictures: dict[str, list[Image]]) -> None:
    source = endless(pictures["street_people_720p.mp4"])
    first, second = made(), made(hold_s=2.0)
    watch(first, islice(source, 20))
    second.adopt(first)
    found = watch(second, map(turned(6), islice(source, 10)), 20)
    assert [happening.kind for happening in happenings(found)] == ["camera.moved"]


def test_a_gap_in_time_completes_no_hold(pictures: dict[str, list[Image]]) -> None:
    images = pictures["surveillance_people_69f.mp4"]
    health = made(hold_s=5.0)
    watch(health, islice(endless(images), 20))
    black = np.zeros_like(images[0])
    late = replace(as_frame(black, 0), pts_ns=500_000_000_000, picture=BgrPicture(black))
    assert happenings([health.analyze([as_frame(black, 20, fps=2.0)])[0], health.analyze([late])[0]]) == []


def test_a_state_changes_only_when_another_has_lasted() -> None:
    persistence = Persistence(2.0, "healthy")
    seen = [
        ("black", 0),
        ("healthy", 1),
        ("black", 2),
        ("black", 3),
        ("black", 4),
        ("moved", 5),
        ("black", 6),
        ("healthy", 7),
        ("healthy", 9),
    ]
    changes = [(state, t) for state, t in seen if persistence.see(state, round(t * 1e9))]
    assert changes == [("black", 4), ("healthy", 9)]
