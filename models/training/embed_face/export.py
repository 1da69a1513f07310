"""Export the averaged student as ONNX: unit embedding and recognisability, checked against torch.

The graph is the network, then
    embedding        (u - s m) / |u - s m|, u = f / |f|, f the network's output, m the mean of the crowd
                     around u and s its share (centring.py)
    recognisability  1 / (1 + exp(-(w . (d, c, 1)))), d = 1 - cosine to the centre of destroyed faces, c = the
                     cosine to a sharp look that the features foretell
with the crowd, w, the centre of destroyed faces and the map to c from calibrate.py (recognisable.npz).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from centring import NEARNESS, SHARE
from net import Embedder, fixed
from plain import written_plain
from torch import Tensor, nn

sys.path.append(str(Path(__file__).resolve().parents[1]))
from shipping import averaged, largest_difference, opened, write_facts, write_onnx

OUTPUTS = ("embedding", "recognisability")


class Shipped(nn.Module):
    """What the ONNX file computes."""

    def __init__(self, student: Embedder, calibration: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.student = student
        for name, values in calibration.items():
            self.register_buffer(name, torch.from_numpy(np.asarray(values, np.float32)))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, 112, 112) RGB 0..255 -> (n, 256), (n, 1)."""
        raw, seen = self.student.walk(image)
        ray = raw / raw.norm(dim=1, keepdim=True)
        away = 1 - ray @ self.destroyed[:, None]
        foretold = seen @ self.sharpness[:-1, None] + self.sharpness[-1]
        near = torch.softmax(NEARNESS * (ray @ self.crowd.T) + self.shares, dim=1)
        moved = ray - SHARE * (near @ self.crowd)
        chance = torch.sigmoid(self.weights[0] * away + self.weights[1] * foretold + self.weights[2])
        return moved / moved.norm(dim=1, keepdim=True), chance


class Raw(nn.Module):
    """What `Shipped` computes from: the vector as it is, and the channels' means and spreads."""

    def __init__(self, student: Embedder) -> None:
        super().__init__()
        self.student = student

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, 112, 112) RGB 0..255 -> (n, 256), (n, 640)."""
        return self.student.walk(image)


def neutral() -> dict[str, np.ndarray]:
    """Before calibration: nothing is taken off, recognisability is 0.5."""
    none = {"crowd": np.zeros((1, 256)), "shares": np.zeros(1), "destroyed": np.eye(256)[0]}
    return none | {"sharpness": np.zeros(641), "weights": np.zeros(3)}


def load(checkpoint: Path) -> Embedder:
    """The averaged student."""
    student = averaged(checkpoint, Embedder())
    fixed(student)
    return student


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument(
        "--calibration", type=Path, help="recognisable.npz; without it recognisability is 0.5"
    )
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    calibration = dict(np.load(args.calibration)) if args.calibration else neutral()
    wanted = {name: calibration[name] for name in neutral()}
    student, path = load(args.checkpoint), args.out / "model.onnx"
    model = Shipped(student, wanted).eval()
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 112, 112)).astype(np.float32))
    axes = {name: {0: "N"} for name in ("image", *OUTPUTS)}
    write_onnx(model, {"image": images}, path, outputs=OUTPUTS, axes=axes)
    written_plain(path)
    found = opened(path).run(None, {"image": images.numpy()})
    with torch.no_grad():
        difference = largest_difference(found, model(images))
    if difference > 1e-4:
        raise SystemExit(f"the export differs from torch by {difference}")
    np.savez(
        args.out / "golden.npz",
        image=images.numpy().astype(np.uint8),
        embedding=found[0],
        recognisability=found[1],
    )
    write_facts(path, student, difference)


if __name__ == "__main__":
    main()
