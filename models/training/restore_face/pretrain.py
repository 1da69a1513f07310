"""Teach the restorer single frames first, on windows of the crop: four times as many a minute as whole crops.

No state, no judge: the Charbonnier distance alone, each window weighted by what was wrong with it. What comes
out is a checkpoint that train.py goes on from; its frames are windows.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from net import DEPTH, KNOWN, SIDE, STATE, Restorer
from torch import Tensor
from train import PACE, USUAL, Pack, batch, distance, run_of

sys.path.append(str(Path(__file__).resolve().parents[1]))
from loop import Run, follow, joined, parser_of, spread

WINDOW, EACH = 128, 2
"""Side of a window, and windows of each frame."""
AVERAGE_DECAY = 0.998


def windows(pack: Pack, rng: np.random.Generator, count: int, progress: float) -> tuple[Tensor, ...]:
    """`count` frames cut to windows at EACH places alike: seen, clean, sharp; and where they lie."""
    views = batch(pack, rng, (count, 1), progress)
    step = 2 * DEPTH
    corners = [
        tuple(int(n) * step for n in rng.integers(0, (SIDE - WINDOW) // step + 1, 2)) for _ in range(EACH)
    ]
    cut = [
        torch.cat([one[:, 0, :, y : y + WINDOW, x : x + WINDOW] for y, x in corners])
        for one in (views.seen, views.clean)
    ]
    return cut[0], cut[1], views.sharp.repeat(EACH), torch.tensor(corners)


def learn(run: Run[Restorer], cut: tuple[Tensor, ...]) -> float:
    """One step; returns the share of the error that is left."""
    seen, clean, sharp, corners = cut
    run.student.train()
    made = []
    side = WINDOW // DEPTH
    with torch.autocast("cpu", torch.bfloat16):
        for part, corner in zip(seen.chunk(EACH), corners.tolist(), strict=True):
            image = part.contiguous(memory_format=torch.channels_last)
            nothing = torch.zeros(len(part), STATE, side, side)
            made.append(run.student(image, nothing, torch.zeros(len(part), KNOWN), corner)[0].float())
    wrong = distance(seen[:, None], clean[:, None], sharp)
    left = distance(torch.cat(made)[:, None], clean[:, None], sharp)
    run.learn((left / (wrong + USUAL / 2)).mean(), len(seen))
    return float((left.sum() / wrong.sum()).detach())


def work(rank: int, args: argparse.Namespace) -> None:
    """One process of the training."""
    pace = PACE._replace(adam=args.rate, muon=PACE.muon * args.muon, decay=AVERAGE_DECAY)
    with joined(rank, args):
        run, pack = run_of(args, pace), Pack(args.pack, "train")
        rng = np.random.default_rng(args.seed + 7 + run.step * 10 + rank)
        follow(
            run,
            rank,
            lambda: [learn(run, windows(pack, rng, args.batch, 0.5))],
            every=50,
            tell=lambda means: {"left": round(float(means[0]), 4)},
        )


def main() -> None:
    parser = parser_of(__doc__, save_every=4)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=12, help="frames a process and step")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--muon", type=float, default=1.5, help="times the rate of train.py")
    spread(work, parser.parse_args())


if __name__ == "__main__":
    main()
