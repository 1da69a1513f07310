"""Train the restorer on short sequences, on as many processes as cores; resumable, the rate by the clock."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from judges import Judge
from net import FOLD, KNOWN, SHIPPED, WIDE, Restorer, blank, dense_matrices, grow
from pool import Pack, Pool, Views, stacked
from torch import Tensor, nn

from vidface.media.degrade import LEVELS

sys.path.append(str(Path(__file__).resolve().parents[1]))
from loop import Pace, Run, follow, joined, parser_of, spread
from shipping import weights_of

PACE = Pace(adam=1e-3, muon=0.02, warm_up=60, floor=0.02, clip=0.5, decay=0.998)
USUAL = 0.04
"""Error of a usual sequence before restoration."""
WEIGHTS = {"pixels": 1.0, "motion": 0.5, "features": 0.02, "identity": 0.12}


def charbonnier(difference: Tensor) -> Tensor:
    """Of grey levels, 1 for 127.5: the absolute difference, but smooth below one level."""
    return torch.sqrt((difference * (1 / 127.5)).square() + 1e-4) - 1e-2


def distance(difference: Tensor, sharp: Tensor) -> Tensor:
    """Charbonnier of each folded crop (n, 48, 64, 64) -> (n,); soft pictures at half their side."""
    wide = difference.shape[-1]
    halves = difference.unflatten(1, (3, FOLD // 2, 2, FOLD // 2, 2)).mean((3, 5))
    fine = charbonnier(difference).mean((1, 2, 3))
    coarse = charbonnier(halves).reshape(len(halves), -1, wide).mean((1, 2))
    return torch.where(sharp, fine, coarse)


def frame(
    student: Restorer, views: tuple[Tensor, Tensor, Tensor], state: Tensor, before: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """One frame of a batch.

    Args:
        student: the restorer.
        views: as seen and clean, (n, 48, 64, 64) uint8; which are sharp.
        state: what the frame before left.
        before: its differences to the clean frame; None at the first.

    Returns:
        Differences to the clean frame; the next state; distances (3, n): to the clean frame, of the change,
        and that which there was.
    """
    seen, clean, sharp = views
    look = seen.to(torch.bfloat16)
    painted, state = student.painted(look, state, torch.zeros(len(seen), KNOWN))
    given = seen.float() - clean.float()
    difference = given + painted.float()
    moved = difference.new_zeros(len(seen)) if before is None else distance(difference - before, sharp)
    return difference, state, torch.stack([distance(difference, sharp), moved, distance(given, sharp)])


class Losses:
    """Pixels and motion of every frame; features and identity of one frame of each sequence."""

    def __init__(self, student: Restorer, judge: Judge, *, compiled: bool) -> None:
        self._student, self._judge = student, judge
        self._frame = torch.compile(frame, dynamic=False) if compiled else frame
        self._rng = np.random.default_rng(0)

    def __call__(self, views: Views) -> dict[str, Tensor]:
        """By name; means over the batch."""
        count, frames = views.seen.shape[:2]
        judged = int(self._rng.integers(frames))
        state = blank(count, self._student.size).to(torch.bfloat16, memory_format=torch.channels_last)
        before: Tensor | None = None
        found = []
        parts: dict[str, Tensor] = {}
        for place in range(frames):
            seen, clean = views.seen[:, place], views.clean[:, place]
            with torch.autocast("cpu", torch.bfloat16):
                before, state, distances = self._frame(
                    self._student, (seen, clean, views.sharp), state, before
                )
            found.append(distances)
            if place == judged:
                parts = self._likeness(clean.float() + before, clean.float())
        near, moved, wrong = torch.stack(found).mean(0)
        # What is hopeless would drown what can be learnt: each sequence counts by what was wrong with it.
        share = USUAL / (wrong + USUAL / 2)
        return {
            "pixels": (share * near).mean(),
            "motion": (share * moved).mean() * frames / max(1, frames - 1),
            **parts,
        }

    def _likeness(self, made: Tensor, clean: Tensor) -> dict[str, Tensor]:
        """What the judge says of folded crops."""
        unfold = nn.functional.pixel_shuffle
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                wanted, there = self._judge(unfold(clean, FOLD))
            found, here = self._judge(unfold(made, FOLD))
        near = sum(
            ((a.float() - b.float()).abs().mean() / b.float().abs().mean())
            for a, b in zip(here, there, strict=True)
        )
        return {"features": torch.as_tensor(near), "identity": (1 - (found * wanted).sum(1)).mean()}


def restored(student: Restorer, seen: Tensor) -> Tensor:
    """All frames of folded sequences, one after the other: (n, t, 3, 256, 256) float."""
    count, frames = seen.shape[:2]
    state, out = blank(count, student.size), []
    for place in range(frames):
        look = seen[:, place].float()
        painted, state = student.painted(look, state, torch.zeros(count, KNOWN))
        out.append(nn.functional.pixel_shuffle(look + painted.float(), FOLD))
    return torch.stack(out, 1)


def learn(run: Run[Restorer], views: Views, losses: Losses) -> list[float]:
    """One step; returns the losses."""
    run.student.train()
    parts = losses(views)
    weights = WEIGHTS | {"identity": run.args.identity}
    total = sum((weights[name] * loss for name, loss in parts.items()), torch.zeros(()))
    run.learn(total, views.seen.shape[0] * views.seen.shape[1])
    return [float(parts[name].detach()) for name in WEIGHTS]


def held_views(pack: Path, level: str, frames: int = 10) -> Views:
    """The same validation sequences every time: every piece, and every fifth picture up to twelve."""
    val = Pack(pack, "val")
    pieces = [row for row in val.rows if val.length[row] > 1]
    stills = [row for row in val.rows if val.length[row] == 1 and val.sharp(row)]
    rows = pieces + stills[:: max(1, len(stills) // 12)][:12]
    settings = LEVELS[level]
    return stacked([val.make(int(row), frames, np.random.default_rng(int(row)), settings) for row in rows])


def check(student: Restorer, judge: Judge, views: Views) -> dict[str, float]:
    """PSNR, identity and error of motion, of what comes out and of what goes in."""
    student.eval()
    sums: dict[str, list[float]] = {}
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for place in range(len(views.seen)):
            seen, clean = (nn.functional.pixel_shuffle(one[place].float(), FOLD) for one in views[:2])
            wanted = judge(clean)[0]
            out = restored(student, views.seen[place : place + 1])[0].clamp(0, 255)
            for name, made in (("made", out), ("input", seen)):
                error = (made - clean).square().mean((1, 2, 3))
                sums.setdefault(f"psnr_{name}", []).append(float((10 * torch.log10(255**2 / error)).mean()))
                sums.setdefault(f"ids_{name}", []).append(float((judge(made)[0] * wanted).sum(1).mean()))
                step = (made[1:] - made[:-1]) - (clean[1:] - clean[:-1])
                sums.setdefault(f"motion_{name}", []).append(float(step.abs().mean()))
    return {name: round(float(np.mean(values)), 4) for name, values in sums.items()}


def run_of(args: argparse.Namespace, pace: Pace) -> Run[Restorer]:
    """The restorer as it begins, or as it was left."""
    torch.manual_seed(args.seed)
    student = Restorer(WIDE if args.wide else SHIPPED).to(memory_format=torch.channels_last)
    if args.start is not None:
        grow(student, weights_of(args.start))
    return Run(args, student, dense_matrices(student), pace, "frames")


def work(rank: int, args: argparse.Namespace) -> None:
    """One process of the training."""
    with joined(rank, args):
        run = run_of(args, PACE._replace(adam=args.rate, muon=PACE.muon * args.rate / PACE.adam))
        judge = Judge(args.embedder)
        rng = np.random.default_rng(args.seed + run.step * 10 + rank)
        pool = Pool(Pack(args.pack, "train"), rng, args.pool)
        pool.fill(4 * args.batch, lambda: run.progress)
        losses = Losses(run.student, judge, compiled=args.compile)
        held = {level: held_views(args.pack, level) for level in ("medium",)} if rank == 0 else {}
        follow(
            run,
            rank,
            lambda: learn(run, pool.batch(args.batch, args.frames), losses),
            every=20,
            tell=lambda means: {
                "losses": dict(zip(WEIGHTS, means.round(5).tolist(), strict=True)),
                "made": pool.made,
            },
            check=lambda: [
                {"level": level, "check": check(run.kept, judge, views)} for level, views in held.items()
            ],
        )


def main() -> None:
    parser = parser_of(__doc__, save_every=5, check_every=12)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--embedder", type=Path, required=True, help="model.onnx of vidface-embed, the judge")
    parser.add_argument("--start", type=Path, help="model.onnx of a restorer to go on from, maybe narrower")
    parser.add_argument("--wide", action="store_true", help="three times the weights and the work")
    parser.add_argument("--batch", type=int, default=4, help="sequences a process and step")
    parser.add_argument("--frames", type=int, default=5, help="frames of a sequence, at most 10")
    parser.add_argument("--pool", type=int, default=1000, help="made sequences that are kept, 3.9 MB each")
    parser.add_argument("--identity", type=float, default=WEIGHTS["identity"], help="weight of its loss")
    parser.add_argument("--rate", type=float, default=PACE.adam)
    parser.add_argument("--compile", action="store_true", help="twice as fast; needs a C++ compiler")
    spread(work, parser.parse_args())


if __name__ == "__main__":
    main()
