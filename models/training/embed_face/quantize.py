"""The exported network in integers of 8 bits, for processors: half the size, 0.6 of the time.

python quantize.py --float ../../vidface-embed/model.onnx --pack PACK --out ../../vidface-embed-int8

Three things make it lose nothing that can be measured, where rounding everything loses two points at 8 px:
- **Equal channels.** A leaky slope passes a positive factor on, so a channel may be scaled before it and
  scaled back after it without changing the network (Nagel et al., "Data-Free Quantization Through Weight
  Equalization and Bias Correction", 2019; here by what activations reach). Each moves half of the way.
- **Only the blocks from the second on, without their gates, are in integers**: before them a small face is
  a small part of the range.
- **Ranges** hold 99.99 % of what the layers gave, not all.

Weights have 7 bits: sums of two products then fit into 16 bits, and processors that add pairs there (AVX2)
come to the same integers as those that need not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from judge import EDGE, Held, over, shrunk
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType
from onnxruntime.quantization import quantize_static as quantised
from plain import plain

sys.path.append(str(Path(__file__).resolve().parents[1]))
from shipping import opened

SIDES = (112, 112, 32, 20, 14, 10, 8)  # of the faces that ranges are taken from
IN_INTEGERS = re.compile(r"/blocks\.[1-9]\d*/(?!gate)")
OPERATORS = ["Conv", "LeakyRelu", "Add", "Mul", "GlobalAveragePool"]
HALF_WAY, MOST = 0.5, 64.0
BATCH = 16
Images = NDArray[np.float32]


def faces(pack: Path, count: int, seed: int) -> Images:
    """Training faces of many sizes, as the network takes them."""
    rng = np.random.default_rng(seed)
    pixels, items = np.load(pack / "pixels.npy", mmap_mode="r"), np.load(pack / "items.npz")
    rows = np.sort(rng.choice(np.flatnonzero(items["part"] == "train"), count, replace=False))
    out = []
    for row in rows:
        (crop,) = shrunk(pixels[row][None, EDGE:-EDGE, EDGE:-EDGE], int(rng.choice(SIDES)))
        out.append(crop[..., ::-1].transpose(2, 0, 1).astype(np.float32))
    return np.stack(out)


def links(model: onnx.ModelProto) -> Iterator[tuple[Any, str, Any]]:
    """Two convolutions of a block with nothing but a leaky slope between, and the slope's output."""
    readers, makers = defaultdict(list), {}
    for node in model.graph.node:
        makers.update(dict.fromkeys(node.output, node))
        for name in node.input:
            readers[name].append(node)
    for slope in (node for node in model.graph.node if node.op_type == "LeakyRelu"):
        before, after = makers.get(slope.input[0]), readers[slope.output[0]]
        alone = len(after) == 1 and before is not None and len(readers[slope.input[0]]) == 1
        if alone and before.op_type == after[0].op_type == "Conv" and "gate" not in slope.name:
            yield before, slope.output[0], after[0]


def reached(model: onnx.ModelProto, names: list[str], images: Images) -> dict[str, Images]:
    """The largest magnitude of each channel of these values."""
    told = onnx.ModelProto()
    told.CopyFrom(model)
    told.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = ort.InferenceSession(told.SerializeToString(), providers=["CPUExecutionProvider"])
    found: dict[str, Images] = {}
    for at in range(0, len(images), BATCH):
        for name, values in zip(names, session.run(names, {"image": images[at : at + BATCH]}), strict=True):
            most = np.abs(values).max((0, 2, 3))
            found[name] = np.maximum(found.get(name, most), most)
    return found


def equalised(model: onnx.ModelProto, images: Images) -> onnx.ModelProto:
    """The same network with channels of a layer nearer to each other in range."""
    pairs = list(links(model))
    most = reached(model, [name for _, name, _ in pairs], images)
    tensors = {one.name: one for one in model.graph.initializer}
    weights = {name: numpy_helper.to_array(one).copy() for name, one in tensors.items()}
    for before, name, after in pairs:
        range_ = np.maximum(most[name], 1e-4)
        factor = (np.exp(np.log(range_).mean()) / range_) ** HALF_WAY
        factor = np.clip(factor, 1 / MOST, MOST).astype(np.float32)
        weights[before.input[1]] *= factor[:, None, None, None]
        weights[before.input[2]] *= factor
        by_channel = weights[after.input[1]].shape[1] == 1  # a depthwise layer's inputs are its outputs
        weights[after.input[1]] /= factor[:, None, None, None] if by_channel else factor[None, :, None, None]
    for name, one in tensors.items():
        one.CopyFrom(numpy_helper.from_array(weights[name], name))
    return model


class Reader(CalibrationDataReader):  # type: ignore[misc]
    """Batches of faces, once."""

    def __init__(self, images: Images) -> None:
        self._left = iter(np.array_split(images, len(images) // BATCH))

    def get_next(self) -> dict[str, Images] | None:
        """One batch, None after the last."""
        batch = next(self._left, None)
        return None if batch is None else {"image": batch}


def near(path: Path, floats: Path, pack: Path) -> dict[str, dict[str, float]]:
    """On validation faces, by side: cosine to the float network's vectors, difference of recognisability."""
    crops, told = Held(pack, "val").crops, {}
    for side in (112, 24, 16, 12, 8):
        small = shrunk(crops, side)
        (mine, sure), (theirs, wanted) = (over(opened(one).run, small) for one in (path, floats))
        told[f"{side} px"] = {
            "cosine": round(float((mine * theirs).sum(1).mean()), 4),
            "recognisability": round(float(np.abs(sure - wanted).mean()), 4),
        }
    return told


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--float", type=Path, required=True, help="the file that export.py wrote")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model = equalised(plain(onnx.load(args.float)), faces(args.pack, 192, seed=1))
    path, between = args.out / "model.onnx", args.out / "between.onnx"
    onnx.save(model, between)
    quantised(
        between,
        path,
        Reader(faces(args.pack, 160, seed=0)),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=OPERATORS,
        nodes_to_quantize=[node.name for node in model.graph.node if IN_INTEGERS.match(node.name)],
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.Percentile,
        extra_options={"CalibPercentile": 99.99},
    )
    between.unlink()
    with np.load(args.float.parent / "golden.npz") as golden:
        image = golden["image"]
    found = opened(path).run(None, {"image": image.astype(np.float32)})
    np.savez(args.out / "golden.npz", image=image, embedding=found[0], recognisability=found[1])
    facts = json.loads((args.float.parent / "facts.json").read_text())
    data, told = path.read_bytes(), near(path, args.float, args.pack)
    facts |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    facts |= {"float_sha256": hashlib.sha256(args.float.read_bytes()).hexdigest(), "to_float": told}
    (args.out / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
