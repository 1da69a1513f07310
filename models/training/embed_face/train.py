"""Train the student, on as many processes as cores; resumable; rate and order follow the clock.

First every part of the student by itself, from the teacher's map before it to the teacher's map after it;
then all in a row, still held to the teacher's maps; at last with spoiled pictures.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from judge import SIDES, Held, shrunk, table
from net import Embedder, dense_matrices
from teacher import Teacher
from torch import Tensor, nn
from views import PARTED, view

sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
from muon import Muon

WARM_UP_STEPS, AVERAGE_DECAY, MUON_RATE = 100, 0.9985, 0.03
SHARPNESS, CROWD = 12.0, 1024
LOOK_S, APART = 240.0, 0.25
"""Seconds between looks for new shards; share of the training in which parts learn by themselves."""


class Bank:
    """The shards there are; a new look now and then."""

    def __init__(self, folder: Path, seed: int) -> None:
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

    def batch(self, count: int, progress: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the teacher sees, what the student sees (uint8 BGR), and the vectors of a crowd."""
        self.look()
        sharp, views = [], []
        for _ in range(count):
            pixels, _ = self._shards[self._rng.integers(len(self._shards))]
            row = int(self._rng.integers(len(pixels)))
            image = np.array(pixels[row])
            if self._rng.random() < 0.5:
                image = np.ascontiguousarray(image[:, ::-1])
            one, other = view(image, self._rng, progress)
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


def losses(student: Embedder, teacher: Teacher, batch: tuple[np.ndarray, ...], apart: bool) -> list[Tensor]:
    """Maps (three), direction, length, relation to a crowd."""
    sharp, views, crowd = batch
    vectors, arrays = teacher(sharp)
    wanted = torch.from_numpy(vectors)
    maps = [torch.from_numpy(one).contiguous(memory_format=torch.channels_last) for one in arrays]
    copies, vector = found(student, views, maps, apart)
    near = [
        ((copy - goal).square() / (goal.var((0, 2, 3), keepdim=True) + 1e-4)).mean()
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


def shares(progress: float) -> tuple[float, ...]:
    """Weights of the losses: maps matter less once the pictures are spoiled."""
    hint = 1.0 if progress < PARTED else 0.25
    return (hint, hint, hint, 3.0, 0.75, 0.3 if progress < APART else 1.0)


class Run:
    """Student, averaged student, optimisers, counters; kept in last.pt by rank 0."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        self.args, self.path = args, args.out / "last.pt"
        self.student = Embedder().to(memory_format=torch.channels_last)
        self.step, self.views, self.spent = 0, 0, 0.0
        state = torch.load(self.path, weights_only=True) if self.path.exists() else None
        self.kept = copy.deepcopy(self.student)
        dense = dense_matrices(self.student)
        chosen = {id(weight) for weight in dense}
        rest = [weight for weight in self.student.parameters() if id(weight) not in chosen]
        self.optimisers = [
            torch.optim.AdamW(rest, lr=args.rate, weight_decay=1e-4),
            Muon(dense, lr=MUON_RATE),
        ]
        if state is not None:
            self.student.load_state_dict(state["student"])
            self.kept.load_state_dict(state["average"])
            for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
                if len(kept["param_groups"][0]["params"]) == len(optimiser.param_groups[0]["params"]):
                    optimiser.load_state_dict(kept)
            self.step, self.views, self.spent = state["step"], state["views"], state["spent"]

    def save(self) -> None:
        """Write the checkpoint in one step, so that a cut never leaves half of one."""
        state: dict[str, object] = {"student": self.student.state_dict(), "average": self.kept.state_dict()}
        state["optimisers"] = [optimiser.state_dict() for optimiser in self.optimisers]
        torch.save(state | {"step": self.step, "views": self.views, "spent": self.spent}, f"{self.path}.part")
        Path(f"{self.path}.part").replace(self.path)

    def learn(self, teacher: Teacher, batch: tuple[np.ndarray, ...]) -> list[float]:
        """One step with the gradients of all processes; returns this one's losses."""
        progress = self.progress
        share = min(1, (self.step + 1) / WARM_UP_STEPS)
        share *= 0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * progress))
        for optimiser, rate in zip(self.optimisers, (self.args.rate, MUON_RATE), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * share
        self.student.train()
        parts = losses(self.student, teacher, batch, progress < APART)
        self.student.zero_grad(set_to_none=True)
        sum((w * loss for w, loss in zip(shares(progress), parts, strict=True)), torch.zeros(())).backward()
        together([p.grad for p in self.student.parameters() if p.grad is not None])
        nn.utils.clip_grad_norm_(self.student.parameters(), 5.0)
        for optimiser in self.optimisers:
            optimiser.step()
        average(self.kept, self.student, self.step)
        self.step, self.views = self.step + 1, self.views + len(batch[0]) * dist.get_world_size()
        return [float(loss.detach()) for loss in parts]

    @property
    def progress(self) -> float:
        """Share of the training's time that is over."""
        return min(1.0, self.spent / (self.args.minutes * 60))


def together(gradients: list[Tensor]) -> None:
    """Mean over the processes, in place."""
    flat = torch.cat([one.reshape(-1) for one in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    start = 0
    for one in gradients:
        one.copy_(flat[start : start + one.numel()].view_as(one))
        start += one.numel()


def average(kept: Embedder, student: Embedder, step: int) -> None:
    """Exponential moving average of weights and of the batch norms' statistics."""
    decay = min(AVERAGE_DECAY, (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, value in zip(kept.state_dict().values(), student.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


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


def note(out: Path, **row: object) -> None:
    """Append one line to the training log."""
    with (out / "train.jsonl").open("a") as log:
        log.write(json.dumps(row) + "\n")


def work(rank: int, args: argparse.Namespace) -> None:
    """One process of the training."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{args.meet}", rank=rank, world_size=args.processes)
    run = Run(args)
    bank, teacher = Bank(args.bank, args.seed + run.step * 10 + rank), Teacher(args.teacher)
    held = Held(args.pack, "val") if rank == 0 else None
    start, saved, checked, sums = (
        time.monotonic() - run.spent,
        time.monotonic(),
        time.monotonic(),
        np.zeros(6),
    )
    while True:
        spent = torch.tensor([time.monotonic() - start])
        dist.broadcast(spent, 0)
        run.spent = float(spent)
        if run.spent >= args.minutes * 60:
            break
        sums += run.learn(teacher, bank.batch(args.batch, run.progress))
        if rank or run.step % 50:
            continue
        row = {"step": run.step, "views": run.views, "minutes": round(run.spent / 60, 2)}
        note(args.out, **row, losses=(sums / 50).round(4).tolist())
        sums[:] = 0
        if time.monotonic() - saved > args.save_every * 60:
            run.save()
            saved = time.monotonic()
        if held is not None and time.monotonic() - checked > args.check_every * 60:
            note(args.out, step=run.step, check=check(run.kept, held))
            checked = time.monotonic()
    if held is not None:
        run.save()
        note(args.out, step=run.step, views=run.views, done=True, check=check(run.kept, held))
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="in all, with what earlier runs spent")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32, help="views a process and step")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--save-every", type=float, default=5, help="minutes")
    parser.add_argument("--check-every", type=float, default=12, help="minutes")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    args.meet = (args.out / "meet").resolve()
    args.meet.unlink(missing_ok=True)
    mp.spawn(work, args=(args,), nprocs=args.processes)


if __name__ == "__main__":
    main()
