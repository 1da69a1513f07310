"""Train the student, on as many processes as cores; resumable; rate and order follow the clock.

First every part of the student by itself, from the teacher's map before it to the teacher's map after it;
then all in a row, still held to the teacher's maps; at last with spoiled pictures. `--after` begins a second
training where a first one ended: all in a row from the start, on varied faces, sharp and spoiled by turns.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from judge import SIDES, Held, shrunk, table
from net import Embedder, dense_matrices
from teacher import Teacher
from torch import Tensor, nn
from views import PARTED, later_view, view

sys.path.append(str(Path(__file__).resolve().parents[1]))
from loop import Pace, Run, follow, joined, parser_of, spread

PACE = Pace(adam=2e-3, muon=0.03, warm_up=100, floor=0.01, clip=5.0, decay=0.9985)
SHARPNESS, CROWD = 12.0, 1024
SPOILED_MAPS = 0.25
"""Weight of the teacher's maps where the student sees a spoiled picture of what the teacher sees sharp."""
LOOK_S, APART = 240.0, 0.25
"""Seconds between looks for new shards; share of the training in which parts learn by themselves."""


class Bank:
    """The shards there are; a new look now and then."""

    def __init__(self, folder: Path, seed: int, later: bool) -> None:
        self._later = later
        self._folder, self._rng = folder, np.random.default_rng(seed)
        self._looked, self._shards = -math.inf, list[tuple[np.ndarray, ...]]()
        self.look()

    def look(self) -> None:
        """Open shards that came since."""
        if time.monotonic() - self._looked < LOOK_S:
            return
        self._looked = time.monotonic()
        for path in sorted(self._folder.glob("pixels_*.npy"))[len(self._shards) :]:
            names = (path.name.replace("pixels", what) for what in ("pixels", "vectors"))
            self._shards.append(tuple(np.load(self._folder / name, mmap_mode="r") for name in names))

    def _face(self) -> np.ndarray:
        """Any face of any shard, mirrored or not."""
        pixels, _ = self._shards[self._rng.integers(len(self._shards))]
        image = np.array(pixels[int(self._rng.integers(len(pixels)))])
        return np.ascontiguousarray(image[:, ::-1]) if self._rng.random() < 0.5 else image

    def batch(self, count: int, progress: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the teacher sees, what the student sees (uint8 BGR), and the vectors of a crowd."""
        self.look()
        sharp, views = [], []
        for _ in range(count):
            if self._later:
                one, other = later_view(self._face(), self._face(), self._rng)
            else:
                one, other = view(self._face(), self._rng, progress)
            sharp.append(one)
            views.append(other)
        crowd = [self._shards[self._rng.integers(len(self._shards))][1] for _ in range(4)]
        starts = [int(self._rng.integers(len(one) - CROWD // 4)) for one in crowd]
        others = np.concatenate([one[at : at + CROWD // 4] for one, at in zip(crowd, starts, strict=True)])
        return np.stack(sharp), np.stack(views), others.astype(np.float32)


def tensor(views: np.ndarray) -> Tensor:
    """(n, 112, 112, 3) BGR -> (n, 3, 112, 112) RGB."""
    x = torch.from_numpy(np.ascontiguousarray(views[..., ::-1]))
    return x.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)


def found(
    student: Embedder, views: np.ndarray, maps: list[Tensor], apart: bool
) -> tuple[list[Tensor], Tensor]:
    """The student's maps and embedding; `apart`: each part reads the teacher's map, not the student's."""
    out, x = [], tensor(views)
    with torch.autocast("cpu", torch.bfloat16):
        x = student.look(x)
        for part, given in zip(student.parts, maps, strict=True):
            copied = part(x)
            out.append(copied.float())
            x = given if apart else copied
        vector = student.head(x)
    return out, vector.float()


def losses(
    student: Embedder, teacher: Teacher, batch: tuple[np.ndarray, ...], *, apart: bool, later: bool
) -> list[Tensor]:
    """Maps (three), direction, length, relation to a crowd."""
    sharp, views, crowd = batch
    vectors, arrays = teacher(sharp)
    wanted = torch.from_numpy(vectors)
    maps = [torch.from_numpy(one).contiguous(memory_format=torch.channels_last) for one in arrays]
    copies, vector = found(student, views, maps, apart)
    # What the teacher's maps show of a sharp picture, a spoiled one only lets guess: `later` each view counts
    # by what it is; in a first training all count alike.
    alike = (sharp == views).all((1, 2, 3)) if later else np.ones(len(views), bool)
    held = torch.from_numpy(np.where(alike, 1.0, SPOILED_MAPS).astype(np.float32))
    near = [
        (((copy - goal).square() / (goal.var((0, 2, 3), keepdim=True) + 1e-4)).mean((1, 2, 3)) * held).mean()
        for copy, goal in zip(copies, maps, strict=True)
    ]
    direction = nn.functional.normalize(vector)
    aside = 1 - (direction * wanted).sum(1)
    # The squared error's best answer is the mean of what may be true, so its length tells the doubt.
    length = (vector - wanted).square().sum(1)
    everyone = torch.cat([wanted, torch.from_numpy(crowd)])
    truth = torch.softmax(SHARPNESS * wanted @ everyone.T, 1)
    guess = torch.log_softmax(SHARPNESS * direction @ everyone.T, 1)
    relation = nn.functional.kl_div(guess, truth, reduction="batchmean")
    return [*near, aside.mean(), length.mean(), relation]


def shares(progress: float, later: bool) -> tuple[float, ...]:
    """Weights of the losses: maps matter less once pictures are spoiled (`later` says which are)."""
    hint = 1.0 if later or progress < PARTED else 0.25
    return (hint, hint, hint, 3.0, 0.75, 0.3 if not later and progress < APART else 1.0)


def learn(run: Run[Embedder], teacher: Teacher, batch: tuple[np.ndarray, ...]) -> list[float]:
    """One step; returns the losses."""
    run.student.train()
    later = run.args.after is not None
    parts = losses(run.student, teacher, batch, apart=not later and run.progress < APART, later=later)
    weights = shares(run.progress, later)
    run.learn(sum((w * loss for w, loss in zip(weights, parts, strict=True)), torch.zeros(())), len(batch[0]))
    return [float(loss.detach()) for loss in parts]


def vectors_of(student: Embedder, crops: np.ndarray) -> np.ndarray:
    """Embeddings of BGR crops."""
    student.eval()
    out = []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(crops), 64):
            out.append(student(tensor(crops[start : start + 64])).float().numpy())
    return np.concatenate(out)


def check(student: Embedder, held: Held) -> dict[str, float]:
    """Accuracy on validation pairs by the second picture's size."""
    small = {side: vectors_of(student, shrunk(held.crops, side)) for side in SIDES}
    return table(small[112], small, held)


def work(rank: int, args: argparse.Namespace) -> None:
    """One process of the training."""
    with joined(rank, args):
        torch.manual_seed(args.seed)
        student = Embedder().to(memory_format=torch.channels_last)
        if args.after is not None:
            student.load_state_dict(torch.load(args.after, weights_only=True)["average"])
        run = Run(args, student, dense_matrices(student), PACE._replace(adam=args.rate), "views")
        bank = Bank(args.bank, args.seed + run.step * 10 + rank, args.after is not None)
        teacher = Teacher(args.teacher)
        held = Held(args.pack, "val") if rank == 0 else None
        follow(
            run,
            rank,
            lambda: learn(run, teacher, bank.batch(args.batch, run.progress)),
            every=50,
            tell=lambda means: {"losses": means.round(4).tolist()},
            check=lambda: [{"check": check(run.kept, held)}] if held is not None else [],
        )


def main() -> None:
    parser = parser_of(__doc__, save_every=5, check_every=12)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--after", type=Path, help="last.pt of a finished training, to begin from")
    parser.add_argument("--batch", type=int, default=32, help="views a process and step")
    parser.add_argument("--rate", type=float, default=2e-3)
    spread(work, parser.parse_args())


if __name__ == "__main__":
    main()
