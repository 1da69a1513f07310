"""Export the averaged restorer as ONNX, checked against torch, with a golden vector of two frames."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from net import KNOWN, SIDE, Restorer, Size, blank, multiply_adds, size_of
from torch import Tensor, nn

sys.path.append(str(Path(__file__).resolve().parents[1]))
from shipping import averaged, largest_difference, opened, trained, write_facts, write_onnx

INPUTS, OUTPUTS = ("image", "state", "known"), ("restored", "next")


class Shipped(nn.Module):
    """The restorer of whole crops: an export would make inputs of where a window begins."""

    def __init__(self, student: Restorer) -> None:
        super().__init__()
        self.student = student

    def forward(self, image: Tensor, state: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """See Restorer."""
        out: tuple[Tensor, Tensor] = self.student(image, state, known)
        return out


def golden_input(size: Size) -> dict[str, np.ndarray]:
    """Two faces' worth of smooth colours, whole numbers; one person known, the other not."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (2, 16, 16, 3)).astype(np.uint8)
    smooth = np.stack([cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for one in coarse])
    known = np.zeros((2, KNOWN), np.float32)
    known[0] = rng.standard_normal(KNOWN)
    known[0] /= np.linalg.norm(known[0])
    image = smooth.transpose(0, 3, 1, 2).astype(np.float32)
    return {"image": image, "state": blank(2, size).numpy(), "known": known}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    average = torch.load(args.checkpoint, weights_only=True)["average"]
    model = averaged(args.checkpoint, Restorer(size_of(average)))
    path, given = args.out / "model.onnx", golden_input(model.size)
    tensors = {name: torch.from_numpy(given[name]) for name in INPUTS}
    axes = {name: {0: "N"} for name in (*INPUTS, *OUTPUTS)}
    write_onnx(Shipped(model).eval(), tensors, path, outputs=OUTPUTS, axes=axes)
    session = opened(path)
    first = session.run(None, given)
    second = session.run(None, given | {"state": first[1]})
    with torch.no_grad():
        wanted = model(*tensors.values())
        again = model(tensors["image"], wanted[1], tensors["known"])
    difference = largest_difference((*first, *second), (*wanted, *again))
    if difference > 0.02:
        raise SystemExit(f"the export differs from torch by {difference} grey levels")
    # Every eighth pixel tells as much as all of them, and takes 1/64 of the room.
    np.savez_compressed(
        args.out / "golden.npz",
        image=given["image"].astype(np.uint8),
        known=given["known"],
        restored=second[0][..., ::8, ::8],
        next=second[1][..., ::8, ::8],
    )
    write_facts(
        path,
        model,
        difference,
        multiply_adds_a_frame=multiply_adds(model),
        trained=trained(args.checkpoint, "frames", "frames"),
    )


if __name__ == "__main__":
    main()
