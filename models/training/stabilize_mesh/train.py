"""Train the network that reads the rest of the skull's motion from a pair of meshes; write ONNX and facts."""

from __future__ import annotations

import argparse
import hashlib
import json
import time
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from synth import Pairs, Source
from torch import Tensor, nn

from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshstab import canonical, features, vector_of

INSIDE, OPSET = 2 * 478 * 3, 17


class Rest(nn.Module):
    """Features (n, 2868) to axis-angle and shift (n, 6): a linear reading plus a network's correction."""

    def __init__(self) -> None:
        super().__init__()
        self.straight = nn.Linear(INSIDE, 6)
        self.body = nn.Sequential(
            nn.Linear(INSIDE, 192), nn.GELU(), nn.Linear(192, 96), nn.GELU(), nn.Linear(96, 6)
        )
        nn.init.zeros_(self.body[-1].weight)
        nn.init.zeros_(self.body[-1].bias)

    def forward(self, pair: Tensor) -> Tensor:
        return self.straight(pair) + self.body(pair)


def targets(pairs: Pairs, model: MeshModel) -> tuple[np.ndarray, np.ndarray]:
    """What the network reads, and the motion that is left after the stable points, in its coordinates."""
    pair = canonical(pairs.moving, pairs.reference, model)
    rest = pair.there @ pairs.truth @ np.linalg.inv(pair.start) @ np.linalg.inv(pair.there)
    return features(pair, model), vector_of(rest).astype(np.float32)


def ridge(x: np.ndarray, y: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Linear least squares with a penalty, for the straight part's start."""
    mean = x.mean(0)
    a = (x - mean).astype(np.float64)
    gram = a.T @ a + strength * len(x) * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, a.T @ (y - y.mean(0)))
    return weights, y.mean(0) - mean @ weights


def train(args: argparse.Namespace) -> Rest:
    """Ridge first, then the network by Adam on pairs that are drawn anew every time."""
    torch.manual_seed(1)
    torch.set_num_threads(1)
    model, rng = MeshModel.load(args.mesh_model), np.random.default_rng(1)
    source, net = Source(model, args.pack, "train"), Rest()
    x, y = targets(source.pairs(12000, rng), model)
    weights, bias = ridge(x, y, 1e-6)
    net.straight.weight.data = torch.from_numpy(weights.T.astype(np.float32))
    net.straight.bias.data = torch.from_numpy(bias.astype(np.float32))
    optimiser = torch.optim.AdamW(net.parameters(), lr=args.rate, weight_decay=1e-3)
    start, step, sums = time.monotonic(), 0, 0.0
    scale = torch.from_numpy(y.std(0) + 1e-6)
    while (part := (time.monotonic() - start) / (60 * args.minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = args.rate * (0.01 + 0.99 * (0.5 + 0.5 * np.cos(np.pi * part)))
        x, y = targets(source.pairs(512, rng), model)
        loss = (((net(torch.from_numpy(x)) - torch.from_numpy(y)) / scale) ** 2).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        step, sums = step + 1, sums + float(loss.detach())
        if step % 50 == 0:
            with (args.out / "train.jsonl").open("a") as log:
                log.write(
                    json.dumps({"step": step, "minutes": round(part * args.minutes, 2), "loss": sums / 50})
                    + "\n"
                )
            sums = 0.0
    return net.eval()


def export(net: Rest, out: Path, sample: np.ndarray) -> None:
    """model.onnx, facts.json and golden.npz."""
    path = out / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter announces its end; it is the one for opset 17
        axes = {"pair": {0: "batch"}, "rest": {0: "batch"}}
        torch.onnx.export(
            net, (torch.from_numpy(sample),), str(path), opset_version=OPSET, dynamo=False,
            input_names=["pair"], output_names=["rest"], dynamic_axes=axes,
        )  # fmt: skip
    with torch.no_grad():
        want = net(torch.from_numpy(sample)).numpy()
    got = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(
        None, {"pair": sample}
    )[0]
    data = path.read_bytes()
    facts = {
        "file": path.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "opset": OPSET,
        "parameters": sum(p.numel() for p in net.parameters()),
        "max_abs_difference_to_torch": float(np.abs(got - want).max()),
        "licence": "research-data",
    }
    (out / "facts.json").write_text(json.dumps(facts, indent=2) + "\n")
    np.savez_compressed(out / "golden.npz", pair=sample, rest=got)
    print(json.dumps(facts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mesh-model", type=Path, required=True, help="vidface-meshmodel/model.npz")
    parser.add_argument("--pack", type=Path, required=True, help="from ../mesh_face/label.py")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--rate", type=float, default=5e-4)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    net = train(args)
    model = MeshModel.load(args.mesh_model)
    pairs = Source(model, args.pack, "val").pairs(4, np.random.default_rng(5))
    export(net, args.out, targets(pairs, model)[0])


if __name__ == "__main__":
    main()
