"""Train the portrait network on pairs of frames, on all cores; resumable; the rate follows the clock."""

from __future__ import annotations

import argparse
import copy
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from net import PortraitNet, dense_matrices, moved
from torch import Tensor, nn
from views import Pack, View, middle, random_view

from vidface.vision.meshmodel import MeshModel

sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
from muon import Muon

RECIPES = Path(__file__).resolve().parents[1]
WARM_UP_STEPS, AVERAGE_DECAY, MUON_RATE, ADAM_RATE = 100, 0.998, 0.02, 1e-3
WEIGHTS = {"pixels": 1.0, "edges": 1.0, "features": 0.3}
FACE = 3.0
"""How much more a pixel inside the mesh counts."""


class Judge(nn.Module):
    """Maps of vidface-embed's network, frozen: what a face looks like at two scales."""

    def __init__(self, checkpoint: Path) -> None:
        super().__init__()
        import importlib.util

        spec = importlib.util.spec_from_file_location("embed_net", RECIPES / "embed_face" / "net.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.network = module.Embedder()
        self.network.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
        self.network.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """(n, 3, 256, 256) RGB 0..255 -> two maps."""
        x = nn.functional.avg_pool2d(pictures, 2) * (1 / 127.5) - 1
        first = self.network.parts[0](x)
        return [first, self.network.parts[1](first)]


def tensors(views: list[View]) -> tuple[Tensor, ...]:
    """Source, target, places, guides of a batch."""
    stacked = [torch.from_numpy(np.stack(column)) for column in zip(*views, strict=True)]
    return tuple(one.contiguous(memory_format=torch.channels_last) for one in stacked)


def edges(x: Tensor) -> Tensor:
    """What a blur over 5 pixels takes away."""
    return x - nn.functional.avg_pool2d(x, 5, 1, 2, count_include_pad=False)


def losses(network: PortraitNet, judge: Judge, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """Pixels (L1, the face more), fine detail (L1), and features of the embedder."""
    source, target, places, guides = batch
    with torch.autocast("cpu", torch.bfloat16):
        made, _ = network(source, places, guides)
        with torch.no_grad():
            wanted = judge(target)
        found = judge(made)
    made = made.float()
    weight = 1 + (FACE - 1) * guides[:, :1]
    weight = weight / weight.mean()
    pixels = ((made - target).abs() * weight).mean() / 16
    fine = ((edges(made) - edges(target)).abs() * weight).mean() / 8
    near = sum(
        ((a.float() - b.float()).square().mean((0, 2, 3)) / (b.float().var((0, 2, 3)) + 1e-4)).mean()
        for a, b in zip(found, wanted, strict=True)
    )
    return {"pixels": pixels, "edges": fine, "features": torch.as_tensor(near)}


class Run:
    """Network, its average, optimisers, counters; kept in last.pt by rank 0."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        self.args, self.path = args, args.out / "last.pt"
        self.student = PortraitNet().to(memory_format=torch.channels_last)
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

    def learn(self, judge: Judge, batch: tuple[Tensor, ...]) -> list[float]:
        """One step with the gradients of all processes; returns this one's losses."""
        progress = min(1.0, self.spent / (self.args.minutes * 60))
        share = min(1, (self.step + 1) / WARM_UP_STEPS) * (
            0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * progress))
        )
        for optimiser, rate in zip(self.optimisers, (ADAM_RATE, MUON_RATE), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * share
        self.student.train()
        parts = losses(self.student, judge, batch)
        self.student.zero_grad(set_to_none=True)
        sum((WEIGHTS[name] * loss for name, loss in parts.items()), torch.zeros(())).backward()
        together([p.grad for p in self.student.parameters() if p.grad is not None])
        nn.utils.clip_grad_norm_(self.student.parameters(), 2.0)
        for optimiser in self.optimisers:
            optimiser.step()
        average(self.kept, self.student, self.step)
        self.step, self.seen = self.step + 1, self.seen + len(batch[0]) * dist.get_world_size()
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


def average(kept: PortraitNet, student: PortraitNet, step: int) -> None:
    """Exponential moving average of weights and of the batch norms' statistics."""
    decay = min(AVERAGE_DECAY, (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, value in zip(kept.state_dict().values(), student.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


def check(network: PortraitNet, pack: Pack, pairs: int = 40) -> dict[str, float]:
    """Mean absolute error in [0, 1] on validation pairs: network, moved picture, source as it is."""
    network.eval()
    rng, rows = np.random.default_rng(3), []
    for index in range(pairs):
        views = [pack.view(*pack.pair(index % len(pack.starts), rng), middle())]
        source, target, places, guides = tensors(views)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            made, trust = network(source, places, guides)
        plain = moved(source, places)
        face = guides[:, :1]
        row = [float((one.float() - target).abs().mean()) / 255 for one in (made, plain, source)]
        inside = [
            float(((one.float() - target).abs() * face).sum() / face.sum() / 3) / 255
            for one in (made, plain, source)
        ]
        rows.append([*row, *inside, float(trust.float().mean())])
    names = ("l1", "l1_moved", "l1_source", "face", "face_moved", "face_source", "trust")
    return {name: round(float(value), 4) for name, value in zip(names, np.mean(rows, 0), strict=True)}


def note(out: Path, **row: object) -> None:
    """Append one line to the training log."""
    with (out / "train.jsonl").open("a") as log:
        log.write(json.dumps(row) + "\n")


def work(rank: int, args: argparse.Namespace) -> None:
    """One process."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{args.meet}", rank=rank, world_size=args.processes)
    run, judge = Run(args), Judge(args.embedder)
    model = MeshModel.load(args.mesh_model)
    pack, held = Pack(args.pack, "train", model), Pack(args.pack, "val", model)
    rng = np.random.default_rng(args.seed + run.step * 10 + rank)
    start, saved, sums = time.monotonic() - run.spent, time.monotonic(), np.zeros(len(WEIGHTS))
    checked = saved
    while True:
        spent = torch.tensor([time.monotonic() - start])
        dist.broadcast(spent, 0)
        run.spent = float(spent)
        if run.spent >= args.minutes * 60:
            break
        sums += run.learn(judge, tensors([random_view(pack, rng) for _ in range(args.batch)]))
        if rank or run.step % 25:
            continue
        note(
            args.out,
            step=run.step,
            seen=run.seen,
            minutes=round(run.spent / 60, 2),
            losses=(sums / 25).round(4).tolist(),
        )
        sums[:] = 0
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
    parser.add_argument("--embedder", type=Path, required=True, help="last.pt of models/training/embed_face")
    parser.add_argument("--mesh-model", type=Path, default=RECIPES.parent / "vidface-meshmodel" / "model.npz")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="in all, with what earlier runs spent")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8, help="pairs a process and step")
    parser.add_argument("--save-every", type=float, default=4, help="minutes")
    parser.add_argument("--check-every", type=float, default=8, help="minutes")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    args.meet = (args.out / "meet").resolve()
    args.meet.unlink(missing_ok=True)
    mp.spawn(work, args=(args,), nprocs=args.processes)


if __name__ == "__main__":
    main()
