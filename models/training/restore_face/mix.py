"""Mean of a training's averaged weights and of those that it began with: after Wortsman et al. 2022, "Robust
fine-tuning of zero-shot models", the mean of two networks on one road is often better than either.

python mix.py --checkpoint RUN/last.pt --start BEGAN_WITH.onnx --seed SEED_OF_THE_RUN --share 0.25 --out MIXED
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from net import Restorer, grow, size_of

sys.path.append(str(Path(__file__).resolve().parents[1]))
from shipping import weights_of


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True, help="what `train.py --start` was given")
    parser.add_argument("--seed", type=int, required=True, help="of that training: of the weights that grew")
    parser.add_argument("--share", type=float, required=True, help="of the weights that it began with")
    parser.add_argument("--out", type=Path, required=True, help="folder for last.pt, for export.py")
    args = parser.parse_args()
    state = torch.load(args.checkpoint, weights_only=True)
    torch.manual_seed(args.seed)
    began = Restorer(size_of(state["average"]))
    grow(began, weights_of(args.start))
    for name, value in began.state_dict().items():
        state["average"][name].lerp_(value, args.share)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.save(state, args.out / "last.pt")


if __name__ == "__main__":
    main()
