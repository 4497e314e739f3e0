"""Small ONNX files for tests: they take a picture and answer what the test wants, whatever the picture shows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper


def answering(
    path: Path, answers: Sequence[NDArray[Any]], side_px: tuple[int, int] = (64, 64), *, batch: int | str = 1,
    metadata: Mapping[str, str] | None = None,
) -> Path:  # fmt: skip
    """Write a model with an input `(batch, 3, height, width)` and one constant output per answer (each with a batch axis of 1).

    An answer is repeated for each picture of a batch: it is a constant plus nought times the mean of the picture.
    """
    width, height = side_px
    picture = helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, height, width])
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "nought"], ["nothing"]),
    ]
    constants = [numpy_helper.from_array(np.float32(0), "nought")]
    outputs = []
    for number, answer in enumerate(answers):
        shape = np.array([-1, *([1] * (answer.ndim - 1))], np.int64)
        constants += [
            numpy_helper.from_array(answer.astype(np.float32), f"answer{number}"),
            numpy_helper.from_array(shape, f"shape{number}"),
        ]
        nodes += [
            helper.make_node("Reshape", ["nothing", f"shape{number}"], [f"nothing{number}"]),
            helper.make_node("Add", [f"answer{number}", f"nothing{number}"], [f"output{number}"]),
        ]
        outputs.append(helper.make_tensor_value_info(f"output{number}", TensorProto.FLOAT, [batch, *answer.shape[1:]]))
    model = helper.make_model(helper.make_graph(nodes, "answering", [picture], outputs, constants), opset_imports=[_opset()])
    model.ir_version = 8
    helper.set_model_props(model, dict(metadata or {}))
    onnx.save(model, path)
    return path


def _opset() -> onnx.OperatorSetIdProto:
    return helper.make_opsetid("", 13)
