"""Make the ONNX files in tests/nodes/reenact/tiny, a few kB; needs the package onnx.

python tests/nodes/reenact/make_tiny.py

lips.onnx        Wav2Lip's layout: sound 1 x 1 x 80 x 16, face 1 x 6 x 96 x 96 (masked, whole) -> 3 x 96 x 96:
                 what was masked comes back as far as the sound is loud (mean -4: not at all, 4: wholly), the
                 third channel halved
silly.onnx       the same ports; NaN throughout
narrow.onnx      a face of 3 channels: not the layout
appearance.onnx  1 x 3 x 64 x 64 -> 1 x 3 x 1 x 64 x 64, the picture
motion.onnx      1 x 3 x 64 x 64 -> pitch, yaw, roll (66 equal bins), t (mean of red, 0, 0), exp (63 x mean of
                 green), scale 1, kp (21 times 0, 0, 0)
warping.onnx     feature_3d, kp_driving, kp_source -> 1 x 3 x 128 x 128: the picture enlarged, brighter by the
                 mean of all coordinates by which the points were driven
stitching.onnx   126 -> 65: all zero but 0.3 for the x of all points
portrait.onnx    source 1 x 3 x 256 x 256, places (2 channels), guides (6) -> places_right (as given), trust
                 (0 in the mouth, else 1), change (255 red and 255 less green and blue in the mouth, else 0)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent / "tiny"
Shape = Sequence[int | str]


def tensor(name: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def save(
    name: str,
    nodes: list[onnx.NodeProto],
    inputs: dict[str, Shape],
    outputs: dict[str, Shape],
    **constants: object,
) -> None:
    graph = helper.make_graph(
        nodes,
        name,
        [tensor(*item) for item in inputs.items()],
        [tensor(*item) for item in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString())


def portrait() -> None:
    node, square = helper.make_node, [256, 256]
    body = [
        node("Identity", ["places"], ["places_right"]),
        node("Slice", ["guides", "two", "three", "one"], ["mouth"]),
        node("Sub", ["unit", "mouth"], ["trust"]),
        node("Mul", ["mouth", "red"], ["change"]),
    ]
    save(
        "portrait",
        body,
        {"source": ["N", 3, *square], "places": ["N", 2, *square], "guides": ["N", 6, *square]},
        {"places_right": ["N", 2, *square], "trust": ["N", 1, *square], "change": ["N", 3, *square]},
        two=np.array([2]),
        three=np.array([3]),
        one=np.array([1]),
        unit=np.float32(1),
        red=np.array([255, -255, -255], np.float32).reshape(1, 3, 1, 1),
    )


def lips() -> None:
    node = helper.make_node
    sound: dict[str, Shape] = {"sound": [1, 1, 80, 16]}
    faces: dict[str, Shape] = {"face": [1, 6, 96, 96]}
    drawn: dict[str, Shape] = {"drawn": [1, 3, 96, 96]}
    body = [
        node("Split", ["face"], ["masked", "whole"], axis=1),
        node("ReduceMean", ["sound"], ["mean"], keepdims=1),
        node("Add", ["mean", "four"], ["above"]),
        node("Div", ["above", "eight"], ["share"]),
        node("Sub", ["whole", "masked"], ["away"]),
        node("Mul", ["away", "share"], ["back"]),
        node("Add", ["masked", "back"], ["face_again"]),
        node("Mul", ["face_again", "tint"], ["drawn"]),
    ]
    tint = np.array([1, 1, 0.5], np.float32).reshape(1, 3, 1, 1)
    numbers = {"four": np.float32(4), "eight": np.float32(8), "tint": tint}
    save("lips", body, sound | faces, drawn, **numbers)
    broken = [*body[:-1], node("Mul", ["face_again", "nan"], ["drawn"])]
    del numbers["tint"]
    save("silly", broken, sound | faces, drawn, **numbers, nan=np.float32(np.nan))
    plain = [
        node("ReduceMean", ["sound"], ["mean"], keepdims=1),
        node("Add", ["face", "mean"], ["drawn"]),
    ]
    save("narrow", plain, sound | {"face": [1, 3, 96, 96]}, drawn)


def living() -> None:
    node = helper.make_node
    picture: dict[str, Shape] = {"img": [1, 3, 64, 64]}
    volume: Shape = [1, 3, 1, 64, 64]
    whole = np.array([1, 3, 1, 64, 64], np.int64)
    save("appearance", [node("Reshape", ["img", "shape"], ["out"])], picture, {"out": volume}, shape=whole)
    angles: dict[str, Shape] = {name: [1, 66] for name in ("pitch", "yaw", "roll")}
    numbers: dict[str, Shape] = {"t": [1, 3], "exp": [1, 63], "scale": [1, 1], "kp": [1, 63]}
    body = [
        node("ReduceMean", ["img"], ["means"], axes=[2, 3], keepdims=0),
        *(node("Identity", ["bins"], [name]) for name in angles),
        node("Split", ["means"], ["red", "green", "blue"], axis=1),
        node("Mul", ["red", "way"], ["t"]),
        node("Mul", ["green", "ones"], ["exp"]),
        node("Identity", ["one"], ["scale"]),
        node("Identity", ["zeros"], ["kp"]),
    ]
    constants = {
        "bins": np.zeros((1, 66), np.float32),
        "way": np.array([[1, 0, 0]], np.float32),
        "ones": np.ones((1, 63), np.float32),
        "one": np.ones((1, 1), np.float32),
        "zeros": np.zeros((1, 63), np.float32),
    }
    save("motion", body, picture, angles | numbers, **constants)
    points: dict[str, Shape] = {"kp_driving": [1, 21, 3], "kp_source": [1, 21, 3]}
    body = [
        node("Reshape", ["feature_3d", "flat"], ["small"]),
        node("Resize", ["small", "", "scales"], ["large"], mode="nearest"),
        node("Sub", ["kp_driving", "kp_source"], ["ways"]),
        node("ReduceMean", ["ways"], ["mean"], keepdims=0),
        node("Add", ["large", "mean"], ["out"]),
    ]
    sizes = {"flat": np.array([1, 3, 64, 64], np.int64), "scales": np.array([1, 1, 2, 2], np.float32)}
    save("warping", body, {"feature_3d": volume} | points, {"out": [1, 3, 128, 128]}, **sizes)
    ways = np.zeros((1, 65), np.float32)
    ways[0, 63] = 0.3
    body = [
        node("ReduceSum", ["input"], ["sum"], keepdims=1),
        node("Mul", ["sum", "nothing"], ["zero"]),
        node("Add", ["zero", "ways"], ["output"]),
    ]
    save("stitching", body, {"input": ["N", 126]}, {"output": [1, 65]}, nothing=np.float32(0), ways=ways)


def main() -> None:
    """Write the files."""
    HERE.mkdir(exist_ok=True)
    lips()
    portrait()
    living()


if __name__ == "__main__":
    main()
