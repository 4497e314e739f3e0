"""Makes a copy of an ONNX file whose batch is open, from one that takes one picture at a time.

Exports with a batch of one have that one in the constants of their reshapes; a zero there means "as the input has it".
"""

from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper


def open_batch(source: Path, target: Path) -> Path:
    """Write the copy to `target` and return it."""
    model = onnx.load(source)
    graph = model.graph
    constants = {one.name: one for one in graph.initializer}
    for node in graph.node:
        shape = constants.get(node.input[1]) if node.op_type == "Reshape" else None
        if shape is None or node.input[0] in constants:
            continue  # a reshape of a constant, such as a bias, has no batch
        sides = onnx.numpy_helper.to_array(shape).copy()
        if len(sides) > 1 and sides[0] == 1:
            sides[0] = 0
            shape.CopyFrom(onnx.numpy_helper.from_array(np.asarray(sides, np.int64), shape.name))
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del graph.value_info[:]
    onnx.save(model, target)
    return target
