"""Fold batch norm and the input scale, write ONNX, check it against torch, write facts.json."""

from __future__ import annotations

import argparse
import copy
import sys
from pathlib import Path

import numpy as np
import torch
from model import OUTPUT_NAMES, Conv, Exported, FaceDetector, Separable
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

sys.path.append(str(Path(__file__).resolve().parents[1]))
from shipping import averaged, largest_difference, opened, write_facts, write_onnx


def fused(student: FaceDetector) -> FaceDetector:
    """A copy in which every batch norm is folded into its convolution (exact in real numbers)."""
    net = copy.deepcopy(student).eval()
    for part in net.modules():
        if isinstance(part, Conv | Separable):
            norm = part.norm
            assert norm.running_mean is not None
            assert norm.running_var is not None
            weight, bias = fuse_conv_bn_weights(
                part.conv.weight, None, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
            )
            part.conv.weight, part.conv.bias = weight, bias
            part.norm = nn.Identity()
    return net


def export(student: FaceDetector, path: Path) -> float:
    """Write the ONNX file; returns the largest absolute difference to torch on a seeded picture."""
    net = Exported(fused(student))
    first = net.student.early[0]
    assert isinstance(first, Conv)
    first.conv.weight.data *= net.student.scale
    net.student.scale = 1.0
    sample = torch.from_numpy(np.random.default_rng(7).uniform(0, 255, (2, 3, 192, 320)).astype(np.float32))
    axes = {name: {0: "batch", 1: "cells"} for name in OUTPUT_NAMES}
    axes |= {"input": {0: "batch", 2: "height", 3: "width"}}
    write_onnx(net, {"input": sample}, path, outputs=OUTPUT_NAMES, axes=axes)
    with torch.no_grad():
        want = Exported(student.eval())(sample)
    return largest_difference(opened(path).run(list(OUTPUT_NAMES), {"input": sample.numpy()}), want)


def load(checkpoint: Path) -> FaceDetector:
    """The student with the averaged weights of a checkpoint."""
    return averaged(checkpoint, FaceDetector())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for model.onnx and facts.json")
    parser.add_argument(
        "--threshold", type=float, default=0.6, help="default score, chosen on the validation part"
    )
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "model.onnx"
    student = load(args.checkpoint)
    difference = export(student, path)
    write_facts(
        path,
        student,
        difference,
        input="input",
        outputs=list(OUTPUT_NAMES),
        default_score=args.threshold,
    )


if __name__ == "__main__":
    main()
