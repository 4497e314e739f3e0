"""Rooms of real photographs (of houses that are not in the slideshow), and what decides where things contradict each other."""

import cv2
import numpy as np
import pytest

from sightline.jobs.kinds.showcase.params import UNKNOWN
from sightline.jobs.kinds.showcase.rooms import PLACES, RoomFinder, by_sight, decide, lawn_share, sky_share
from sightline.media.findings import Detection
from sightline.media.models import ModelStore
from sightline.vision.scene import read_places365

GREY = np.full((90, 160, 3), 128, np.uint8)


def seen(label: str, score: float) -> Detection:
    return Detection(label, score, (0.0, 0.0, 10.0, 10.0))


def room_of(*found: Detection) -> str:
    return decide([by_sight(GREY, found)], "objects and colours", 0.3).room


def test_things_of_one_room_decide():
    assert room_of(seen("bed", 0.6), seen("couch", 0.7)) == "bedroom"
    assert room_of(seen("refrigerator", 0.8), seen("dining table", 0.8), seen("chair", 0.9)) == "kitchen"
    assert room_of(seen("toilet", 0.5), seen("sink", 0.9)) == "bathroom"
    assert room_of(seen("couch", 0.8), seen("tv", 0.6)) == "living"
    assert room_of(seen("sink", 0.5), seen("sink", 0.5)) == "bathroom"


def test_too_little_or_too_even_is_unknown():
    assert room_of() == UNKNOWN
    assert room_of(seen("refrigerator", 0.3)) == UNKNOWN
    assert room_of(seen("bed", 0.6), seen("toilet", 0.62)) == UNKNOWN


def test_what_is_no_room_is_unknown():
    looks = [{"kitchen": 0.3, "close-up": 0.6, "bedroom": 0.1}, {"kitchen": 0.2, "close-up": 0.7, "bedroom": 0.1}]
    guess = decide(looks, "CLIP", 0.2)
    assert guess.room == UNKNOWN and guess.rooms.keys() == {"kitchen", "bedroom"}
    assert decide([{"kitchen": 0.8, "close-up": 0.2}], "CLIP", 0.2).room == "kitchen"


def test_what_is_in_view_half_of_the_time_counts_fully():
    looks = [by_sight(GREY, [seen("bed", 0.8)]), by_sight(GREY, [seen("bed", 0.8)]), {}, {}]
    assert decide(looks, "objects and colours", 0.3).score == pytest.approx(0.8)
    assert decide([], "objects and colours", 0.3).room == UNKNOWN


@pytest.mark.parametrize("house", [20, 33, 47])
def test_sky_tells_the_outside(asset, house):
    outside = cv2.imread(str(asset(f"images/houses/{house}_frontal.jpg")))
    assert sky_share(outside) > 0.5
    for room in ("bathroom", "bedroom", "kitchen"):
        assert sky_share(cv2.imread(str(asset(f"images/houses/{house}_{room}.jpg")))) < 0.2


def test_cold_walls_are_no_sky(asset):
    for clip in ("indoor_person_one_by_one", "intel_face-demographics-walking", "intel_classroom"):
        capture = cv2.VideoCapture(str(asset(f"video/{clip}.mp4")))
        picture = capture.read()[1]
        capture.release()
        assert sky_share(picture) < 0.3, clip


def test_a_lawn_is_green_and_rough(asset):
    assert lawn_share(cv2.imread(str(asset("images/houses/47_frontal.jpg")))) > 0.5
    green_wall = np.full((90, 160, 3), (60, 140, 70), np.uint8)
    assert lawn_share(green_wall) == 0.0


def test_no_picture_is_too_odd():
    for picture in (
        np.zeros((1, 1, 3), np.uint8),
        np.full((2, 300, 3), 255, np.uint8),
        np.full((90, 160, 3), (255, 0, 0), np.uint8),
    ):
        assert 0 <= sky_share(picture) <= 1 and 0 <= lawn_share(picture) <= 1


def test_names_of_places_are_those_of_places365(asset):
    names, _ = read_places365(asset("weights/categories_places365.txt"), None)
    assert not {name for listed in PLACES.values() for name in listed} - set(names)


def test_places365_is_taken_when_it_is_there(asset, tmp_path):
    """A model of the same shape that always says "kitchen"."""
    onnx = pytest.importorskip("onnx")
    names, _ = read_places365(asset("weights/categories_places365.txt"), None)
    (tmp_path / "categories_places365.txt").write_bytes(asset("weights/categories_places365.txt").read_bytes())
    logits = np.zeros((1, 365), np.float32)
    logits[0, names.index("kitchen")] = 9.0
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        make.make_node("GlobalAveragePool", ["picture"], ["mean"]), make.make_node("Flatten", ["mean"], ["flat"]),
        make.make_node("MatMul", ["flat", "nothing"], ["none"]), make.make_node("Add", ["none", "said"], ["answer"]),
    ]  # fmt: skip
    constants = [
        onnx.numpy_helper.from_array(np.zeros((3, 365), np.float32), "nothing"), onnx.numpy_helper.from_array(logits, "said"),
    ]  # fmt: skip
    graph = make.make_graph(
        nodes, "places", [make.make_tensor_value_info("picture", kind, [1, 3, 224, 224])],
        [make.make_tensor_value_info("answer", kind, [1, 365])], constants,
    )  # fmt: skip
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 13)], ir_version=8), tmp_path / "places365.onnx")
    guess = RoomFinder.of_places365(ModelStore(tmp_path)).find([GREY], [[seen("bed", 0.9)]])
    assert (guess.room, guess.source) == ("kitchen", "places") and guess.score > 0.9
