"""Fold batch norm and the input scale, write ONNX, check it against torch, write facts.json."""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import torch
from model import OUTPUT_NAMES, Conv, Exported, FaceDetector, Separable
from teacher import open_session
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

OPSET = 17


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
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # the older exporter announces its end; it is the one that writes opset 17
        torch.onnx.export(
            net,
            (sample,),
            str(path),
            opset_version=OPSET,
            dynamo=False,
            input_names=["input"],
            output_names=list(OUTPUT_NAMES),
            dynamic_axes=axes | {"input": {0: "batch", 2: "height", 3: "width"}},
        )
    with torch.no_grad():
        want = [output.numpy() for output in Exported(student.eval())(sample)]
    got = open_session(path).run(list(OUTPUT_NAMES), {"input": sample.numpy()})
    return max(float(np.abs(a - b).max()) for a, b in zip(want, got, strict=True))


def load(checkpoint: Path) -> FaceDetector:
    """The student with the averaged weights of a checkpoint."""
    student = FaceDetector()
    student.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["average"])
    return student.eval()


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
    data = path.read_bytes()
    facts = {
        "file": "model.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "opset": OPSET,
        "input": "input",
        "outputs": list(OUTPUT_NAMES),
        "default_score": args.threshold,
        "parameters": sum(p.numel() for p in student.parameters()),
        "max_abs_difference_to_torch": difference,
        "licence": "research-data",
    }
    (args.out / "facts.json").write_text(json.dumps(facts, indent=2) + "\n")
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
