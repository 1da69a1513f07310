"""Make tests/nodes/forensics/tiny_blend/model.onnx, which takes red for blending; needs the package onnx.

python tests/nodes/forensics/make_tiny.py

image n x 3 x 32 x 32 -> logit n x 1: (mean red - mean green) / 32; heat n x 1 x 4 x 4: red of 8 x 8 pixels
over 255.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FILE = Path(__file__).resolve().parent / "tiny_blend" / "model.onnx"


def main() -> None:
    """Write the file."""
    shapes: dict[str, list[str | int]] = {
        "image": ["N", 3, 32, 32], "logit": ["N", 1], "heat": ["N", 1, 4, 4],
    }  # fmt: skip
    values = {n: helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in shapes.items()}
    constants = [
        numpy_helper.from_array(np.array([[1], [-1], [0]], np.float32) / 32, "weights"),
        numpy_helper.from_array(np.array([[[[1]], [[0]], [[0]]]], np.float32) / 255, "red"),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["logit"]),
        helper.make_node("AveragePool", ["image"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Conv", ["cells", "red"], ["heat"]),
    ]
    graph = helper.make_graph(nodes, "tiny", [values["image"]], [values["logit"], values["heat"]], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    FILE.parent.mkdir(exist_ok=True)
    onnx.save(model, FILE)


if __name__ == "__main__":
    main()
