"""Train the portrait network on pairs of frames, on all cores; resumable; the rate follows the clock."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from net import PortraitNet, dense_matrices, moved
from torch import Tensor, nn
from views import Pack, View, middle, random_view

from vidface.vision.meshmodel import MeshModel

sys.path.append(str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[1] / "restore_face"))
from judges import embedder
from loop import Pace, Run, follow, joined, parser_of, spread

RECIPES = Path(__file__).resolve().parents[1]
PACE = Pace(adam=1e-3, muon=0.02, warm_up=100, floor=0.01, clip=2.0, decay=0.998)
WEIGHTS = {"pixels": 1.0, "edges": 1.0, "features": 0.3}
FACE = 3.0
"""How much more a pixel inside the mesh counts."""


class Judge(nn.Module):
    """Maps of vidface-embed's network, frozen: what a face looks like at two scales."""

    def __init__(self, shipped: Path) -> None:
        super().__init__()
        self.network, _ = embedder(shipped)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """(n, 3, 256, 256) RGB 0..255 -> two maps."""
        x = nn.functional.avg_pool2d(pictures, 2) * (1 / 127.5) - 1
        network: Any = self.network
        found: list[Tensor] = network.stages(network.maps(x))[:2]
        return found


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


def run_of(args: argparse.Namespace) -> Run[PortraitNet]:
    """The network as it begins, or as it was left."""
    torch.manual_seed(args.seed)
    student = PortraitNet().to(memory_format=torch.channels_last)
    return Run(args, student, dense_matrices(student), PACE, "seen")


def learn(run: Run[PortraitNet], judge: Judge, batch: tuple[Tensor, ...]) -> list[float]:
    """One step; returns the losses."""
    run.student.train()
    parts = losses(run.student, judge, batch)
    run.learn(sum((WEIGHTS[name] * loss for name, loss in parts.items()), torch.zeros(())), len(batch[0]))
    return [float(loss.detach()) for loss in parts.values()]


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


def work(rank: int, args: argparse.Namespace) -> None:
    """One process."""
    with joined(rank, args):
        run, judge, model = run_of(args), Judge(args.embedder), MeshModel.load(args.mesh_model)
        pack, held = Pack(args.pack, "train", model), Pack(args.pack, "val", model)
        rng = np.random.default_rng(args.seed + run.step * 10 + rank)
        follow(
            run,
            rank,
            lambda: learn(run, judge, tensors([random_view(pack, rng) for _ in range(args.batch)])),
            every=25,
            tell=lambda means: {"losses": means.round(4).tolist()},
            check=lambda: [{"check": check(run.kept, held)}],
        )


def main() -> None:
    parser = parser_of(__doc__, save_every=4, check_every=8)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--embedder", type=Path, required=True, help="model.onnx of vidface-embed")
    parser.add_argument("--mesh-model", type=Path, default=RECIPES.parent / "vidface-meshmodel" / "model.npz")
    parser.add_argument("--batch", type=int, default=8, help="pairs a process and step")
    spread(work, parser.parse_args())


if __name__ == "__main__":
    main()
