"""Make the ONNX files in tests/infer/tiny, each under 1 kB; needs the package onnx.

python tests/infer/make_tiny.py

double.onnx   input n x 3 x h x w -> output, twice the input
pair.onnx     left 1 x 4 float32, right 1 x 4 int64 -> sum float32, twice int64
embed.onnx    input.1 n x 3 x 112 x 112 -> vector n x 512: each number the sum of the channels' means
conv.onnx     input 1 x 1 x 8 x 8 -> output, the sums of 3 x 3 numbers; vidface/infer/trial.py holds it

Restorers of pictures in [-1, 1]:
same.onnx     input n x 3 x h x w -> output, the input
same16.onnx   the same in half precision, 1 x 3 x 64 x 64
weighted.onnx x 1 x 3 x 64 x 64, w float64 1 -> features 1 x 6 x 32 x 32, y: w times the input +
              (1 - w) times its inverse
half.onnx     input n x 3 x h x w -> output n x 3 x h/2 x w/2
broken.onnx   input n x 3 x h x w -> output, NaN throughout where the mean is above 0
nervous.onnx  input n x 3 x 128 x 128 -> output: contrast raised, and stripes over it whose strength
              jumps about with every small change of the input, as the details of generative nets do
"""

from __future__ import annotations

import math
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


def conv() -> onnx.GraphProto:
    shape: list[int | str] = [1, 1, 8, 8]
    ones = helper.make_tensor("ones", TensorProto.FLOAT, [1, 1, 3, 3], [1.0] * 9)
    nodes = [helper.make_node("Conv", ["input", "ones"], ["output"], pads=[1, 1, 1, 1])]
    ends = [tensor(name, shape) for name in ("input", "output")]
    return helper.make_graph(nodes, "conv", ends[:1], ends[1:], initializer=[ones])


def same() -> onnx.GraphProto:
    shape: list[int | str] = ["n", 3, "h", "w"]
    nodes = [helper.make_node("Identity", ["input"], ["output"])]
    return helper.make_graph(nodes, "same", [tensor("input", shape)], [tensor("output", shape)])


def same16() -> onnx.GraphProto:
    shape: list[int | str] = [1, 3, 64, 64]
    nodes = [helper.make_node("Identity", ["input"], ["output"])]
    ends = [tensor(name, shape, TensorProto.FLOAT16) for name in ("input", "output")]
    return helper.make_graph(nodes, "same16", ends[:1], ends[1:])


def weighted() -> onnx.GraphProto:
    shape: list[int | str] = [1, 3, 64, 64]
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        helper.make_node("Cast", ["w"], ["share"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["share", "share"], ["twice"]),
        helper.make_node("Sub", ["twice", "one"], ["factor"]),
        helper.make_node("Mul", ["x", "factor"], ["y"]),
        helper.make_node("AveragePool", ["x"], ["small"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Concat", ["small", "small"], ["features"], axis=1),
    ]
    inputs = [tensor("x", shape), tensor("w", [1], TensorProto.DOUBLE)]
    outputs = [tensor("features", [1, 6, 32, 32]), tensor("y", shape)]
    return helper.make_graph(nodes, "weighted", inputs, outputs, initializer=[one])


def half() -> onnx.GraphProto:
    nodes = [helper.make_node("AveragePool", ["input"], ["output"], kernel_shape=[2, 2], strides=[2, 2])]
    outputs = [tensor("output", ["n", 3, "h2", "w2"])]
    return helper.make_graph(nodes, "half", [tensor("input", ["n", 3, "h", "w"])], outputs)


def broken() -> onnx.GraphProto:
    shape: list[int | str] = ["n", 3, "h", "w"]
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2, 3]),
        helper.make_node("Neg", ["mean"], ["below"]),
        helper.make_node("Sqrt", ["below"], ["root"]),
        helper.make_node("Sub", ["root", "root"], ["nothing"]),
        helper.make_node("Add", ["input", "nothing"], ["output"]),
    ]
    return helper.make_graph(nodes, "broken", [tensor("input", shape)], [tensor("output", shape)])


def nervous() -> onnx.GraphProto:
    shape: list[int | str] = ["n", 3, 128, 128]
    wave = [0.15 * math.sin(x / 2) for x in range(128)]
    fixed = [
        helper.make_tensor("stripes", TensorProto.FLOAT, [1, 1, 1, 128], wave),
        helper.make_tensor("often", TensorProto.FLOAT, [1], [3000.0]),
        helper.make_tensor("contrast", TensorProto.FLOAT, [1], [1.3]),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2, 3]),
        helper.make_node("Mul", ["mean", "often"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["strength"]),
        helper.make_node("Mul", ["strength", "stripes"], ["detail"]),
        helper.make_node("Mul", ["input", "contrast"], ["stronger"]),
        helper.make_node("Add", ["stronger", "detail"], ["output"]),
    ]
    inputs, outputs = [tensor("input", shape)], [tensor("output", shape)]
    return helper.make_graph(nodes, "nervous", inputs, outputs, initializer=fixed)


MODELS = (double, pair, embed, conv, same, same16, weighted, half, broken, nervous)


def main() -> None:
    HERE.mkdir(exist_ok=True)
    for model in MODELS:
        save(f"{model.__name__}.onnx", model())


if __name__ == "__main__":
    main()
