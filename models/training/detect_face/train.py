"""Train the student on the stream; the learning rate follows the clock, checkpoints can be resumed."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from model import FaceDetector, Separable
from scoring import Tally
from stream import Batch, Stream, validation
from teacher import Teacher, decode, grid_of, suppress
from torch import Tensor, nn
from torch.utils.data import DataLoader

sys.path.append(str(Path(__file__).resolve().parents[1]))
from loop import Pace, Run, note

PACE = Pace(adam=4e-3, muon=0.02, warm_up=300, floor=0.01, clip=10.0, decay=0.9985)


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


def dense_matrices(student: FaceDetector) -> list[nn.Parameter]:
    """What Muon takes: the matrices inside; the stem, depthwise kernels, norms and heads are left."""
    dense = [part.point.weight for part in student.modules() if isinstance(part, Separable)]
    return [*dense, student.early[1].conv.weight, *(part.weight for part in student.lateral)]


def run_of(args: argparse.Namespace) -> Run[FaceDetector]:
    """The student as it begins, or as it was left."""
    torch.manual_seed(args.seed)
    student = FaceDetector().to(memory_format=torch.channels_last)
    run = Run(args, student, dense_matrices(student), PACE._replace(adam=args.rate), "views")
    student.early.requires_grad_(not args.hold_early)
    return run


def learn(run: Run[FaceDetector], batch: Batch) -> list[float]:
    """One optimiser step; returns the three losses."""
    run.student.train()
    score, box, points = loss_of(run.student, batch)
    run.learn(score + 2 * box + 60 * points, len(batch[0]))
    return [float(loss.detach()) for loss in (score, box, points)]


def train(args: argparse.Namespace) -> None:
    """The training loop; ends by the clock."""
    run, teacher = run_of(args), Teacher(args.teacher)
    pictures = validation(args.pack, args.check_pictures)
    stream = Stream(args.pack, args.teacher, args.seed + run.step)
    loader = DataLoader(stream, batch_size=None, num_workers=args.workers, multiprocessing_context="spawn")
    batches = iter(loader)
    start, saved, sums = time.monotonic() - run.spent, time.monotonic(), np.zeros(3)
    while (spent := time.monotonic() - start) < args.minutes * 60:
        run.spent = spent
        sums += learn(run, next(batches))
        if run.step % 100 == 0:
            minutes = round(spent / 60, 2)
            note(
                args.out,
                step=run.step,
                views=run.seen,
                minutes=minutes,
                losses=(sums / 100).round(4).tolist(),
            )
            sums[:] = 0
        if time.monotonic() - saved > args.save_every * 60:
            saved = time.monotonic()
            run.save()
            note(args.out, step=run.step, check=check(run.kept, pictures, teacher))
    run.save()
    note(args.out, step=run.step, views=run.seen, done=True, check=check(run.kept, pictures, teacher))


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
