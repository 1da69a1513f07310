"""Train the student on the stream; the learning rate follows the clock, checkpoints can be resumed."""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from model import FaceDetector, Separable
from muon import Muon
from scoring import Tally
from stream import Batch, Stream, validation
from teacher import Teacher, decode, grid_of, suppress
from torch import Tensor, nn
from torch.utils.data import DataLoader

WARM_UP_STEPS = 300
AVERAGE_DECAY = 0.9985
MUON_RATE = 0.02


def score_loss(logits: Tensor, wanted: Tensor, weight: Tensor, positives: Tensor) -> Tensor:
    """Quality focal loss (Li et al. 2020), exponent 1.5: cross-entropy to a soft score."""
    wanted = wanted.unsqueeze(-1).expand_as(logits)
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    focus = (torch.sigmoid(logits.detach()) - wanted).abs() ** 1.5
    return (entropy * focus * weight.unsqueeze(-1)).sum() / positives


def place_loss(cells: Tensor, wanted: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """1 - IoU of boxes, and mean landmark distance over the face's size; cells (k, 14), weights (k,)."""
    size, goal = cells[:, 2:4].clamp(max=5).exp(), wanted[:, 2:4].exp()
    low = torch.maximum(cells[:, :2] - size / 2, wanted[:, :2] - goal / 2)
    high = torch.minimum(cells[:, :2] + size / 2, wanted[:, :2] + goal / 2)
    inter = (high - low).clamp(min=0).prod(1)
    iou = inter / (size.prod(1) + goal.prod(1) - inter)
    side = goal.prod(1).sqrt().unsqueeze(1)
    shift = ((cells[:, :2] - wanted[:, :2]) / side).abs().sum(1) + (cells[:, 2:4] - wanted[:, 2:4]).abs().sum(
        1
    )
    points = nn.functional.smooth_l1_loss(
        cells[:, 4:] / side, wanted[:, 4:] / side, beta=0.01, reduction="none"
    )
    total = weight.sum().clamp(min=1)
    return ((1 - iou + 0.5 * shift) * weight).sum() / total, (points.mean(1) * weight).sum() / total


def loss_of(student: nn.Module, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Score, box and landmark losses of a batch."""
    images, wanted, weight = batch
    x = images.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        cells = student(x)
    score = wanted[..., 0]
    positive = (score > 0.3) & (weight > 0)
    count = (score * positive).sum().clamp(min=10)
    sure = score[positive] ** 2 * weight[positive]  # the best cell of a face is the one that is kept
    box, points = place_loss(cells[positive][:, 2:], wanted[positive][:, 2:], sure)
    return score_loss(cells[..., :2], score, weight, count), box, points


def average(kept: FaceDetector, student: FaceDetector, step: int) -> None:
    """Exponential moving average of weights and of the batch norms' statistics."""
    decay = min(AVERAGE_DECAY, (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, value in zip(kept.state_dict().values(), student.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


def detect(student: FaceDetector, image: np.ndarray, score: float) -> np.ndarray:
    """Faces (n, 15) on a BGR picture whose sides are multiples of 32."""
    with torch.no_grad():
        cells = student(torch.from_numpy(image).permute(2, 0, 1)[None].float())[0].numpy()
    cells[:, 0] = np.sqrt(1 / (1 + np.exp(-cells[:, 0])) / (1 + np.exp(-cells[:, 1])))
    keep = cells[:, 0] >= score
    return suppress(decode(cells[keep], grid_of(*image.shape[:2])[keep]))


def check(
    student: FaceDetector, pictures: list[tuple[np.ndarray, np.ndarray]], teacher: Teacher
) -> dict[str, float]:
    """Agreement with the teacher at 0.6 on the validation canvases: clean, and spoiled."""
    clean, spoiled = Tally(), Tally()
    student.eval()
    for image, bad in pictures:
        wanted = teacher.detect(image, 0.6)
        clean.add(detect(student, image, 0.3), wanted)
        spoiled.add(detect(student, bad, 0.3), wanted)
    out = {}
    for name, tally in (("clean", clean), ("spoiled", spoiled)):
        for threshold in (0.5, 0.6):
            row = tally.summary(threshold)
            out |= {
                f"{name}_{key}_{threshold}": row[key] for key in ("recall", "precision", "landmark_error_pct")
            }
    return out


def save(path: Path, parts: dict[str, object]) -> None:
    """Write a checkpoint in one step, so that a cut never leaves half of one."""
    torch.save(parts, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def optimisers_of(student: FaceDetector, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the dense matrices inside, AdamW for the stem, depthwise kernels, norms and heads."""
    dense = [part.point.weight for part in student.modules() if isinstance(part, Separable)]
    dense += [student.early[1].conv.weight, *(part.weight for part in student.lateral)]
    chosen = {id(weight) for weight in dense}
    rest = [weight for weight in student.parameters() if id(weight) not in chosen]
    return [torch.optim.AdamW(rest, lr=rate, weight_decay=1e-4), Muon(dense, lr=MUON_RATE)]


class Run:
    """Student, averaged student, optimiser and counters; kept in last.pt."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        self.args, self.path = args, args.out / "last.pt"
        self.student = FaceDetector().to(memory_format=torch.channels_last)
        self.kept = copy.deepcopy(self.student)
        self.optimisers = optimisers_of(self.student, args.rate)
        self.student.early.requires_grad_(not args.hold_early)
        self.step, self.views, self.spent = 0, 0, 0.0
        if self.path.exists():
            state = torch.load(self.path, weights_only=True)
            self.student.load_state_dict(state["student"])
            self.kept.load_state_dict(state["average"])
            for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(kept)
            self.step, self.views, self.spent = state["step"], state["views"], state["spent"]

    def save(self) -> None:
        """Write the checkpoint in one step, so that a cut never leaves half of one."""
        part = self.path.with_suffix(".part")
        state: dict[str, object] = {"student": self.student.state_dict(), "average": self.kept.state_dict()}
        state["optimisers"] = [optimiser.state_dict() for optimiser in self.optimisers]
        torch.save(state | {"step": self.step, "views": self.views, "spent": self.spent}, part)
        part.replace(self.path)

    def learn(self, batch: Batch) -> list[float]:
        """One optimiser step; returns the three losses."""
        part = self.spent / (self.args.minutes * 60)
        share = min(1, (self.step + 1) / WARM_UP_STEPS) * (0.01 + 0.99 * cosine(part))
        for optimiser, rate in zip(self.optimisers, (self.args.rate, MUON_RATE), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * share
        self.student.train()
        score, box, points = loss_of(self.student, batch)
        self.student.zero_grad(set_to_none=True)
        (score + 2 * box + 60 * points).backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), 10.0)
        for optimiser in self.optimisers:
            optimiser.step()
        average(self.kept, self.student, self.step)
        self.step, self.views = self.step + 1, self.views + len(batch[0])
        return [float(loss.detach()) for loss in (score, box, points)]


def train(args: argparse.Namespace) -> None:
    """The training loop; ends by the clock."""
    run, teacher = Run(args), Teacher(args.teacher)
    pictures = validation(args.pack, args.check_pictures)
    stream = Stream(args.pack, args.teacher, args.seed + run.step)
    loader = DataLoader(stream, batch_size=None, num_workers=args.workers, multiprocessing_context="spawn")
    batches = iter(loader)
    start, saved, sums = time.monotonic() - run.spent, time.monotonic(), np.zeros(3)
    while (spent := time.monotonic() - start) < args.minutes * 60:
        run.spent = spent
        sums += run.learn(next(batches))
        if run.step % 100 == 0:
            minutes = round(spent / 60, 2)
            note(
                args.out,
                step=run.step,
                views=run.views,
                minutes=minutes,
                losses=(sums / 100).round(4).tolist(),
            )
            sums[:] = 0
        if time.monotonic() - saved > args.save_every * 60:
            saved = time.monotonic()
            run.save()
            note(args.out, step=run.step, check=check(run.kept, pictures, teacher))
    run.save()
    note(args.out, step=run.step, views=run.views, done=True, check=check(run.kept, pictures, teacher))


def cosine(part: float) -> float:
    """1 at the start, 0 at the end."""
    return 0.5 + 0.5 * math.cos(math.pi * min(1.0, part))


def note(out: Path, **row: object) -> None:
    """Append one line to the training log."""
    with (out / "train.jsonl").open("a") as log:
        log.write(json.dumps(row) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for last.pt and train.jsonl")
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument(
        "--hold-early", action="store_true", help="for the end: no gradient for the first layers"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--save-every", type=float, default=4)
    parser.add_argument("--check-pictures", type=int, default=150)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.multiprocessing.set_sharing_strategy("file_system")
    train(args)


if __name__ == "__main__":
    main()
