"""Fold batch norm, write ONNX, check it against torch, write facts.json and golden.npz."""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import torch
from landmarker import session
from net import SIDE, Conv, FaceMesh, Separable
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

OPSET = 17
OUTPUTS = ("points", "presence", "blendshapes")


def fold(part: Conv | Separable | nn.Sequential) -> None:
    """Put a batch norm into the convolution before it, in place."""
    conv, norm = (part[0], part[1]) if isinstance(part, nn.Sequential) else (part.conv, part.norm)
    weight, bias = fuse_conv_bn_weights(
        conv.weight, None, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    conv.weight, conv.bias = weight, bias
    if isinstance(part, nn.Sequential):
        part[1] = nn.Identity()
    else:
        part.norm = nn.Identity()


class Exported(nn.Module):
    """The student with the outputs of the contract: pixels of the crop, and probabilities."""

    def __init__(self, student: FaceMesh) -> None:
        super().__init__()
        self.student = student

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        points, presence, shapes = self.student(image)
        return points * SIDE, torch.sigmoid(presence), torch.sigmoid(shapes)


def folded(student: FaceMesh) -> FaceMesh:
    """A copy in which every batch norm is part of its convolution (exact in real numbers)."""
    net = copy.deepcopy(student).eval()
    for part in list(net.modules()):
        if isinstance(part, Conv | Separable):
            fold(part)
    fold(net.squeeze)
    return net


def sample() -> np.ndarray:
    """(2, 3, SIDE, SIDE) float32 RGB in 0-255: smooth waves from seed 21, no face."""
    rng = np.random.default_rng(21)
    rows, cols = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    waves = [np.sin(rows * a + cols * b + c) for a, b, c in rng.uniform(0, 0.4, (6, 3)).astype(np.float32)]
    return np.rint(127.5 + 120 * np.stack(waves).reshape(2, 3, SIDE, SIDE)).astype(np.float32)


def export(student: FaceMesh, path: Path) -> float:
    """Write the ONNX file; returns the largest absolute difference to torch, in pixels and probability."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter announces its end; it is the one for opset 17
        torch.onnx.export(
            Exported(folded(student)),
            (torch.from_numpy(sample()),),
            str(path),
            opset_version=OPSET,
            dynamo=False,
            input_names=["image"],
            output_names=list(OUTPUTS),
            dynamic_axes={name: {0: "batch"} for name in ("image", *OUTPUTS)},
        )
    with torch.no_grad():
        want = [output.numpy() for output in Exported(student.eval())(torch.from_numpy(sample()))]
    got = session(path).run(list(OUTPUTS), {"image": sample()})
    return max(float(np.abs(a - b).max()) for a, b in zip(want, got, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for model.onnx and its facts")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    student = FaceMesh()
    student.load_state_dict(torch.load(args.checkpoint, map_location="cpu", weights_only=True)["average"])
    path = args.out / "model.onnx"
    difference = export(student.eval(), path)
    data = path.read_bytes()
    facts = {
        "file": path.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "opset": OPSET,
        "input": "image",
        "outputs": list(OUTPUTS),
        "parameters": sum(p.numel() for p in student.parameters()),
        "max_abs_difference_to_torch": difference,
        "licence": "research-data",
    }
    (args.out / "facts.json").write_text(json.dumps(facts, indent=2) + "\n")
    outputs = session(path).run(list(OUTPUTS), {"image": sample()})
    named = dict(zip(OUTPUTS, outputs, strict=True))
    np.savez_compressed(args.out / "golden.npz", image=sample().astype(np.uint8), **named)
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
