"""Train on one thread, in minutes; writes state.pt and train.jsonl."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from corpus import HELD_OUT, Clip, Float, clips_in, windows
from net import Mean, SpeechMotion, directions
from torch import Tensor

from vidface.vision.meshmodel import MeshModel
from vidface.vision.mouthshape import Mouth
from vidface.vision.speech import BANDS

sys.path.append(str(Path(__file__).resolve().parents[1]))
from loop import note

SEQUENCES, LENGTH, QUIET = 12, 28, 1
TEMPO, THROAT = 0.15, 0.1


class Target:
    """Losses in units of the mouth: weighted points, their steps, and the gap of the lips."""

    def __init__(self, mouth: Mouth) -> None:
        values, vectors = np.linalg.eigh(mouth.metric)
        root = vectors * np.sqrt(np.clip(values, 0, None))
        self.root = torch.from_numpy(root.astype(np.float32))
        self.gap = torch.from_numpy(
            (mouth.gap(np.eye(len(root))) - mouth.gap(np.zeros(len(root)))).astype(np.float32)
        )

    def __call__(self, said: Tensor, wanted: Tensor) -> Tensor:
        """said and wanted: sequences x LENGTH x m."""
        off = (said - wanted) @ self.root / 0.05
        point = (off**2).sum(-1).mean()
        step = ((off[:, 1:] - off[:, :-1]) ** 2).sum(-1).mean()
        a, b = said @ self.gap, wanted @ self.gap
        gap = (((a - b) / 0.05) ** 2).mean()
        a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
        close = (a * b).sum(1) / torch.sqrt((a**2).sum(1) * (b**2).sum(1) + 1e-6)
        loud = (b**2).mean(1) > 1e-4
        return point + 2 * step + gap + 1.5 * (1 - close)[loud].sum() / max(1, int(loud.sum()))


def spoiler(rng: np.random.Generator) -> Callable[[Float], Float]:
    """Another room, microphone and throat: gain by band, noise, bands moved up or down."""
    tilt = np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 6), rng.normal(0, 4, 6))
    gain = (10 ** (tilt / 10)).astype(np.float32)
    stretch = float(np.exp(rng.normal(0, THROAT)))
    noise = (
        10 ** (rng.uniform(-9, -5.5)) * rng.uniform(0.2, 1, BANDS) if rng.random() < 0.6 else np.zeros(BANDS)
    )
    bands = np.arange(BANDS)
    low = np.clip(bands * stretch, 0, BANDS - 1)
    left = np.minimum(low.astype(int), BANDS - 2)
    part = (low - left).astype(np.float32)

    def spoil(energy: Float) -> Float:
        moved = energy[:, left] * (1 - part) + energy[:, left + 1] * part
        made = moved * gain + (noise * rng.exponential(1, energy.shape)).astype(np.float32)
        return np.asarray(made, np.float32)

    return spoil


def mask(mel: Float, rng: np.random.Generator) -> Float:
    """SpecAugment (Park et al. 2019): a band of frequencies left out."""
    if rng.random() < 0.5:
        wide = int(rng.integers(1, 7))
        first = int(rng.integers(0, BANDS - wide))
        mel = mel.copy()
        mel[..., first : first + wide] = 0
    return mel


def sequence(clips: list[Clip], mouth: Mouth, rng: np.random.Generator) -> tuple[Float, Float]:
    """LENGTH consecutive frames of a clip, spoiled: features and wanted expression."""
    weights = np.array([np.sqrt(len(clip.times)) for clip in clips])
    while True:
        clip = clips[rng.choice(len(clips), p=weights / weights.sum())]
        first = int(rng.integers(0, len(clip.times) - LENGTH + 1))
        frames = np.arange(first, first + LENGTH)
        wanted = clip.moves[frames]
        if np.isfinite(wanted).all():
            tempo = float(np.exp(rng.normal(0, TEMPO)))
            mel = windows(clip, frames, spoiler(rng), shift=int(rng.integers(-1, 2)), tempo=tempo)
            return mask(mel, rng), (wanted @ mouth.lower.T).astype(np.float32)


def quiet(rng: np.random.Generator, size: int) -> tuple[Float, Float]:
    """A room in which nobody speaks: faint noise far under the floor, mouth closed."""
    mel = np.clip(rng.normal(rng.uniform(-0.3, 0.12), 0.08, (LENGTH, 64, BANDS)), 0, None)
    return mel.astype(np.float32), np.zeros((LENGTH, size), np.float32)


def batch(clips: list[Clip], mouth: Mouth, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Features (s, LENGTH, ROWS, BANDS) and wanted expressions (s, LENGTH, m)."""
    rows = [sequence(clips, mouth, rng) for _ in range(SEQUENCES)]
    rows += [quiet(rng, rows[0][1].shape[1]) for _ in range(QUIET)]
    return torch.from_numpy(np.stack([mel for mel, _ in rows])), torch.from_numpy(
        np.stack([to for _, to in rows])
    )


def widen(net: Mean, clips: list[Clip], mouth: Mouth) -> None:
    """Set gain and middle: least squares shrink what they are unsure of, and mouths really move more.

    The gain is that of the median clip, about the mean of all that the network says of the clips.
    """
    ratios, means = [], []
    for clip in clips:
        known = np.flatnonzero(np.isfinite(clip.opening))
        with torch.no_grad():
            said = net(torch.from_numpy(windows(clip, known))).numpy()
        ratios.append(float(clip.opening[known].std() / max(1e-6, mouth.gap(said).std())))
        means.append(said.mean(0))
    net.gain.fill_(float(np.clip(np.median(ratios), 1.0, 1.6)))
    net.middle.copy_(torch.from_numpy(np.mean(means, 0)))


def train(args: argparse.Namespace, clips: list[Clip], mouth: Mouth, member: int) -> SpeechMotion:
    """Adam with a cosine, weights averaged on the way."""
    torch.manual_seed(member)
    torch.set_num_threads(1)
    rng, loss_of = np.random.default_rng(member), Target(mouth)
    net = SpeechMotion(directions(clips, mouth))
    optimiser = torch.optim.AdamW(net.parameters(), lr=args.rate, weight_decay=0.05)
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99)
    )
    start, sums = time.monotonic(), 0.0
    for step in range(1, args.steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = args.rate * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * step / args.steps)))
        mel, wanted = batch(clips, mouth, rng)
        said = net(mel.flatten(0, 1)).reshape(wanted.shape)
        loss = loss_of(said, wanted)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(net)
        sums += float(loss.detach())
        if step % 50 == 0:
            row = {
                "member": member,
                "step": step,
                "minutes": round((time.monotonic() - start) / 60, 2),
                "loss": round(sums / 50, 4),
            }
            note(args.out, **row)
            sums = 0.0
    final: SpeechMotion = average.module.eval()
    return final


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True, help="from pack.py")
    parser.add_argument("--mesh-model", type=Path, required=True, help="vidface-meshmodel/model.npz")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "train.jsonl").unlink(missing_ok=True)
    mouth = Mouth(MeshModel.load(args.mesh_model))
    clips = [clip for clip in clips_in(args.pack, mouth) if clip.name not in HELD_OUT]
    net = Mean([train(args, clips, mouth, member) for member in range(args.members)]).eval()
    widen(net, clips, mouth)
    torch.save(net.state_dict(), args.out / "state.pt")


if __name__ == "__main__":
    main()
