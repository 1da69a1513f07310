"""Fold batch norm, write ONNX, check it against torch, write facts.json and golden.npz."""

from __future__ import annotations

import argparse
import copy
import sys
from pathlib import Path

import numpy as np
import torch
from landmarker import session
from net import SIDE, Conv, FaceMesh, Separable
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

sys.path.append(str(Path(__file__).resolve().parents[1]))
from shipping import averaged, largest_difference, write_facts, write_onnx

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
    axes = {name: {0: "batch"} for name in ("image", *OUTPUTS)}
    given = torch.from_numpy(sample())
    write_onnx(Exported(folded(student)), {"image": given}, path, outputs=OUTPUTS, axes=axes)
    with torch.no_grad():
        want = Exported(student.eval())(given)
    return largest_difference(session(path).run(list(OUTPUTS), {"image": sample()}), want)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for model.onnx and its facts")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    student = averaged(args.checkpoint, FaceMesh())
    path = args.out / "model.onnx"
    difference = export(student, path)
    write_facts(path, student, difference, input="image", outputs=list(OUTPUTS))
    outputs = session(path).run(list(OUTPUTS), {"image": sample()})
    named = dict(zip(OUTPUTS, outputs, strict=True))
    np.savez_compressed(args.out / "golden.npz", image=sample().astype(np.uint8), **named)


if __name__ == "__main__":
    main()
