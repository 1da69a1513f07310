"""Train the blend network on self-blended pictures, on all cores; resumable; the rate follows the clock."""

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
from net import BlendNet, dense_matrices
from torch import Tensor, nn
from views import Batch, Camera, Faces, batch_of, rows_of, stacked

sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
from muon import Muon

WARM_UP_STEPS, AVERAGE_DECAY, MUON_RATE, ADAM_RATE = 100, 0.998, 0.02, 1e-3
WEIGHTS = {"whether": 1.0, "where": 1.0, "seam": 0.5}
HELD_SEED, HELD_SHEETS = 11, 72


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


class Run:
    """Network, its average, optimisers, counters; kept in last.pt by rank 0."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        self.args, self.path = args, args.out / "last.pt"
        self.student = BlendNet().to(memory_format=torch.channels_last)
        self.step, self.seen, self.spent = 0, 0, 0.0
        self.kept = copy.deepcopy(self.student)
        dense = dense_matrices(self.student)
        chosen = {id(weight) for weight in dense}
        rest = [weight for weight in self.student.parameters() if id(weight) not in chosen]
        self.optimisers = [
            torch.optim.AdamW(rest, lr=ADAM_RATE, weight_decay=1e-4),
            Muon(dense, lr=MUON_RATE),
        ]
        if self.path.exists():
            state = torch.load(self.path, weights_only=True)
            self.student.load_state_dict(state["student"])
            self.kept.load_state_dict(state["average"])
            for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(kept)
            self.step, self.seen, self.spent = state["step"], state["seen"], state["spent"]

    def save(self) -> None:
        """Write the checkpoint in one step, so that a cut never leaves half of one."""
        state: dict[str, object] = {"student": self.student.state_dict(), "average": self.kept.state_dict()}
        state["optimisers"] = [optimiser.state_dict() for optimiser in self.optimisers]
        torch.save(state | {"step": self.step, "seen": self.seen, "spent": self.spent}, f"{self.path}.part")
        Path(f"{self.path}.part").replace(self.path)

    def learn(self, batch: Batch) -> list[float]:
        """One step with the gradients of all processes; returns this one's losses."""
        progress = min(1.0, self.spent / (self.args.minutes * 60))
        share = min(1, (self.step + 1) / WARM_UP_STEPS) * (
            0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * progress))
        )
        for optimiser, rate in zip(self.optimisers, (ADAM_RATE, MUON_RATE), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * share
        self.student.train()
        parts = losses(self.student, batch)
        self.student.zero_grad(set_to_none=True)
        sum((WEIGHTS[name] * loss for name, loss in parts.items()), torch.zeros(())).backward()
        together([p.grad for p in self.student.parameters() if p.grad is not None])
        nn.utils.clip_grad_norm_(self.student.parameters(), 2.0)
        for optimiser in self.optimisers:
            optimiser.step()
        average(self.kept, self.student, self.step)
        self.step, self.seen = self.step + 1, self.seen + len(batch.label) * dist.get_world_size()
        return [float(loss.detach()) for loss in parts.values()]


def together(gradients: list[Tensor]) -> None:
    """Mean over the processes, in place."""
    flat = torch.cat([one.reshape(-1) for one in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    start = 0
    for one in gradients:
        one.copy_(flat[start : start + one.numel()].view_as(one))
        start += one.numel()


def average(kept: BlendNet, student: BlendNet, step: int) -> None:
    """Exponential moving average of weights and of the batch norms' statistics."""
    decay = min(AVERAGE_DECAY, (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, value in zip(kept.state_dict().values(), student.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


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


def note(out: Path, **row: object) -> None:
    """Append one line to the training log."""
    with (out / "train.jsonl").open("a") as log:
        log.write(json.dumps(row) + "\n")


def work(rank: int, args: argparse.Namespace) -> None:
    """One process."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{args.meet}", rank=rank, world_size=args.processes)
    run, faces, camera = Run(args), Faces(args.pack, "train"), Camera(args.seed + rank)
    held = held_batches(args.pack) if rank == 0 else {}
    rng = np.random.default_rng((args.seed, run.step, rank))
    start, saved, sums = time.monotonic() - run.spent, time.monotonic(), np.zeros(len(WEIGHTS))
    checked, making = saved, 0.0
    while True:
        spent = torch.tensor([time.monotonic() - start])
        dist.broadcast(spent, 0)
        run.spent = float(spent)
        if run.spent >= args.minutes * 60:
            break
        begun = time.thread_time()
        batch = batch_of(faces, camera, rng, args.pairs)
        making += time.thread_time() - begun
        sums += run.learn(batch)
        if rank or run.step % 25:
            continue
        row = {"step": run.step, "seen": run.seen, "minutes": round(run.spent / 60, 2)}
        note(args.out, **row, losses=(sums / 25).round(4).tolist(), making_s=round(making / 25, 3))
        sums[:], making = 0, 0.0
        if time.monotonic() - saved > args.save_every * 60:
            run.save()
            saved = time.monotonic()
        if time.monotonic() - checked > args.check_every * 60:
            note(args.out, step=run.step, check=check(run.kept, held))
            checked = time.monotonic()
    if not rank:
        run.save()
        note(args.out, step=run.step, seen=run.seen, done=True, check=check(run.kept, held))
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
    parser.add_argument("--pairs", type=int, default=16, help="a process and step, a multiple of 4")
    parser.add_argument("--save-every", type=float, default=3, help="minutes")
    parser.add_argument("--check-every", type=float, default=5, help="minutes")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    args.meet = (args.out / "meet").resolve()
    args.meet.unlink(missing_ok=True)
    mp.spawn(work, args=(args,), nprocs=args.processes)


if __name__ == "__main__":
    main()
