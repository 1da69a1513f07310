"""Teach the restorer single frames first, on windows of the crop: four times as many a minute as whole crops.

No state, no judge: the Charbonnier distance alone, each window weighted by what was wrong with it. What comes
out is a checkpoint that train.py goes on from.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from net import FOLD, KNOWN, SIDE, STATE
from torch import Tensor, nn
from train import MUON_RATE, USUAL, WARM_UP_STEPS, Pack, Run, batch, distance, note, together

WINDOW, EACH = 128, 2
"""Side of a window, and windows of each frame."""
AVERAGE_DECAY = 0.998


def windows(pack: Pack, rng: np.random.Generator, count: int, progress: float) -> tuple[Tensor, ...]:
    """`count` frames cut to windows at EACH places alike: seen, clean, sharp; and where they lie."""
    views = batch(pack, rng, (count, 1), progress)
    step = 4 * FOLD
    corners = [
        tuple(int(n) * step for n in rng.integers(0, (SIDE - WINDOW) // step + 1, 2)) for _ in range(EACH)
    ]
    cut = [
        torch.cat([one[:, 0, :, y : y + WINDOW, x : x + WINDOW] for y, x in corners])
        for one in (views.seen, views.clean)
    ]
    return cut[0], cut[1], views.sharp.repeat(EACH), torch.tensor(corners)


def learn(run: Run, cut: tuple[Tensor, ...]) -> float:
    """One step; returns the share of the error that is left."""
    seen, clean, sharp, corners = cut
    share = min(1, (run.step + 1) / WARM_UP_STEPS)
    share *= 0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * min(1.0, run.spent / (run.args.minutes * 60))))
    for optimiser, rate in zip(run.optimisers, (run.args.rate, MUON_RATE * run.args.muon), strict=True):
        for group in optimiser.param_groups:
            group["lr"] = rate * share
    run.student.train()
    made = []
    side = WINDOW // FOLD
    with torch.autocast("cpu", torch.bfloat16):
        for part, corner in zip(seen.chunk(EACH), corners.tolist(), strict=True):
            image = part.contiguous(memory_format=torch.channels_last)
            nothing = torch.zeros(len(part), STATE, side, side)
            made.append(run.student(image, nothing, torch.zeros(len(part), KNOWN), corner)[0].float())
    wrong = distance(seen[:, None], clean[:, None], sharp)
    left = distance(torch.cat(made)[:, None], clean[:, None], sharp)
    loss = (left / (wrong + USUAL / 2)).mean()
    run.student.zero_grad(set_to_none=True)
    loss.backward()
    together([p.grad for p in run.student.parameters() if p.grad is not None])
    nn.utils.clip_grad_norm_(run.student.parameters(), 0.5)
    for optimiser in run.optimisers:
        optimiser.step()
    decay = min(AVERAGE_DECAY, (1 + run.step) / (10 + run.step))
    with torch.no_grad():
        for mean, value in zip(run.kept.parameters(), run.student.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)
    run.step += 1
    run.frames += len(seen) * dist.get_world_size()
    return float((left.sum() / wrong.sum()).detach())


def work(rank: int, args: argparse.Namespace) -> None:
    """One process of the training."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{args.meet}", rank=rank, world_size=args.processes)
    run, pack = Run(args), Pack(args.pack, "train")
    rng = np.random.default_rng(args.seed + 7 + run.step * 10 + rank)
    begin, saved, left = time.monotonic() - run.spent, time.monotonic(), 0.0
    while True:
        spent = torch.tensor([time.monotonic() - begin])
        dist.broadcast(spent, 0)
        run.spent = float(spent)
        if run.spent >= args.minutes * 60:
            break
        left += learn(run, windows(pack, rng, args.batch, 0.5))
        if rank or run.step % 50:
            continue
        note(
            args.out,
            step=run.step,
            windows=run.frames,
            minutes=round(run.spent / 60, 2),
            left=round(left / 50, 4),
        )
        left = 0.0
        if time.monotonic() - saved > args.save_every * 60:
            run.save()
            saved = time.monotonic()
    if not rank:
        run.save()
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="in all, with what earlier runs spent")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=12, help="frames a process and step")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--muon", type=float, default=1.5, help="times the rate of train.py")
    parser.add_argument("--save-every", type=float, default=4, help="minutes")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    args.meet = (args.out / "meet").resolve()
    args.meet.unlink(missing_ok=True)
    mp.spawn(work, args=(args,), nprocs=args.processes)


if __name__ == "__main__":
    main()
