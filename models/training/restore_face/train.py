"""Train the restorer on short sequences, on as many processes as cores; resumable, the rate by the clock."""

from __future__ import annotations

import argparse
import copy
import json
import math
import sys
import time
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from judges import Judge
from net import KNOWN, Restorer, blank, dense_matrices
from torch import Tensor, nn
from views import Sequence, draw, sequence

from vidface.media.degrade import LEVELS

sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
from muon import Muon

WARM_UP_STEPS, AVERAGE_DECAY, MUON_RATE = 60, 0.995, 0.02
SOFT = 0.75
"""Below so many source pixels per pixel a picture says nothing of fine detail, and is not asked for it."""
USUAL = 0.04
"""Error of a usual sequence before restoration."""
WEIGHTS = {"pixels": 1.0, "motion": 0.5, "features": 0.02, "identity": 0.02}


class Pack:
    """The clean pieces of one part."""

    def __init__(self, folder: Path, part: str) -> None:
        self.pixels = np.load(folder / "pixels.npy", mmap_mode="r")
        items = np.load(folder / "items.npz")
        self.rows = np.flatnonzero(items["part"] == part)
        self.start, self.length, self.scale = items["start"], items["length"], items["scale"]
        clip = self.length[self.rows] > 1
        sharp = self.scale[self.rows] >= SOFT
        # Half of the views are real motion; of the pictures the sharp ones come thrice as often.
        share = np.where(clip, 0.5 / max(1, clip.sum()), 0)
        still = np.where(clip, 0, np.where(sharp, 3.0, 1.0))
        self.share = share + 0.5 * still / max(1.0, still.sum())
        self.share /= self.share.sum()

    def frames(self, row: int) -> np.ndarray:
        """m x 320 x 320 x 3 RGB."""
        return np.array(self.pixels[self.start[row] : self.start[row] + self.length[row]])


class Views(NamedTuple):
    """A batch: n x t x 3 x 256 x 256 as seen and clean; looks n x 3 x 256 x 256; which are sharp."""

    seen: Tensor
    clean: Tensor
    look: Tensor
    sharp: Tensor


def batch(pack: Pack, rng: np.random.Generator, size: tuple[int, int], progress: float) -> Views:
    """`size`: sequences and frames in each."""
    rows = rng.choice(pack.rows, size[0], p=pack.share)
    made = [sequence(pack.frames(row), size[1], rng, draw(rng, progress)) for row in rows]
    return stacked(made, [bool(pack.scale[row] >= SOFT) for row in rows])


def stacked(made: list[Sequence], sharp: list[bool]) -> Views:
    """Channels first, float."""
    seen = torch.from_numpy(np.stack([one.seen for one in made])).permute(0, 1, 4, 2, 3).float()
    clean = torch.from_numpy(np.stack([one.clean for one in made])).permute(0, 1, 4, 2, 3).float()
    look = (
        torch.from_numpy(np.ascontiguousarray(np.stack([one.look for one in made])))
        .permute(0, 3, 1, 2)
        .float()
    )
    return Views(seen, clean, look, torch.tensor(sharp))


def restored(student: Restorer, seen: Tensor, known: Tensor) -> Tensor:
    """All frames, one after the other: (n, t, 3, 256, 256)."""
    state, out = blank(len(seen)).to(memory_format=torch.channels_last), []
    for place in range(seen.shape[1]):
        image = seen[:, place].contiguous(memory_format=torch.channels_last)
        picture, state = student(image, state, known)
        out.append(picture.float())
    return torch.stack(out, 1)


def distance(made: Tensor, clean: Tensor, sharp: Tensor) -> Tensor:
    """Charbonnier of each sequence; soft pictures at half their side."""
    difference = (made - clean) / 127.5
    charbonnier = torch.sqrt(difference.square() + 1e-4) - 1e-2
    pooled = nn.functional.avg_pool2d(difference.flatten(0, 1), 2)
    coarse = torch.sqrt(pooled.square() + 1e-4) - 1e-2
    fine = charbonnier.mean((1, 2, 3, 4))
    return torch.where(sharp, fine, coarse.reshape(len(made), -1).mean(1))


def losses(student: Restorer, judge: Judge, views: Views, known_share: float) -> dict[str, Tensor]:
    """Pixels, motion, features and identity."""
    count = len(views.seen)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        wanted, there = judge(views.clean.flatten(0, 1))
        known = judge(views.look)[0] * (torch.rand(count, 1) < known_share)
    with torch.autocast("cpu", torch.bfloat16):
        made = restored(student, views.seen, known)
        found, here = judge(made.flatten(0, 1))
    step = (made[:, 1:] - made[:, :-1]) - (views.clean[:, 1:] - views.clean[:, :-1])
    near = sum(
        ((a.float() - b.float()).abs().mean() / b.float().abs().mean())
        for a, b in zip(here, there, strict=True)
    )
    # What is hopeless would drown what can be learnt: each sequence counts by what was wrong with it.
    wrong = distance(views.seen, views.clean, views.sharp)
    share = USUAL / (wrong + USUAL / 2)
    return {
        "pixels": (share * distance(made, views.clean, views.sharp)).mean(),
        "motion": (share * distance(step, torch.zeros_like(step), views.sharp)).mean(),
        "features": torch.as_tensor(near),
        "identity": (1 - (found * wanted).sum(1)).mean(),
    }


class Run:
    """Student, averaged student, optimisers, counters; kept in last.pt by rank 0."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        self.args, self.path = args, args.out / "last.pt"
        self.student = Restorer().to(memory_format=torch.channels_last)
        self.step, self.frames, self.spent = 0, 0, 0.0
        self.kept = copy.deepcopy(self.student)
        dense = dense_matrices(self.student)
        chosen = {id(weight) for weight in dense}
        rest = [weight for weight in self.student.parameters() if id(weight) not in chosen]
        self.optimisers = [
            torch.optim.AdamW(rest, lr=args.rate, weight_decay=1e-4),
            Muon(dense, lr=MUON_RATE),
        ]
        if self.path.exists():
            state = torch.load(self.path, weights_only=True)
            self.student.load_state_dict(state["student"])
            self.kept.load_state_dict(state["average"])
            for optimiser, kept in zip(self.optimisers, state["optimisers"] or (), strict=False):
                optimiser.load_state_dict(kept)
            self.step, self.frames, self.spent = state["step"], state["frames"], state["spent"]

    def save(self) -> None:
        """Write the checkpoint in one step, so that a cut never leaves half of one."""
        state: dict[str, object] = {"student": self.student.state_dict(), "average": self.kept.state_dict()}
        state["optimisers"] = [optimiser.state_dict() for optimiser in self.optimisers]
        torch.save(
            state | {"step": self.step, "frames": self.frames, "spent": self.spent}, f"{self.path}.part"
        )
        Path(f"{self.path}.part").replace(self.path)

    def learn(self, views: Views, judge: Judge) -> list[float]:
        """One step with the gradients of all processes; returns this one's losses."""
        share = min(1, (self.step + 1) / WARM_UP_STEPS)
        share *= 0.02 + 0.98 * (
            0.5 + 0.5 * math.cos(math.pi * min(1.0, self.spent / (self.args.minutes * 60)))
        )
        for optimiser, rate in zip(self.optimisers, (self.args.rate, MUON_RATE), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * share
        self.student.train()
        parts = losses(self.student, judge, views, self.args.known)
        self.student.zero_grad(set_to_none=True)
        sum((WEIGHTS[name] * loss for name, loss in parts.items()), torch.zeros(())).backward()
        together([p.grad for p in self.student.parameters() if p.grad is not None])
        nn.utils.clip_grad_norm_(self.student.parameters(), 0.5)
        for optimiser in self.optimisers:
            optimiser.step()
        decay = min(AVERAGE_DECAY, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, value in zip(self.kept.parameters(), self.student.parameters(), strict=True):
                mean.lerp_(value, 1 - decay)
        self.step += 1
        self.frames += views.seen.shape[0] * views.seen.shape[1] * dist.get_world_size()
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


def held_views(pack: Path, level: str, frames: int = 6) -> Views:
    """The same validation sequences every time: every piece, and every fifth picture up to twelve."""
    val = Pack(pack, "val")
    pieces = [row for row in val.rows if val.length[row] > 1]
    stills = [row for row in val.rows if val.length[row] == 1 and val.scale[row] >= SOFT]
    rows = pieces + stills[:: max(1, len(stills) // 12)][:12]
    settings = LEVELS[level]
    made = [sequence(val.frames(row), frames, np.random.default_rng(int(row)), settings) for row in rows]
    return stacked(made, [True] * len(rows))


def check(student: Restorer, judge: Judge, views: Views) -> dict[str, float]:
    """PSNR and identity of what comes out, without and with a known look, and of what goes in."""
    student.eval()
    sums: dict[str, list[float]] = {}
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for place in range(len(views.seen)):
            seen, clean = views.seen[place : place + 1], views.clean[place : place + 1]
            wanted = judge(clean.flatten(0, 1))[0]
            look = judge(views.look[place : place + 1])[0]
            for name, known in (("plain", torch.zeros(1, KNOWN)), ("known", look), ("input", None)):
                made = seen if known is None else restored(student, seen, known).clamp(0, 255)
                error = (made - clean).square().mean((2, 3, 4)).flatten()
                sums.setdefault(f"psnr_{name}", []).append(float((10 * torch.log10(255**2 / error)).mean()))
                near = (judge(made.flatten(0, 1))[0] * wanted).sum(1).mean()
                sums.setdefault(f"ids_{name}", []).append(float(near))
                step = (made[:, 1:] - made[:, :-1]) - (clean[:, 1:] - clean[:, :-1])
                sums.setdefault(f"motion_{name}", []).append(float(step.abs().mean()))
    return {name: round(float(np.mean(values)), 4) for name, values in sums.items()}


def note(out: Path, **row: object) -> None:
    """Append one line to the training log."""
    with (out / "train.jsonl").open("a") as log:
        log.write(json.dumps(row) + "\n")


def work(rank: int, args: argparse.Namespace) -> None:
    """One process of the training."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{args.meet}", rank=rank, world_size=args.processes)
    run, judge, pack = Run(args), Judge(args.embedder, args.calibration), Pack(args.pack, "train")
    rng = np.random.default_rng(args.seed + run.step * 10 + rank)
    held = {level: held_views(args.pack, level) for level in ("medium",)} if rank == 0 else {}
    begin = time.monotonic() - run.spent
    saved = checked = time.monotonic()
    sums, size = np.zeros(len(WEIGHTS)), (args.batch, args.frames)
    while True:
        spent = torch.tensor([time.monotonic() - begin])
        dist.broadcast(spent, 0)
        run.spent = float(spent)
        if run.spent >= args.minutes * 60:
            break
        sums += run.learn(batch(pack, rng, size, run.spent / (args.minutes * 60)), judge)
        if rank or run.step % 20:
            continue
        row = {"step": run.step, "frames": run.frames, "minutes": round(run.spent / 60, 2)}
        note(args.out, **row, losses=dict(zip(WEIGHTS, (sums / 20).round(5).tolist(), strict=True)))
        sums[:] = 0
        if time.monotonic() - saved > args.save_every * 60:
            run.save()
            saved = time.monotonic()
        if time.monotonic() - checked > args.check_every * 60:
            for level, views in held.items():
                note(args.out, step=run.step, level=level, check=check(run.kept, judge, views))
            checked = time.monotonic()
    if not rank:
        run.save()
        for level, views in held.items():
            note(
                args.out,
                step=run.step,
                frames=run.frames,
                done=True,
                level=level,
                check=check(run.kept, judge, views),
            )
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--embedder", type=Path, required=True, help="last.pt of models/training/embed_face")
    parser.add_argument("--calibration", type=Path, required=True, help="recognisable.npz beside it")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="in all, with what earlier runs spent")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=2, help="sequences a process and step")
    parser.add_argument("--frames", type=int, default=4, help="frames of a sequence")
    parser.add_argument("--known", type=float, default=0.5, help="share of sequences with a known look")
    parser.add_argument("--rate", type=float, default=1e-3)
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
