"""Make tests/nodes/restore/tiny.onnx, a restorer of 16-pixel crops; needs the package onnx.

python tests/nodes/restore/make_tiny.py

image n x 3 x 16 x 16, state n x 2 x 4 x 4, known n x 8 -> restored = image + 10 + mean(state) + sum(known),
next = state + 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Write the file."""
    shapes: dict[str, list[str | int]] = {
        "image": ["N", 3, 16, 16], "state": ["N", 2, 4, 4], "known": ["N", 8],
        "restored": ["N", 3, 16, 16], "next": ["N", 2, 4, 4],
    }  # fmt: skip
    values = {n: helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in shapes.items()}
    constants = [
        numpy_helper.from_array(np.array(10, np.float32), "ten"),
        numpy_helper.from_array(np.array(1, np.float32), "one"),
        numpy_helper.from_array(np.array([1], np.int64), "axis"),
        numpy_helper.from_array(np.array([-1, 1, 1, 1], np.int64), "column"),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["state"], ["mean"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("ReduceSum", ["known", "axis"], ["sum"], keepdims=0),
        helper.make_node("Reshape", ["sum", "column"], ["steer"]),
        helper.make_node("Add", ["image", "ten"], ["lighter"]),
        helper.make_node("Add", ["lighter", "mean"], ["more"]),
        helper.make_node("Add", ["more", "steer"], ["restored"]),
        helper.make_node("Add", ["state", "one"], ["next"]),
    ]
    inputs, outputs = ([values[n] for n in names] for names in (list(shapes)[:3], list(shapes)[3:]))
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, HERE / "tiny.onnx")


if __name__ == "__main__":
    main()
