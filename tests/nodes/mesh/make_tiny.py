"""Make tests/nodes/mesh/tiny.onnx, a mesh model of red squares, and shape.npy; needs the package onnx.

python tests/nodes/mesh/make_tiny.py

image n x 3 x 24 x 24 (RGB, 0 to 255) -> points n x 478 x 3, presence n x 1, blendshapes n x 52, as the
model of mesh.face gives them. What is red in the crop is the face: the points are a fixed shape laid
over its mean and spread, presence is 1 from a fifth of the crop on, every blendshape is presence / 4.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from vidface.vision import meshtopology as topology

HERE = Path(__file__).resolve().parent
SIZE = 24


def shape() -> np.ndarray:
    """478 x 3 in a unit square around the origin, eyes, nose and mouth where a face has them."""
    points = np.random.default_rng(7).uniform(-0.5, 0.5, (478, 3))
    points[10], points[152], points[234], points[454] = (0, -0.5, 0), (0, 0.5, 0), (-0.5, 0, 0), (0.5, 0, 0)
    for eye, iris, x in (
        (topology.EYE_RIGHT, topology.IRIS_RIGHT, -0.2),
        (topology.EYE_LEFT, topology.IRIS_LEFT, 0.2),
    ):
        turn = np.linspace(0, 2 * np.pi, len(eye), endpoint=False)
        points[list(eye)] = np.column_stack(
            [x + 0.08 * np.cos(turn), -0.15 + 0.04 * np.sin(turn), np.full(16, -0.1)]
        )
        points[list(iris)] = (x, -0.15, -0.1)
    points[topology.NOSE_TIP] = (0, 0.05, -0.3)
    points[topology.MOUTH_RIGHT], points[topology.MOUTH_LEFT] = (-0.15, 0.25, -0.1), (0.15, 0.25, -0.1)
    return points.astype(np.float32)


def graph() -> onnx.GraphProto:
    steps = np.arange(SIZE) + 0.5
    columns = np.tile(steps, SIZE)
    rows = np.repeat(steps, SIZE)
    # Per pixel: 1, x, y, x squared; their means over red are place and size.
    moments = np.stack([np.ones(SIZE * SIZE), columns, rows, columns**2], axis=1)
    tables = {
        "moments": moments,
        "shape": shape()[None],
        "least": np.array(1e-3),
        "full": np.array(0.2 * SIZE * SIZE),
        "one": np.array(1.0),
        "none": np.array(0.0),
        "light": np.array(255.0),
        "twelve": np.array(12.0),
        "zero": np.zeros((1, 1, 1)),
        "shapes": np.full((1, 52), 0.25),
    }
    constants = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in tables.items()]
    constants += [
        numpy_helper.from_array(np.array(v, np.int64), k)
        for k, v in {"flat": [0, 1, SIZE * SIZE], "wide": [-1, 1, 2], "axis": [1], "last": [2]}.items()
    ]
    nodes = [
        helper.make_node("Split", ["image"], ["red", "green", "blue"], axis=1, num_outputs=3),
        helper.make_node("Max", ["green", "blue"], ["others"]),
        helper.make_node("Sub", ["red", "others"], ["over"]),
        helper.make_node("Div", ["over", "light"], ["bare"]),
        helper.make_node("Clip", ["bare", "none", "one"], ["weight"]),
        helper.make_node("Reshape", ["weight", "flat"], ["line"]),
        helper.make_node("MatMul", ["line", "moments"], ["sums"]),
        helper.make_node("Split", ["sums"], ["mass", "sx", "sy", "sxx"], axis=2, num_outputs=4),
        helper.make_node("Max", ["mass", "least"], ["some"]),
        helper.make_node("Div", ["sx", "some"], ["x"]),
        helper.make_node("Div", ["sy", "some"], ["y"]),
        helper.make_node("Div", ["sxx", "some"], ["xx"]),
        helper.make_node("Mul", ["x", "x"], ["x2"]),
        helper.make_node("Sub", ["xx", "x2"], ["variance"]),
        helper.make_node("Max", ["variance", "least"], ["spread"]),
        helper.make_node("Mul", ["spread", "twelve"], ["square"]),
        helper.make_node("Sqrt", ["square"], ["side"]),
        helper.make_node("Mul", ["x", "none"], ["z"]),
        helper.make_node("Concat", ["x", "y", "z"], ["middle"], axis=2),
        helper.make_node("Mul", ["shape", "side"], ["sized"]),
        helper.make_node("Add", ["sized", "middle"], ["points"]),
        helper.make_node("Div", ["mass", "full"], ["share"]),
        helper.make_node("Clip", ["share", "none", "one"], ["sure"]),
        helper.make_node("Squeeze", ["sure", "last"], ["presence"]),
        helper.make_node("Mul", ["presence", "shapes"], ["blendshapes"]),
    ]

    def tensor(name: str, size: list[int | str]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, size)

    return helper.make_graph(
        nodes,
        "tiny-mesh",
        [tensor("image", ["n", 3, SIZE, SIZE])],
        [tensor("points", ["n", 478, 3]), tensor("presence", ["n", 1]), tensor("blendshapes", ["n", 52])],
        initializer=constants,
    )


def main() -> None:
    model = helper.make_model(graph(), opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    (HERE / "tiny.onnx").write_bytes(model.SerializeToString())
    np.save(HERE / "shape.npy", shape())


if __name__ == "__main__":
    main()
