"""Train the student from the bank, on as many processes as cores; resumable; the rate follows the clock."""

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
from torch import Tensor, nn
from views import view

sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
from muon import Muon

WARM_UP_STEPS, AVERAGE_DECAY, MUON_RATE = 200, 0.9985, 0.02
SHARPNESS, CROWD = 12.0, 1024
LOOK_S = 240.0


class Bank:
    """The shards there are; a new look now and then."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._rng = folder, np.random.default_rng(seed)
        self._looked, self._shards = -math.inf, list[tuple[np.ndarray, ...]]()
        self.look()
        maps = self._shards[0][2][:512].astype(np.float32)
        self.mean, self.spread = maps.mean((0, 1, 2)), maps.std((0, 1, 2)) + 1e-3

    def look(self) -> None:
        """Open shards that came since."""
        if time.monotonic() - self._looked < LOOK_S:
            return
        self._looked = time.monotonic()
        for path in sorted(self._folder.glob("pixels_*.npy"))[len(self._shards) :]:
            names = (path.name.replace("pixels", what) for what in ("pixels", "vectors", "maps"))
            self._shards.append(tuple(np.load(self._folder / name, mmap_mode="r") for name in names))

    def batch(self, count: int, progress: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Views uint8 RGB, unit vectors, scaled feature maps, and the vectors of a crowd."""
        self.look()
        images, vectors, maps = [], [], []
        for _ in range(count):
            pixels, vector, features = self._shards[self._rng.integers(len(self._shards))]
            row = int(self._rng.integers(len(pixels)))
            images.append(view(np.array(pixels[row]), self._rng, progress)[..., ::-1])
            vectors.append(vector[row])
            maps.append(features[row])
        crowd = [self._shards[self._rng.integers(len(self._shards))][1] for _ in range(4)]
        starts = [int(self._rng.integers(len(one) - CROWD // 4)) for one in crowd]
        others = np.concatenate([one[at : at + CROWD // 4] for one, at in zip(crowd, starts, strict=True)])
        scaled = (np.stack(maps).astype(np.float32) - self.mean) / self.spread
        return (
            torch.from_numpy(np.stack(images)),
            torch.from_numpy(np.stack(vectors).astype(np.float32)),
            torch.from_numpy(scaled),
            torch.from_numpy(others.astype(np.float32)),
        )


def losses(student: Embedder, batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> tuple[Tensor, ...]:
    """Direction, length, features, relation to a crowd."""
    images, wanted, maps, crowd = batch
    x = images.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        features = student.features(x)
        copied = student.imitate(features)
        found = student.head(features)
    found = found.float()
    direction = nn.functional.normalize(found)
    aside = 1 - (direction * wanted).sum(1)
    # The squared error's best answer is the mean of what may be true, so its length tells the doubt.
    length = (found - wanted).square().sum(1)
    near = nn.functional.smooth_l1_loss(copied.float().permute(0, 2, 3, 1), maps, beta=1.0)
    everyone = torch.cat([wanted, crowd])
    truth = torch.softmax(SHARPNESS * wanted @ everyone.T, 1)
    guess = torch.log_softmax(SHARPNESS * direction @ everyone.T, 1)
    relation = nn.functional.kl_div(guess, truth, reduction="batchmean")
    return aside.mean(), length.mean(), near, relation


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

    def learn(self, batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> list[float]:
        """One step with the gradients of all processes; returns this one's losses."""
        share = min(1, (self.step + 1) / WARM_UP_STEPS)
        share *= 0.01 + 0.99 * (
            0.5 + 0.5 * math.cos(math.pi * min(1.0, self.spent / (self.args.minutes * 60)))
        )
        for optimiser, rate in zip(self.optimisers, (self.args.rate, MUON_RATE), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * share
        self.student.train()
        aside, length, near, relation = losses(self.student, batch)
        self.student.zero_grad(set_to_none=True)
        (aside + 0.25 * length + near + 0.5 * relation).backward()
        together([p.grad for p in self.student.parameters() if p.grad is not None])
        nn.utils.clip_grad_norm_(self.student.parameters(), 2.0)
        for optimiser in self.optimisers:
            optimiser.step()
        average(self.kept, self.student, self.step)
        self.step, self.views = self.step + 1, self.views + len(batch[0]) * dist.get_world_size()
        return [float(loss.detach()) for loss in (aside, length, near, relation)]


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
            x = torch.from_numpy(np.ascontiguousarray(crops[start : start + 64, ..., ::-1]))
            x = x.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
            out.append(student(x).float().numpy())
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
    bank = Bank(args.bank, args.seed + run.step * 10 + rank)
    held = Held(args.pack, "val") if rank == 0 else None
    start, saved, checked, sums = (
        time.monotonic() - run.spent,
        time.monotonic(),
        time.monotonic(),
        np.zeros(4),
    )
    while True:
        spent = torch.tensor([time.monotonic() - start])
        dist.broadcast(spent, 0)
        run.spent = float(spent)
        if run.spent >= args.minutes * 60:
            break
        sums += run.learn(bank.batch(args.batch, run.spent / (args.minutes * 60)))
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
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="in all, with what earlier runs spent")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64, help="views a process and step")
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
