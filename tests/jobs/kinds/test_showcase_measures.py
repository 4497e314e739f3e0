"""Movement of a virtual camera over a real photograph, quality of pictures that were spoilt, and pictures that are alike."""

import cv2
import numpy as np
import pytest

from sightline.errors import AnalyzerError
from sightline.jobs.kinds.showcase.duplicates import is_same, look_of, same_shots
from sightline.jobs.kinds.showcase.means import choose
from sightline.jobs.kinds.showcase.movement import DisFlow, Follower, movement_of
from sightline.jobs.kinds.showcase.quality import Judge
from sightline.jobs.kinds.showcase.raft import RaftFlow
from sightline.jobs.kinds.showcase.taste import Nima
from sightline.media.models import ModelStore

FPS = 25


@pytest.fixture(scope="module")
def photo(asset):
    return cv2.resize(cv2.imread(str(asset("images/houses/47_kitchen.jpg"))), (640, 424))


def moved(photo, way, seconds=2.0):
    """The movement of a camera that shows at each moment `t` what `way(t)` = (x, y, zoom) says, x and y as shares of the width."""
    follower, steps = Follower(DisFlow()), []
    for number in range(round(seconds * FPS)):
        x, y, zoom = way(number / FPS)
        scale = 0.4 * zoom
        middle = (320 + x * 400, 212 + y * 400)
        turn = np.array([[scale, 0, 80 - middle[0] * scale], [0, scale, 45 - middle[1] * scale]], np.float32)
        small = cv2.warpAffine(photo, turn, (160, 90), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
        step = follower.see(small, number / FPS)
        steps += [] if step is None else [step]
    return movement_of(steps)


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        (lambda t: (0.06 * t, 0.0, 1.0), "pan"),
        (lambda t: (-0.06 * t, 0.01 * t, 1.0), "pan"),
        (lambda t: (0.0, 0.05 * t, 1.0), "tilt"),
        (lambda t: (0.0, 0.0, 1.0 + 0.06 * t), "zoom"),
        (lambda t: (0.0, 0.0, 1.0 - 0.06 * t), "zoom"),
        (lambda t: (0.0, 0.0, 1.0), "static"),
        (lambda t: (0.02 * np.sin(17 * t), 0.015 * np.sin(13 * t + 1), 1.0), "shaky"),
        (lambda t: (0.05 * t + 0.02 * np.sin(17 * t), 0.015 * np.sin(13 * t), 1.0), "shaky"),
    ],
    ids=["right", "left", "down", "closer", "away", "tripod", "hand", "walk"],
)
def test_movement(photo, way, kind):
    assert moved(photo, way).kind == kind


def test_speed_is_measured_in_widths_per_second(photo):
    assert moved(photo, lambda t: (0.08 * t, 0.0, 1.0)).speed == pytest.approx(0.08, rel=0.15)


def test_shaking_makes_a_shot_less_smooth(photo):
    steady = moved(photo, lambda t: (0.05 * t, 0.0, 1.0)).smoothness
    light = moved(photo, lambda t: (0.05 * t + 0.005 * np.sin(17 * t), 0.0, 1.0)).smoothness
    strong = moved(photo, lambda t: (0.05 * t + 0.03 * np.sin(17 * t), 0.0, 1.0)).smoothness
    assert steady > 0.85 > light > strong and strong < 0.2


def test_no_steps_and_tiny_pictures():
    assert movement_of([]).kind == "static"
    follower = Follower(DisFlow())
    dot = np.zeros((1, 1, 3), np.uint8)
    assert [follower.see(dot, t / 10) for t in range(3)] == [None, None, None]


@pytest.mark.parametrize("with_brisque", [True, False])
def test_spoilt_pictures_are_worse(asset, tmp_path, photo, with_brisque):
    judge = Judge(ModelStore(tmp_path, asset("weights") if with_brisque else None))
    good = judge.judge(photo)
    for spoilt in (cv2.GaussianBlur(photo, (0, 0), 6), (photo * 0.12).astype(np.uint8), cv2.convertScaleAbs(photo, beta=140)):
        assert judge.judge(spoilt).technical < good.technical - 0.15
    assert judge.judge(cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)).aesthetic < good.aesthetic
    assert (good.natural is not None) == with_brisque


def test_quality_of_odd_pictures(asset, tmp_path):
    judge = Judge(ModelStore(tmp_path, asset("weights")))
    for shape in ((1, 1, 3), (3, 300, 3), (48, 64, 3)):
        for level in (0, 128, 255):
            quality = judge.judge(np.full(shape, level, np.uint8))
            assert 0 <= quality.technical <= 1 and 0 <= quality.aesthetic <= 1
            assert quality.sharpness == 0


def test_alike(photo):
    look = look_of(photo)
    for change in (
        photo[8:-8, 12:-12], cv2.convertScaleAbs(photo, alpha=1.0, beta=6), cv2.GaussianBlur(photo, (0, 0), 2),
        cv2.imdecode(cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR),
    ):  # fmt: skip
        assert is_same(look, look_of(change))


def test_rooms_of_one_house_are_not_alike(asset):
    looks = [look_of(cv2.imread(str(path))) for path in sorted(asset("images/houses").glob("*.jpg"))]
    assert len(looks) == 24
    assert not any(is_same(one, other) for n, one in enumerate(looks) for other in looks[:n])


def test_nima_marks_what_pleases_when_it_is_there(tmp_path, photo):
    """A model of the same shape that gives bright pictures the best mark, and dark ones the worst."""
    onnx = pytest.importorskip("onnx")
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    marks = np.zeros((3, 10), np.float32)
    marks[:, 9], marks[:, 0] = 20, -20
    nodes = [
        make.make_node("GlobalAveragePool", ["picture"], ["mean"]), make.make_node("Flatten", ["mean"], ["flat"]),
        make.make_node("MatMul", ["flat", "marks"], ["sums"]), make.make_node("Softmax", ["sums"], ["answer"]),
    ]  # fmt: skip
    graph = make.make_graph(
        nodes, "nima", [make.make_tensor_value_info("picture", kind, [1, 3, 224, 224])],
        [make.make_tensor_value_info("answer", kind, [1, 10])], [onnx.numpy_helper.from_array(marks, "marks")],
    )  # fmt: skip
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 13)], ir_version=8), tmp_path / "nima_aesthetic.onnx")
    judge = Judge(ModelStore(tmp_path), Nima(tmp_path / "nima_aesthetic.onnx"))
    bright, dark = (judge.judge(np.full_like(photo, level)) for level in (230, 20))
    assert (bright.taste, dark.taste) == (1.0, 0.0)
    assert choose("aesthetic", "auto", ModelStore(tmp_path)).name == "nima"


def test_raft_is_read_as_its_model_answers(tmp_path, photo):
    """A model of the same shape for which everything moves 4.8 px to the right and 3.6 px down."""
    onnx = pytest.importorskip("onnx")
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    shift = np.array([4.8, 3.6], np.float32).reshape(1, 2, 1, 1)
    values = {
        "none": np.zeros((1, 3, 1, 1), np.float32), "shift": shift, "low": np.zeros((1, 2, 45, 60), np.float32),
        "high": np.zeros((1, 2, 360, 480), np.float32),
    }  # fmt: skip
    nodes = [
        make.make_node("Sub", ["0", "1"], ["difference"]), make.make_node("Mul", ["difference", "none"], ["nothing"]),
        make.make_node("ReduceMean", ["nothing"], ["zero"], keepdims=1), make.make_node("Add", ["zero", "shift"], ["move"]),
        make.make_node("Add", ["low", "move"], ["small"]), make.make_node("Add", ["high", "move"], ["flow"]),
    ]  # fmt: skip
    graph = make.make_graph(
        nodes, "raft", [make.make_tensor_value_info(name, kind, [1, 3, 360, 480]) for name in ("0", "1")],
        [make.make_tensor_value_info("small", kind, [1, 2, 45, 60]), make.make_tensor_value_info("flow", kind, [1, 2, 360, 480])],
        [onnx.numpy_helper.from_array(value, name) for name, value in values.items()],
    )  # fmt: skip
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 13)], ir_version=8), tmp_path / "raft.onnx")
    follower = Follower(RaftFlow(tmp_path / "raft.onnx"))
    wide = photo[:180, :320]
    steps = [follower.see(wide, t / 10) for t in range(3)]
    assert steps[0] is None and steps[2].right == pytest.approx(0.1, rel=1e-3)
    assert steps[2].down == pytest.approx(10 * 3.6 / 360 * 180 / 320, rel=1e-3) and abs(steps[2].zoom) < 1e-3
    assert follower.see(wide[:4, :4], 9.0) is follower.see(wide[:4, :4], 9.5) is None


def test_another_model_is_not_taken_for_raft(asset):
    with pytest.raises(AnalyzerError, match="two colour pictures"):
        RaftFlow(asset("weights/yolox_nano.onnx"))


def test_who_is_the_same_as_one_before(photo):
    look, other = look_of(photo), look_of(np.rot90(photo))
    shots = [("kitchen", look), ("bedroom", look), ("kitchen", other), ("kitchen", look)]
    assert same_shots(shots) == [(), (), (), (0,)]


def test_lpips_decides_among_the_shots_of_a_room_that_are_not_quite_unlike(photo):
    look = look_of(photo)
    aside = look_of(cv2.convertScaleAbs(np.roll(photo, 40, axis=1), beta=25))
    unlike = look_of(255 - photo)
    assert not is_same(look, aside)
    asked = []

    def difference(one: int, other: int) -> float:
        asked.append((one, other))
        return 0.1 if one == 1 else 0.9

    shots = [("kitchen", look), ("kitchen", aside), ("kitchen", unlike), ("bedroom", look), ("kitchen", look)]
    assert same_shots(shots, difference) == [(), (0,), (), (), ()]
    assert (1, 0) in asked and not {(2, 0), (3, 0), (2, 1)} & set(asked)
