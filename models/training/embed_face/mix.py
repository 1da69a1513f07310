"""Mean of a training's averaged weights and of those that it began with: after Wortsman et al. 2022, "Robust
fine-tuning of zero-shot models", the mean of two networks on one road is often better than either.

python mix.py --checkpoint RUN/last.pt --start BEFORE/last.pt --share 0.5 --out MIXED
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from train import start_of


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True, help="what `train.py --after` was given")
    parser.add_argument("--share", type=float, required=True, help="of the weights that it began with")
    parser.add_argument("--out", type=Path, required=True, help="folder for last.pt, for export.py")
    args = parser.parse_args()
    state, began = torch.load(args.checkpoint, weights_only=True), start_of(args.start)
    for name, value in state["average"].items():
        value.lerp_(began[name], args.share)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.save(state, args.out / "last.pt")


if __name__ == "__main__":
    main()
