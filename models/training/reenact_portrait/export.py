"""Export the averaged portrait network as ONNX, checked against torch, with a golden vector."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from golden import golden_input
from net import Layered, PortraitNet

sys.path.append(str(Path(__file__).resolve().parents[1]))
from shipping import averaged, opened, trained, write_facts, write_onnx

INPUTS, OUTPUTS = ("source", "places", "guides"), ("places_right", "trust", "change")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    model = Layered(averaged(args.checkpoint, PortraitNet())).eval()
    path, given = args.out / "model.onnx", golden_input()
    tensors = {name: torch.from_numpy(given[name]) for name in INPUTS}
    axes = {name: {0: "N"} for name in (*INPUTS, *OUTPUTS)}
    write_onnx(model, tensors, path, outputs=OUTPUTS, axes=axes)
    found = opened(path).run(None, given)
    with torch.no_grad():
        wanted = [one.numpy() for one in model(*tensors.values())]
    # Places count in halves of the side; all three are held to the same share of their range.
    difference = max(
        float(np.abs(here - there).max()) / span
        for here, there, span in zip(found, wanted, (2, 1, 255), strict=True)
    )
    if difference > 2e-4:
        raise SystemExit(f"the export differs from torch by {difference} of the range")
    # Every eighth pixel tells as much as all of them, and takes 1/64 of the room.
    np.savez_compressed(
        args.out / "golden.npz",
        **{name: one[..., ::8, ::8] for name, one in zip(OUTPUTS, found, strict=True)},
    )
    write_facts(path, model, difference, trained=trained(args.checkpoint, "seen", "pairs"))


if __name__ == "__main__":
    main()
