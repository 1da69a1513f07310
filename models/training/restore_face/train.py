"""Train the restorer on short sequences, on as many processes as cores; resumable, the rate by the clock."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from judges import Judge
from net import KNOWN, Restorer, blank, dense_matrices
from torch import Tensor, nn
from views import Sequence, draw, sequence

from vidface.media.degrade import LEVELS

sys.path.append(str(Path(__file__).resolve().parents[1]))
from loop import Pace, Run, follow, joined, parser_of, spread

PACE = Pace(adam=1e-3, muon=0.02, warm_up=60, floor=0.02, clip=0.5, decay=0.995)
SOFT = 0.75
"""Below so many source pixels per pixel a picture says nothing of fine detail, and is not asked for it."""
USUAL = 0.04
"""Error of a usual sequence before restoration."""
JUDGED = 2
"""The judge looks at every so many steps, with so much more weight: it costs a third of one."""
NOTHING = torch.zeros(())
WEIGHTS = {"pixels": 1.0, "motion": 0.5, "features": 0.02, "identity": 0.06}


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


def losses(
    student: Restorer, judge: Judge, views: Views, known_share: float, *, judged: bool
) -> dict[str, Tensor]:
    """Pixels, motion, features and identity; the last two are 0 unless judged."""
    count = len(views.seen)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        known = torch.zeros(count, KNOWN)
        if judged and known_share:
            known = judge(views.look)[0] * (torch.rand(count, 1) < known_share)
    with torch.autocast("cpu", torch.bfloat16):
        made = restored(student, views.seen, known)
    step = (made[:, 1:] - made[:, :-1]) - (views.clean[:, 1:] - views.clean[:, :-1])
    # What is hopeless would drown what can be learnt: each sequence counts by what was wrong with it.
    wrong = distance(views.seen, views.clean, views.sharp)
    share = USUAL / (wrong + USUAL / 2)
    return {
        "pixels": (share * distance(made, views.clean, views.sharp)).mean(),
        "motion": (share * distance(step, torch.zeros_like(step), views.sharp)).mean(),
        **(
            likeness(judge, made, views.clean) if judged else dict.fromkeys(("features", "identity"), NOTHING)
        ),
    }


def likeness(judge: Judge, made: Tensor, clean: Tensor) -> dict[str, Tensor]:
    """What the judge says of the pictures, times JUDGED."""
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            wanted, there = judge(clean.flatten(0, 1))
        found, here = judge(made.flatten(0, 1))
    near = sum(
        ((a.float() - b.float()).abs().mean() / b.float().abs().mean())
        for a, b in zip(here, there, strict=True)
    )
    return {
        "features": JUDGED * torch.as_tensor(near),
        "identity": JUDGED * (1 - (found * wanted).sum(1)).mean(),
    }


def run_of(args: argparse.Namespace, pace: Pace) -> Run[Restorer]:
    """The restorer as it begins, or as it was left."""
    torch.manual_seed(args.seed)
    student = Restorer().to(memory_format=torch.channels_last)
    return Run(args, student, dense_matrices(student), pace, "frames")


def learn(run: Run[Restorer], views: Views, judge: Judge) -> list[float]:
    """One step; returns the losses."""
    run.student.train()
    parts = losses(run.student, judge, views, run.args.known, judged=run.step % JUDGED == 0)
    total = sum((WEIGHTS[name] * loss for name, loss in parts.items()), torch.zeros(()))
    run.learn(total, views.seen.shape[0] * views.seen.shape[1])
    return [float(loss.detach()) for loss in parts.values()]


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


def work(rank: int, args: argparse.Namespace) -> None:
    """One process of the training."""
    with joined(rank, args):
        run = run_of(args, PACE._replace(adam=args.rate))
        judge, pack = Judge(args.embedder, args.calibration), Pack(args.pack, "train")
        rng = np.random.default_rng(args.seed + run.step * 10 + rank)
        held = {level: held_views(args.pack, level) for level in ("medium",)} if rank == 0 else {}
        size = (args.batch, args.frames)
        follow(
            run,
            rank,
            lambda: learn(run, batch(pack, rng, size, run.progress), judge),
            every=20,
            tell=lambda means: {"losses": dict(zip(WEIGHTS, means.round(5).tolist(), strict=True))},
            check=lambda: [
                {"level": level, "check": check(run.kept, judge, views)} for level, views in held.items()
            ],
        )


def main() -> None:
    parser = parser_of(__doc__, save_every=5, check_every=12)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--embedder", type=Path, required=True, help="last.pt of models/training/embed_face")
    parser.add_argument("--calibration", type=Path, required=True, help="recognisable.npz beside it")
    parser.add_argument("--batch", type=int, default=2, help="sequences a process and step")
    parser.add_argument("--frames", type=int, default=4, help="frames of a sequence")
    parser.add_argument(
        "--known", type=float, default=0.5, help="share of sequences with a known look, on judged steps"
    )
    parser.add_argument("--rate", type=float, default=1e-3)
    spread(work, parser.parse_args())


if __name__ == "__main__":
    main()
