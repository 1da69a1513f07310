"""What the trainings share: rates by the clock, averaged weights, checkpoints, processes, the log."""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import cv2
import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from muon import Muon
from torch import Tensor, nn

Student = TypeVar("Student", bound=nn.Module)


class Pace(NamedTuple):
    """How fast a student learns.

    Attributes:
        adam, muon: rates of the two optimisers.
        warm_up: steps in which they rise.
        floor: share of the rates that is left at the end.
        clip: length beyond which the gradient is cut.
        decay: of the averaged weights, once many steps are done.
    """

    adam: float
    muon: float
    warm_up: int
    floor: float
    clip: float
    decay: float

    def share(self, step: int, progress: float) -> float:
        """Share of the rates at a step: risen over the first ones, then down a half cosine by the clock."""
        risen = min(1, (step + 1) / self.warm_up)
        return risen * (self.floor + (1 - self.floor) * (0.5 + 0.5 * math.cos(math.pi * progress)))


class Run(Generic[Student]):
    """A student, its average, optimisers and counters; kept in last.pt by the first process.

    Args:
        args: `out`, the folder, and `minutes`, those of the whole training.
        student: as it begins.
        dense: its matrices that Muon takes; AdamW takes the rest.
        counted: what `seen` counts, by which name the checkpoint has it.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        student: Student,
        dense: Sequence[nn.Parameter],
        pace: Pace,
        counted: str,
    ) -> None:
        self.args, self.pace, self.counted, self.path = args, pace, counted, args.out / "last.pt"
        self.student, self.kept = student, copy.deepcopy(student)
        self.step, self.seen, self.spent = 0, 0, 0.0
        chosen = {id(weight) for weight in dense}
        rest = [weight for weight in student.parameters() if id(weight) not in chosen]
        self.optimisers = [
            torch.optim.AdamW(rest, lr=pace.adam, weight_decay=1e-4),
            Muon(dense, lr=pace.muon),
        ]
        if self.path.exists():
            self._load(torch.load(self.path, weights_only=True))

    def _load(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint; an optimiser that was not kept, or had other parameters, begins anew."""
        self.student.load_state_dict(state["student"])
        self.kept.load_state_dict(state["average"])
        for optimiser, kept in zip(self.optimisers, state["optimisers"] or (), strict=False):
            if len(kept["param_groups"][0]["params"]) == len(optimiser.param_groups[0]["params"]):
                optimiser.load_state_dict(kept)
        self.step, self.seen, self.spent = state["step"], state[self.counted], state["spent"]

    def save(self) -> None:
        """Write the checkpoint in one step, so that a cut never leaves half of one."""
        state: dict[str, object] = {"student": self.student.state_dict(), "average": self.kept.state_dict()}
        state["optimisers"] = [optimiser.state_dict() for optimiser in self.optimisers]
        state |= {"step": self.step, self.counted: self.seen, "spent": self.spent}
        part = Path(f"{self.path}.part")
        torch.save(state, part)
        part.replace(self.path)

    @property
    def progress(self) -> float:
        """Share of the training's time that is over."""
        return min(1.0, self.spent / (self.args.minutes * 60))

    def learn(self, loss: Tensor, seen: int) -> None:
        """One step down a loss by the mean gradient of all processes, each of which saw so many."""
        share = self.pace.share(self.step, self.progress)
        for optimiser, rate in zip(self.optimisers, (self.pace.adam, self.pace.muon), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * share
        self.student.zero_grad(set_to_none=True)
        loss.backward()
        if dist.is_initialized():
            together([p.grad for p in self.student.parameters() if p.grad is not None])
            seen *= dist.get_world_size()
        nn.utils.clip_grad_norm_(self.student.parameters(), self.pace.clip)
        for optimiser in self.optimisers:
            optimiser.step()
        average(self.kept, self.student, min(self.pace.decay, (1 + self.step) / (10 + self.step)))
        self.step, self.seen = self.step + 1, self.seen + seen


def together(gradients: list[Tensor]) -> None:
    """Mean over the processes, in place."""
    flat = torch.cat([one.reshape(-1) for one in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    start = 0
    for one in gradients:
        one.copy_(flat[start : start + one.numel()].view_as(one))
        start += one.numel()


def average(kept: nn.Module, student: nn.Module, decay: float) -> None:
    """Exponential moving average of weights and of the batch norms' statistics."""
    with torch.no_grad():
        for mean, value in zip(kept.state_dict().values(), student.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


def note(out: Path, **row: object) -> None:
    """Append one line to the training log."""
    with (out / "train.jsonl").open("a") as log:
        log.write(json.dumps(row) + "\n")


def follow(
    run: Run[Any],
    rank: int,
    learn: Callable[[], Sequence[float]],
    *,
    every: int,
    tell: Callable[[np.ndarray], dict[str, object]],
    check: Callable[[], Iterable[dict[str, object]]] | None = None,
) -> None:
    """Learn until the time is over; the first process keeps the log, saves and checks.

    Time is the first process's on its processor, so that other work makes a training longer and no worse.

    Args:
        learn: one step; returns this process's losses.
        every: steps from one line of the log to the next.
        tell: their mean losses -> what the log says of them.
        check: what the log says of the averaged student, line by line; None says nothing.
    """
    args, start = run.args, time.process_time() - run.spent
    saved = checked = time.monotonic()
    sums = np.zeros(1)
    while (spent := _agreed(time.process_time() - start)) < args.minutes * 60:
        run.spent = spent
        sums = sums + np.asarray(learn())
        if rank or run.step % every:
            continue
        row = {"step": run.step, run.counted: run.seen, "minutes": round(run.spent / 60, 2)}
        note(args.out, **row, **tell(sums / every))
        sums = np.zeros(1)
        if time.monotonic() - saved > args.save_every * 60:
            run.save()
            saved = time.monotonic()
        if check is not None and time.monotonic() - checked > args.check_every * 60:
            for line in check():
                note(args.out, step=run.step, **line)
            checked = time.monotonic()
    run.spent = spent
    if not rank:
        run.save()
        for line in check() if check is not None else ():
            note(args.out, step=run.step, **{run.counted: run.seen}, done=True, **line)


def _agreed(spent: float) -> float:
    """Seconds of the first process, so that all end with the same step."""
    told = torch.tensor([spent])
    dist.broadcast(told, 0)
    return float(told)


@contextmanager
def joined(rank: int, args: argparse.Namespace) -> Iterator[None]:
    """One of the processes, on one thread; all end together."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{args.meet}", rank=rank, world_size=args.processes)
    yield
    dist.barrier()
    dist.destroy_process_group()


def spread(work: Callable[[int, argparse.Namespace], None], args: argparse.Namespace) -> None:
    """Start the processes that work on one training."""
    args.out.mkdir(parents=True, exist_ok=True)
    args.meet = (args.out / "meet").resolve()
    args.meet.unlink(missing_ok=True)
    mp.spawn(work, args=(args,), nprocs=args.processes)


def parser_of(
    description: str | None, *, save_every: float, check_every: float | None = None
) -> argparse.ArgumentParser:
    """What every training on several processes is told; defaults in minutes, None for no checks."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for last.pt and train.jsonl")
    parser.add_argument("--minutes", type=float, required=True, help="in all, with what earlier runs spent")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--save-every", type=float, default=save_every, help="minutes")
    if check_every is not None:
        parser.add_argument("--check-every", type=float, default=check_every, help="minutes")
    parser.add_argument("--seed", type=int, default=0)
    return parser
