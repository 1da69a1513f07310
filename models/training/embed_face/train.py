"""Train the student, on as many processes as cores; resumable; the rate follows the clock.

`--apart` is the first run: every block of the student by itself, from the teacher's map before it to the
teacher's map after it. `--after` begins where a run ended: all blocks in a row, on varied faces, sharp and
spoiled by turns, while the teacher sees them sharp.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from judge import SIDES, Held, shrunk, table
from net import Block, Embedder, dense_matrices, state_of
from torch import Tensor, nn
from twin import Twin
from views import view

sys.path.append(str(Path(__file__).resolve().parents[1]))
from loop import Pace, Run, follow, joined, parser_of, spread

PACE = Pace(adam=2e-3, muon=0.02, warm_up=50, floor=0.02, clip=5.0, decay=0.998)
SHARPNESS, CROWD = 12.0, 1024
SPOILED_MAPS = 0.1
"""Weight of the teacher's maps where the student sees a spoiled picture of what the teacher sees sharp."""
LOOK_S = 240.0
"""Seconds between looks for new shards."""
WEIGHTS = {"maps": 1.0, "direction": 3.0, "length": 0.75, "relation": 1.0}


class Views(NamedTuple):
    """A batch: what the teacher and the student see, (n, 3, 112, 112) RGB; which are alike; a crowd."""

    sharp: Tensor
    seen: Tensor
    alike: Tensor
    crowd: Tensor


class Bank:
    """The shards there are; a new look now and then."""

    def __init__(self, folder: Path, seed: int, sharp: float) -> None:
        self._sharp = sharp
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

    def batch(self, count: int) -> Views:
        """`count` faces, and the vectors of a crowd."""
        self.look()
        pairs = [view(self._face(), self._face(), self._rng, self._sharp) for _ in range(count)]
        sharp, seen = (np.stack(column) for column in zip(*pairs, strict=True))
        crowd = [self._shards[self._rng.integers(len(self._shards))][1] for _ in range(4)]
        starts = [int(self._rng.integers(len(one) - CROWD // 4)) for one in crowd]
        others = np.concatenate([one[at : at + CROWD // 4] for one, at in zip(crowd, starts, strict=True)])
        alike = torch.from_numpy((sharp == seen).all((1, 2, 3)))
        return Views(tensor(sharp), tensor(seen), alike, torch.from_numpy(others.astype(np.float32)))


def tensor(views: np.ndarray) -> Tensor:
    """(n, 112, 112, 3) BGR -> (n, 3, 112, 112) RGB."""
    x = torch.from_numpy(np.ascontiguousarray(views[..., ::-1]))
    return x.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)


def told(teacher: Twin, views: Views) -> tuple[Tensor, list[Tensor]]:
    """What the teacher says."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        found: tuple[Tensor, list[Tensor]] = teacher(views.sharp)
        return found


def error(found: Tensor, wanted: Tensor) -> Tensor:
    """(n,): squared error over the variance of each channel."""
    goal = wanted.float()
    spread = goal.var((0, 2, 3), keepdim=True) + 1e-3 * goal.var() + 1e-6
    return ((found.float() - goal).square() / spread).mean((1, 2, 3))


def ends(vector: Tensor, wanted: Tensor, crowd: Tensor) -> list[Tensor]:
    """Direction, length, relation to a crowd."""
    direction = nn.functional.normalize(vector)
    aside = 1 - (direction * wanted).sum(1)
    # The squared error's best answer is the mean of what may be true, so its length tells the doubt.
    length = (vector - wanted).square().sum(1)
    everyone = torch.cat([wanted, crowd])
    truth = torch.softmax(SHARPNESS * wanted @ everyone.T, 1)
    guess = torch.log_softmax(SHARPNESS * direction @ everyone.T, 1)
    relation = nn.functional.kl_div(guess, truth, reduction="batchmean")
    return [aside.mean(), length.mean(), relation]


def apart(student: Embedder, teacher: Twin, views: Views) -> list[Tensor]:
    """Each block from the teacher's map to what the teacher's block adds; `ends` of the head by itself.

    The stem learns with the first block: between its input and its own map each channel would be left to
    itself, and one by one they get stuck.
    """
    wanted, maps = told(teacher, views)
    with torch.autocast("cpu", torch.bfloat16):
        errors = [error(student.blocks[0](student.stem(student.look(views.sharp))), maps[1])]
        for block, given, goal in zip(student.blocks[1:], maps[1:-1], maps[2:], strict=True):
            added = goal.float() - given.float() if block.added else goal
            errors.append(error(block.change(given), added))
        vector = student.head(maps[-1]).float()
    return [torch.stack([one.mean() for one in errors]), *ends(vector, wanted, views.crowd)]


def in_row(student: Embedder, teacher: Twin, views: Views) -> list[Tensor]:
    """Each block from the map of the student's block before it, to the teacher's map after it; `ends`."""
    wanted, maps = told(teacher, views)
    # What the teacher's maps show of a sharp picture, a spoiled one only lets guess.
    held = torch.where(views.alike, 1.0, SPOILED_MAPS)
    with torch.autocast("cpu", torch.bfloat16):
        found = student.features(views.seen)
        vector = student.head(found[-1]).float()
    errors = [(error(one, goal) * held).mean() for one, goal in zip(found[1:], maps[1:], strict=True)]
    return [torch.stack(errors), *ends(vector, wanted, views.crowd)]


def settle(student: Embedder, teacher: Twin, views: Views) -> None:
    """Weights such that on these views every layer gives values of mean 0 and spread 1, blocks what they add.

    Stands in for batch norms at the start (as in "All you need is a good init", ICLR 2016).
    """
    with torch.no_grad():
        _, maps = teacher(views.sharp)
        look = student.look(views.sharp)
        settled(student.stem, look, 1.0)
        for block, given, goal in zip(
            student.blocks, [student.stem(look), *maps[1:-1]], maps[1:], strict=True
        ):
            assert isinstance(block, Block)
            settled(block.body, given, 2 * float((goal - given if block.added else goal).std()))
        settled(student.head[:3], maps[-1], 1.0)
        student.head[-1].weight.mul_(0.2)  # outputs near length 1 from the start


def settled(layers: nn.Sequential, x: Tensor, last: float) -> None:
    """One row of layers, on an input; `last`: the spread that comes out."""
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            assert layer.bias is not None
            y = layer(x)
            spread = y.std((0, 2, 3)) + 1e-6
            layer.bias.copy_((layer.bias - y.mean((0, 2, 3))) / spread)
            layer.weight.div_(spread[:, None, None, None])
            if layer is convolutions[-1]:
                layer.weight.mul_(last)
                layer.bias.mul_(last)
        x = layer(x)


def learn(run: Run[Embedder], views: Views, losses: Callable[[Views], list[Tensor]]) -> list[float]:
    """One step; returns the losses."""
    run.student.train()
    errors, *rest = losses(views)
    weights = WEIGHTS | {"maps": run.args.maps}
    parts = [errors.mean(), *rest]
    total = sum((w * loss for w, loss in zip(weights.values(), parts, strict=True)), torch.zeros(()))
    run.learn(total, len(views.seen))
    return [float(loss.detach()) for loss in rest] + errors.detach().tolist()


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


def start_of(path: Path) -> dict[str, Tensor]:
    """The state of a student: averaged weights of a checkpoint, or those of an exported file."""
    if path.suffix == ".onnx":
        return state_of(path)
    state: dict[str, Tensor] = torch.load(path, weights_only=True)["average"]
    return state


def work(rank: int, args: argparse.Namespace) -> None:
    """One process of the training."""
    with joined(rank, args):
        torch.manual_seed(args.seed)
        student = Embedder().to(memory_format=torch.channels_last)
        teacher = Twin(args.teacher).to(memory_format=torch.channels_last)
        bank = Bank(args.bank, args.seed, args.sharp)
        if args.after is not None:
            student.load_state_dict(start_of(args.after))
        else:
            settle(student, teacher, bank.batch(32))
        pace = PACE._replace(adam=args.rate, muon=PACE.muon * args.rate / PACE.adam)
        run = Run(args, student, dense_matrices(student), pace, "views")
        bank = Bank(args.bank, args.seed + run.step * 10 + rank, args.sharp)
        kind = apart if args.apart else in_row
        losses = torch.compile(kind, dynamic=False) if args.compile else kind
        held = Held(args.pack, "val") if rank == 0 and args.pack is not None else None
        follow(
            run,
            rank,
            lambda: learn(run, bank.batch(args.batch), lambda views: losses(run.student, teacher, views)),
            every=50,
            tell=lambda means: {"ends": means[:3].round(4).tolist(), "maps": means[3:].round(3).tolist()},
            check=lambda: [{"check": check(run.kept, held)}] if held is not None else [],
        )


def main() -> None:
    parser = parser_of(__doc__, save_every=5, check_every=12)
    parser.add_argument("--pack", type=Path, help="judge by its validation pairs: minutes each time")
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--apart", action="store_true", help="each block by itself")
    parser.add_argument("--after", type=Path, help="last.pt or model.onnx, to begin from")
    parser.add_argument("--sharp", type=float, default=0.6, help="share of views that the student sees sharp")
    parser.add_argument("--maps", type=float, default=WEIGHTS["maps"], help="weight of the teacher's maps")
    parser.add_argument("--batch", type=int, default=8, help="views a process and step")
    parser.add_argument("--rate", type=float, default=PACE.adam)
    parser.add_argument("--compile", action="store_true", help="faster; needs a C++ compiler")
    spread(work, parser.parse_args())


if __name__ == "__main__":
    main()
