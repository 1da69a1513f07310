"""Train the blend network on self-blended pictures, on all cores; resumable; the rate follows the clock."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from net import BlendNet, dense_matrices
from torch import Tensor, nn
from views import Batch, Camera, Faces, batch_of, rows_of, stacked

sys.path.append(str(Path(__file__).resolve().parents[1]))
from loop import Pace, Run, follow, joined, parser_of, spread

PACE = Pace(adam=1e-3, muon=0.02, warm_up=100, floor=0.01, clip=2.0, decay=0.998)
WEIGHTS = {"whether": 1.0, "where": 1.0, "seam": 0.5}
HELD_SEED, HELD_SHEETS = 11, 72
EVERY = 25
"""Steps from one line of the log to the next."""


def tensor(images: Tensor) -> Tensor:
    """(n, SIDE, SIDE, 3) uint8 -> (n, 3, SIDE, SIDE) float."""
    return images.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)


def losses(network: BlendNet, batch: Batch) -> dict[str, Tensor]:
    """Cross entropies: whether, what was put in, where its seam is."""
    with torch.autocast("cpu", torch.bfloat16):
        logit, maps = network(tensor(batch.images))
    chance = nn.functional.binary_cross_entropy_with_logits
    return {
        "whether": chance(logit.float()[:, 0], batch.label * 0.98 + 0.01),
        "where": chance(maps[:, 0].float(), batch.maps[:, 0]),
        "seam": chance(maps[:, 1].float(), batch.maps[:, 1]),
    }


def run_of(args: argparse.Namespace) -> Run[BlendNet]:
    """The network as it begins, or as it was left."""
    torch.manual_seed(args.seed)
    student = BlendNet().to(memory_format=torch.channels_last)
    return Run(args, student, dense_matrices(student), PACE, "seen")


def learn(run: Run[BlendNet], batch: Batch) -> list[float]:
    """One step; returns the losses."""
    run.student.train()
    parts = losses(run.student, batch)
    total = sum((WEIGHTS[name] * loss for name, loss in parts.items()), torch.zeros(()))
    run.learn(total, len(batch.label))
    return [float(loss.detach()) for loss in parts.values()]


class Maker:
    """Batches of this process, and the seconds that they took."""

    def __init__(self, args: argparse.Namespace, step: int, rank: int) -> None:
        self._faces, self._camera = Faces(args.pack, "train"), Camera(args.seed + rank)
        self._rng, self._pairs = np.random.default_rng((args.seed, step, rank)), args.pairs
        self._taken = 0.0

    def __call__(self) -> Batch:
        begun = time.thread_time()
        batch = batch_of(self._faces, self._camera, self._rng, self._pairs)
        self._taken += time.thread_time() - begun
        return batch

    def seconds(self) -> float:
        """What they took since this was last asked."""
        taken, self._taken = self._taken, 0.0
        return taken


def held_batches(pack: Path) -> dict[str, Batch]:
    """The same validation pairs every time: video, and pictures."""
    faces, camera, rng = Faces(pack, "val"), Camera(HELD_SEED), np.random.default_rng(HELD_SEED)
    rows: dict[str, list] = {"video": [], "still": []}
    for _ in range(HELD_SHEETS):
        drawn = [faces.draw(rng) for _ in range(3)]
        rows["video"] += rows_of(drawn[:2], camera, camera.spoil(rng, video=True), rng)
        rows["still"] += rows_of(drawn[2:], camera, camera.spoil(rng, video=False), rng)
    return {name: stacked(some) for name, some in rows.items()}


def ranked(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the curve: how often a fake scores above a real one."""
    fake, real = scores[labels > 0.5][:, None], scores[labels < 0.5][None]
    return float((fake > real).mean() + 0.5 * (fake == real).mean())


def check(network: BlendNet, batches: dict[str, Batch]) -> dict[str, float]:
    """Area under the curve and loss on held-out people."""
    network.eval()
    out = {}
    for name, batch in batches.items():
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            logits = torch.cat([network(tensor(some))[0][:, 0].float() for some in batch.images.split(32)])
        loss = nn.functional.binary_cross_entropy_with_logits(logits, batch.label)
        out[f"auc_{name}"] = round(ranked(logits.numpy(), batch.label.numpy()), 4)
        out[f"loss_{name}"] = round(float(loss), 4)
    return out


def work(rank: int, args: argparse.Namespace) -> None:
    """One process."""
    with joined(rank, args):
        run = run_of(args)
        make = Maker(args, run.step, rank)
        held = held_batches(args.pack) if rank == 0 else {}
        follow(
            run,
            rank,
            lambda: learn(run, make()),
            every=EVERY,
            tell=lambda means: {
                "losses": means.round(4).tolist(),
                "making_s": round(make.seconds() / EVERY, 3),
            },
            check=lambda: [{"check": check(run.kept, held)}],
        )


def main() -> None:
    parser = parser_of(__doc__, save_every=3, check_every=5)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=16, help="a process and step, a multiple of 4")
    spread(work, parser.parse_args())


if __name__ == "__main__":
    main()
