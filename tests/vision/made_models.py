"""Small ONNX models with the inputs and outputs of real ones, whose answers follow from the picture in a way a test can foresee."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sightline.vision.plates import PRIOR_SIDES_PX, SIDE_PX, STEPS_PX, VARIANCE
from sightline.vision.text import LETTERS

OPSET, IR = 17, 8


def save(path: Path, nodes: list, inputs: dict, outputs: dict, constants: dict[str, np.ndarray]) -> Path:
    def described(shapes: dict) -> list:
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]

    graph = helper.make_graph(
        nodes, path.stem, described(inputs), described(outputs), [numpy_helper.from_array(v, n) for n, v in constants.items()]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def constant_model(path: Path, input_shape: list, answers: dict[str, np.ndarray]) -> Path:
    """Says the same whatever it sees."""
    nodes = [helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0), helper.make_node("Mul", ["mean", "zero"], ["nothing"])]
    nodes += [helper.make_node("Add", [f"{name}_says", "nothing"], [name]) for name in answers]
    constants = {f"{name}_says": answer.astype(np.float32) for name, answer in answers.items()} | {
        "zero": np.float32(0).reshape(())
    }
    return save(path, nodes, {"x": input_shape}, {name: list(answer.shape) for name, answer in answers.items()}, constants)


def dark_is_text(path: Path) -> Path:
    """A finder of text for which black is text and white is not; what lies between is in between."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["grey", "slope"], ["tilted"]),
        helper.make_node("Add", ["tilted", "half"], ["moved"]),
        helper.make_node("Clip", ["moved", "low", "high"], ["probability"]),
    ]
    numbers = {"slope": -0.25, "half": 0.5, "low": 0.0, "high": 1.0}
    constants = {name: np.float32(value).reshape(()) for name, value in numbers.items()}
    return save(path, nodes, {"x": [1, 3, "h", "w"]}, {"probability": [1, 1, "h", "w"]}, constants)


LEVELS = np.linspace(-1, 1, len(LETTERS) + 1, dtype=np.float32)
"""Brightness, -1..1, that stands for no letter and for each of the letters."""


def grey_is_letter(path: Path) -> Path:
    """A reader for which each brightness is a letter; it looks at 25 columns of 4 px."""
    nodes = [
        helper.make_node("AveragePool", ["x"], ["columns"], kernel_shape=[16, 2], strides=[32, 4], pads=[0, 0, 0, 0]),
        helper.make_node("Reshape", ["columns", "shape"], ["values"]),
        helper.make_node("Sub", ["values", "levels"], ["off"]),
        helper.make_node("Mul", ["off", "off"], ["squared"]),
        helper.make_node("Mul", ["squared", "sharpness"], ["scores"]),
    ]
    constants = {
        "shape": np.array([25, 1, 1], np.int64), "levels": LEVELS.reshape(1, 1, -1),
        "sharpness": np.float32(-5_000).reshape(()),
    }  # fmt: skip
    return save(path, nodes, {"x": [1, 1, 32, 100]}, {"scores": [25, 1, len(LETTERS) + 1]}, constants)


def bright_is_plate(path: Path, half_px: tuple[float, float] = (20.0, 8.0)) -> Path:
    """A finder of plates that sees one of 40×16 px around each white cell of 8×8 px."""
    columns, rows = SIDE_PX[0] // STEPS_PX[0], SIDE_PX[1] // STEPS_PX[0]
    cells, sizes = columns * rows, len(PRIOR_SIDES_PX[0])
    rest = sum((SIDE_PX[0] // s) * (SIDE_PX[1] // s) * len(p) for s, p in zip(STEPS_PX[1:], PRIOR_SIDES_PX[1:], strict=True))
    unit = VARIANCE * PRIOR_SIDES_PX[0][0]
    loc = np.zeros((cells * sizes + rest, 14), np.float32)
    signs = {4: (-1, -1), 6: (1, -1), 10: (1, 1), 12: (-1, 1)}
    for column, (sx, sy) in signs.items():
        loc[:, column], loc[:, column + 1] = sx * half_px[0] / unit, sy * half_px[1] / unit
    step = STEPS_PX[0]
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("AveragePool", ["grey"], ["bright"], kernel_shape=[step, step], strides=[step, step]),
        helper.make_node("Div", ["bright", "white"], ["share"]),
        helper.make_node("Reshape", ["share", "by_cell"], ["cells"]),
        helper.make_node("Concat", ["cells", "other_sizes"], ["sizes"], axis=1),
        helper.make_node("Reshape", ["sizes", "by_prior"], ["fine"]),
        helper.make_node("Concat", ["fine", "other_grids"], ["plate"], axis=0),
        helper.make_node("Sub", ["one", "plate"], ["no_plate"]),
        helper.make_node("Concat", ["no_plate", "plate"], ["conf"], axis=1),
        helper.make_node("Identity", ["plate"], ["iou"]),
        helper.make_node("Identity", ["loc_says"], ["loc"]),
    ]
    constants = {
        "white": np.float32(255).reshape(()), "one": np.float32(1).reshape(()), "loc_says": loc,
        "by_cell": np.array([cells, 1], np.int64), "by_prior": np.array([cells * sizes, 1], np.int64),
        "other_sizes": np.zeros((cells, sizes - 1), np.float32), "other_grids": np.zeros((rest, 1), np.float32),
    }  # fmt: skip
    count = cells * sizes + rest
    return save(
        path, nodes, {"x": [1, 3, SIDE_PX[1], SIDE_PX[0]]}, {"loc": [count, 14], "conf": [count, 2], "iou": [count, 1]}, constants
    )
