"""Train the student; the learning rate follows the clock, checkpoints can be resumed."""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from net import RANK, FaceMesh, Separable
from stream import PAIRS, Batch, Faces, Stream, batch_of
from torch import Tensor, nn
from torch.utils.data import DataLoader

sys.path.append(str(Path(__file__).resolve().parents[1]))
from loop import Pace, Run, note

PACE = Pace(adam=2e-3, muon=0.02, warm_up=200, floor=0.01, clip=1.0, decay=0.9985)
IRIS = list(range(468, 478))
EYES_AND_LIPS = [
    *(33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    *(362, 382, 381, 380, 374, 373, 390, 249, 263, 466, 388, 387, 386, 385, 384, 398),
    *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409),
    *(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415),
]


def point_weights() -> Tensor:
    """(478, 1): lips count three times, lids and irises five times, the rest once; mean 1."""
    weights = torch.ones(478, 1)
    weights[EYES_AND_LIPS] = 3
    weights[EYES_AND_LIPS[:32] + IRIS] = 5
    return weights / weights.mean()


def eye_distance(points: Tensor) -> Tensor:
    """(n,) distance in space of the eyes' middles (mean of both corners), in the unit of the points."""
    right, left = points[:, [33, 133]].mean(1), points[:, [263, 362]].mean(1)
    return (right - left).norm(dim=1)


def close(found: Tensor, wanted: Tensor) -> Tensor:
    """Smooth L1 in units of the eyes' distance: square below half a percent."""
    return nn.functional.smooth_l1_loss(found, wanted, beta=0.005, reduction="none")


def points_loss(found: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    """Mean over points, x and y full, z half."""
    unit = eye_distance(wanted)[:, None, None].clamp(min=0.03)
    error = close(found / unit, wanted / unit) * weights
    return error[..., :2].mean() + 0.25 * error[..., 2].mean()


def agreement(found: Tensor, batch: Batch) -> Tensor:
    """How far the two views of one face differ, brought back to the stored crop."""
    back, unit = batch.back, eye_distance(batch.points)
    place = found[..., :2] @ back[:, :, :2].transpose(1, 2) + back[:, None, :, 2]
    scale = back[:, :, :2].det().abs().sqrt()
    half = len(place) // 2
    reach = (unit * scale)[:half, None, None]
    return close(place[:half] / reach, place[half:] / reach).mean()


def losses(student: nn.Module, batch: Batch, weights: Tensor) -> tuple[Tensor, ...]:
    """Points, agreement, presence, blendshapes."""
    x = batch.images.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        points, presence, shapes = student(x)
    count = len(batch.points)
    presence_loss = nn.functional.binary_cross_entropy_with_logits(presence[:, 0], batch.face)
    shape_loss = nn.functional.smooth_l1_loss(torch.sigmoid(shapes[:count]), batch.shapes, beta=0.02)
    found = points[:count]
    return points_loss(found, batch.points, weights), agreement(found, batch), presence_loss, shape_loss


def principal(pack: Path, count: int = 3000) -> tuple[Tensor, Tensor]:
    """Mean and principal directions of labelled meshes in jittered crops of side 1."""
    faces, rng = Faces(pack, "train"), np.random.default_rng(0)
    table = np.concatenate([batch_of(faces, rng, 24).points.numpy() for _ in range(count // 48)])
    flat = table.reshape(len(table), -1)
    mean = flat.mean(0)
    _, size, basis = np.linalg.svd(flat - mean, full_matrices=False)
    scaled = basis[:RANK] * (size[:RANK, None] / math.sqrt(len(flat)))
    return torch.from_numpy(mean.reshape(-1, 3)), torch.from_numpy(scaled)


def dense_matrices(student: FaceMesh) -> list[nn.Parameter]:
    """What Muon takes: the matrices inside; stem, depthwise kernels, norms and heads are left."""
    dense = [part.point.weight for part in student.modules() if isinstance(part, Separable)]
    return [*dense, student.early[1].conv.weight, student.squeeze[0].weight, student.code.weight]


def run_of(args: argparse.Namespace) -> Run[FaceMesh]:
    """The student from the principal meshes, or as it was left."""
    torch.manual_seed(args.seed)
    student = FaceMesh().to(memory_format=torch.channels_last)
    if not (args.out / "last.pt").exists():
        student.start_from(*principal(args.pack))
    return Run(args, student, dense_matrices(student), PACE._replace(adam=args.rate), "views")


def learn(run: Run[FaceMesh], batch: Batch, weights: Tensor) -> list[float]:
    """One optimiser step; returns the four losses."""
    run.student.train()
    points, agree, presence, shapes = losses(run.student, batch, weights)
    run.learn(points + 0.3 * agree + 0.05 * presence + shapes, len(batch.images))
    return [float(loss.detach()) for loss in (points, agree, presence, shapes)]


def check(student: FaceMesh, batches: list[Batch]) -> dict[str, float]:
    """Mean point error in percent of the eyes' distance on validation views, mild and spoiled."""
    student.eval()
    rows = []
    with torch.no_grad():
        for batch in batches:
            points, presence, shapes = student(batch.images.permute(0, 3, 1, 2).float())
            count = len(batch.points)
            error = (points[:count, :, :2] - batch.points[..., :2]).norm(dim=2).mean(1)
            error = 100 * error / eye_distance(batch.points)
            right = ((presence[:, 0] > 0) == (batch.face > 0)).float().mean()
            off = (torch.sigmoid(shapes[:count]) - batch.shapes).abs().mean()
            rows.append([error[: count // 2].mean(), error[count // 2 :].mean(), right, off])
    names = ("mild_pct", "spoiled_pct", "presence_right", "blendshape_error")
    return {name: round(float(value), 4) for name, value in zip(names, np.mean(rows, 0), strict=True)}


def train(args: argparse.Namespace) -> None:
    """The training loop; ends by the clock."""
    run, weights = run_of(args), point_weights()
    faces, rng = Faces(args.pack, "val"), np.random.default_rng(7)
    held = [batch_of(faces, rng, PAIRS) for _ in range(8)]
    loader = DataLoader(
        Stream(args.pack, args.seed + run.step),
        batch_size=None,
        num_workers=1,
        multiprocessing_context="spawn",
    )
    batches, start, saved, sums = iter(loader), time.monotonic() - run.spent, time.monotonic(), np.zeros(4)
    while (spent := time.monotonic() - start) < args.minutes * 60:
        run.spent = spent
        sums += learn(run, next(batches), weights)
        if run.step % 100 == 0:
            row = {"step": run.step, "views": run.seen, "minutes": round(spent / 60, 2)}
            note(args.out, **row, losses=(sums / 100).round(5).tolist())
            sums[:] = 0
        if time.monotonic() - saved > args.save_every * 60:
            saved = time.monotonic()
            run.save()
            note(args.out, step=run.step, check=check(run.kept, held))
    run.save()
    note(args.out, step=run.step, views=run.seen, done=True, check=check(run.kept, held))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for last.pt and train.jsonl")
    parser.add_argument("--minutes", type=float, default=80)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-every", type=float, default=4)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.multiprocessing.set_sharing_strategy("file_system")
    train(args)


if __name__ == "__main__":
    main()
