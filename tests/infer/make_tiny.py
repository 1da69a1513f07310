"""Make the ONNX files in tests/infer/tiny, each under 1 kB; needs the package onnx.

python tests/infer/make_tiny.py

double.onnx   input n x 3 x h x w -> output, twice the input
pair.onnx     left 1 x 4 float32, right 1 x 4 int64 -> sum float32, twice int64
embed.onnx    input.1 n x 3 x 112 x 112 -> vector n x 512: each number the sum of the channels' means
"""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

HERE = Path(__file__).resolve().parent / "tiny"


def save(name: str, graph: onnx.GraphProto) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    (HERE / name).write_bytes(model.SerializeToString())


def tensor(name: str, shape: list[int | str], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def double() -> onnx.GraphProto:
    shape: list[int | str] = ["n", 3, "h", "w"]
    nodes = [helper.make_node("Add", ["input", "input"], ["output"])]
    return helper.make_graph(nodes, "double", [tensor("input", shape)], [tensor("output", shape)])


def pair() -> onnx.GraphProto:
    nodes = [
        helper.make_node("Cast", ["right"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["left", "float"], ["sum"]),
        helper.make_node("Add", ["right", "right"], ["twice"]),
    ]
    ints = TensorProto.INT64
    inputs = [tensor("left", [1, 4]), tensor("right", [1, 4], ints)]
    return helper.make_graph(nodes, "pair", inputs, [tensor("sum", [1, 4]), tensor("twice", [1, 4], ints)])


def embed() -> onnx.GraphProto:
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    size = helper.make_tensor("size", TensorProto.INT64, [2], [3, 512])
    nodes = [
        helper.make_node("GlobalAveragePool", ["input.1"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("ConstantOfShape", ["size"], ["ones"], value=one),
        helper.make_node("MatMul", ["flat", "ones"], ["vector"]),
    ]
    inputs = [tensor("input.1", ["n", 3, 112, 112])]
    return helper.make_graph(nodes, "embed", inputs, [tensor("vector", ["n", 512])], initializer=[size])


def main() -> None:
    HERE.mkdir(exist_ok=True)
    for name, graph in (("double", double()), ("pair", pair()), ("embed", embed())):
        save(f"{name}.onnx", graph)


if __name__ == "__main__":
    main()
