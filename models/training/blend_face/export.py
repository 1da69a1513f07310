"""Export the averaged network as ONNX: log odds and heat map, checked against torch.

The graph is the network, then
    logit  a * z + b, z the network's output; a and b (Platt) make it log odds on validation pairs
    heat   the probability that each place was put in
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from net import SIDE, BlendNet
from torch import Tensor, nn
from train import held_batches, ranked, tensor

sys.path.append(str(Path(__file__).resolve().parents[1]))
from shipping import averaged, largest_difference, opened, write_facts, write_onnx

OUTPUTS = ("logit", "heat")


class Shipped(nn.Module):
    """What the ONNX file computes."""

    def __init__(self, network: BlendNet, scale: float, shift: float) -> None:
        super().__init__()
        self.network, self.scale, self.shift = network, scale, shift

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, 128, 128) RGB 0..255 -> (n, 1), (n, 1, 16, 16)."""
        logit, where = self.network(image)
        return logit * self.scale + self.shift, torch.sigmoid(where[:, :1])


def calibrated(network: BlendNet, pack: Path) -> tuple[float, float, dict[str, float]]:
    """Scale and shift that make the output log odds on validation pairs, and how well it does there."""
    scores, labels = [], []
    for batch in held_batches(pack).values():
        with torch.no_grad():
            scores += [network(tensor(some))[0][:, 0].float() for some in batch.images.split(32)]
        labels.append(batch.label)
    z, label = torch.cat(scores), torch.cat(labels)
    line = torch.tensor([1.0, 0.0], requires_grad=True)
    optimiser = torch.optim.LBFGS([line], max_iter=100)

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = nn.functional.binary_cross_entropy_with_logits(line[0] * z + line[1], label)
        value.backward()
        return value

    optimiser.step(loss)
    scale, shift = line.detach().tolist()
    chance = torch.sigmoid(scale * z + shift)
    facts = {
        "auc": ranked(z.numpy(), label.numpy()),
        "log_loss": float(loss().detach()),
        "calibration_error": calibration_error(chance.numpy(), label.numpy()),
        "pairs": len(label) / 2,
    }
    return scale, shift, {name: round(value, 4) for name, value in facts.items()}


def calibration_error(chance: np.ndarray, label: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error over bins of equal width."""
    place = np.minimum((chance * bins).astype(int), bins - 1)
    rows = [place == i for i in range(bins)]
    return float(sum(abs(chance[row].sum() - label[row].sum()) for row in rows) / len(label))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--pack", type=Path, required=True, help="its validation faces set scale and shift")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    network, path = averaged(args.checkpoint, BlendNet()), args.out / "model.onnx"
    scale, shift, validation = calibrated(network, args.pack)
    model = Shipped(network, scale, shift).eval()
    noise = np.random.default_rng(0).integers(0, 256, (2, 3, SIDE // 8, SIDE // 8)).repeat(8, 2).repeat(8, 3)
    images = torch.from_numpy(noise.astype(np.float32))
    axes = {name: {0: "N"} for name in ("image", *OUTPUTS)}
    write_onnx(model, {"image": images}, path, outputs=OUTPUTS, axes=axes)
    found = opened(path).run(None, {"image": images.numpy()})
    with torch.no_grad():
        difference = largest_difference(found, model(images))
    if difference > 1e-3:
        raise SystemExit(f"the export differs from torch by {difference}")
    np.savez(args.out / "golden.npz", image=images.numpy().astype(np.uint8), logit=found[0], heat=found[1])
    write_facts(path, network, difference, scale=scale, shift=shift, validation=validation)


if __name__ == "__main__":
    main()
