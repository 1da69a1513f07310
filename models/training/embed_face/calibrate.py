"""Fit what follows the network: the crowd whose mean is taken off (centring.py), and recognisability.

All from validation people and training people, never from the test part.

- `crowd`, `shares`: means of groups of training portraits at 112 px, and how large each group is.
- `destroyed`: mean direction of faces blurred with sigma 6 px or shrunk to 4..6 px: the cluster that
  unrecognisable faces fall into (as in "Recognizability Embedding Enhancement", CVPR 2023).
- `sharpness`: a linear map from mean and spread of every channel after each stage to the cosine that a
  spoiled look of a training face keeps to its own sharp look (ridge regression).
- `weights`: logistic regression on (distance from the destroyed cluster, that cosine, 1). The event:
  this look, held against another, sharp picture of the same person, scores above the threshold that 1 %
  of strangers pass. People: the validation celebrities, and of the training ones every third. The network
  knows people that it was trained on better, so what these weights say is brought to validation people by
  a slope and an offset of its own (Platt 1999); calibration.json has the reliability of each validation
  person by the others' slope and offset. All this is about vectors from which no crowd was taken off: the
  two validation people gain more by that than others do (README.md), so they would promise too much.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from centring import SHARE, Crowd, unit
from export import Raw, load
from judge import EDGE, Held, accuracy, over, shrunk
from numpy.typing import NDArray
from views import hard, placed

sys.path.append(str(Path(__file__).resolve().parents[1]))
from shipping import opened, write_onnx

SIDES = (112, 24, 16, 12, 8)
DRAWS = 6
Float = NDArray[np.float64]


def destroyed(crops: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Faces of which nothing is left."""
    out = []
    for crop in crops:
        if rng.random() < 0.5:
            out.append(cv2.GaussianBlur(crop, (0, 0), float(rng.uniform(6, 10))))
        else:
            out.append(shrunk(crop[None], int(rng.integers(4, 7)))[0])
    return np.stack(out)


def portraits(pack: Path) -> NDArray[np.uint8]:
    """Crops of the training part's portraits, one a person."""
    items = np.load(pack / "items.npz")
    stars = np.char.startswith(items["name"], "celeb")
    rows = np.flatnonzero((items["part"] == "train") & (items["kind"] == "picture") & ~stars)
    pixels = np.load(pack / "pixels.npy", mmap_mode="r")
    return np.stack([pixels[row][EDGE:-EDGE, EDGE:-EDGE] for row in rows])


def accuracies(raw: dict[int, Float], held: Held, crowd: Crowd, share: float) -> dict[str, float]:
    """Of validation pairs in percent, by the second picture's size; `share` of the crowd is taken off."""
    full = crowd.off(raw[112], share)
    pairs = {
        side: full[held.pairs[:, 0]] * crowd.off(one, share)[held.pairs[:, 1]] for side, one in raw.items()
    }
    return {f"{side} px": round(100 * accuracy(one.sum(1), held.same), 2) for side, one in pairs.items()}


def logistic(features: Float, event: NDArray[np.bool_], rounds: int = 50) -> Float:
    """Weights by Newton's method, with a slight ridge."""
    weights = np.zeros(features.shape[1])
    for _ in range(rounds):
        chance = 1 / (1 + np.exp(-features @ weights))
        slope = features.T @ (event - chance) - 1e-3 * weights
        curve = (features * (chance * (1 - chance))[:, None]).T @ features + 1e-3 * np.eye(len(weights))
        weights = weights + np.linalg.solve(curve, slope)
    return weights


def platt(said: Float, event: NDArray[np.bool_]) -> Float:
    """Slope and offset that bring log odds to what was observed (Platt 1999)."""
    return logistic(np.column_stack([said, np.ones(len(said))]), event)


def others_said(said: Float, event: NDArray[np.bool_], names: NDArray[np.str_]) -> Float:
    """Chances of each person's looks, by the slope and offset of the other people."""
    chance = np.zeros(len(said))
    for name in np.unique(names):
        mine = names == name
        slope, offset = platt(said[~mine], event[~mine])
        chance[mine] = 1 / (1 + np.exp(-(slope * said[mine] + offset)))
    return chance


def reliability(chance: Float, event: NDArray[np.bool_], bins: int = 10) -> list[list[float]]:
    """Mean stated probability, observed share and count of each tenth of the range."""
    rows = []
    for low in np.arange(bins) / bins:
        mine = (chance >= low) & (chance < low + 1 / bins)
        if mine.any():
            rows.append(
                [round(float(chance[mine].mean()), 3), round(float(event[mine].mean()), 3), int(mine.sum())]
            )
    return rows


def people_of(pack: Path) -> tuple[NDArray[np.uint8], NDArray[np.str_], NDArray[np.str_]]:
    """Crops, names and parts of celebrities: those of validation and every third of training."""
    items = np.load(pack / "items.npz")
    names, parts = items["name"], items["part"]
    stars = np.char.startswith(names, "celeb")
    training = sorted(set(names[stars & (parts == "train")]))[::3]
    rows = np.flatnonzero(stars & ((parts == "val") | np.isin(names, training)))
    pixels = np.load(pack / "pixels.npy", mmap_mode="r")
    return np.stack([pixels[row] for row in rows]), names[rows], parts[rows]


def events(
    outputs: Outputs, pack: Path, threshold: float, rng: np.random.Generator
) -> tuple[tuple[Float, Float], NDArray[np.bool_], NDArray[np.str_]]:
    """Outputs of spoiled looks, `DRAWS` of each validation picture; which are recognised; whose they are.

    The last is empty for people of the training part.
    """
    stored, names, parts = people_of(pack)
    sharp = unit(outputs(stored[:, EDGE:-EDGE, EDGE:-EDGE])[0])
    rows = np.repeat(np.arange(len(names)), np.where(parts == "val", DRAWS, 1))
    views = [spoil(stored[row, EDGE - 4 : -EDGE + 4, EDGE - 4 : -EDGE + 4], rng) for row in rows]
    found = outputs(np.stack(views))
    every = np.arange(len(names))
    others = np.array([rng.choice(every[(names == names[r]) & (every != r)]) for r in rows])
    scores = (unit(found[0]) * sharp[others]).sum(1)
    return found, scores >= threshold, np.where(parts == "val", names, "")[rows]


def spoil(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A 120 px face as a camera may give it, from sharp to nothing left."""
    crop = placed(image, rng, float(rng.uniform(0, 2)))
    side = int(np.exp(rng.uniform(np.log(4), np.log(112))))
    return hard(crop, rng) if rng.random() < 0.4 else shrunk(crop[None], side)[0]


class Outputs:
    """Raw vectors (n, 256) and the channels' means and spreads (n, 640) of BGR crops."""

    def __init__(self, checkpoint: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path, names = Path(folder) / "raw.onnx", ("raw", "seen")
            axes = {name: {0: "N"} for name in ("image", *names)}
            images = torch.zeros(2, 3, 112, 112)
            write_onnx(Raw(load(checkpoint)).eval(), {"image": images}, path, outputs=names, axes=axes)
            self._run = opened(path).run

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[Float, Float]:
        vectors, features = over(self._run, crops, batch=32)
        return vectors.astype(float), features.astype(float)


def sharpness(outputs: Outputs, bank: Path, rng: np.random.Generator) -> tuple[Float, float]:
    """(641,) weights and bias from features to the cosine kept, and the correlation on unseen faces."""
    pixels = np.load(sorted(bank.glob("pixels_*.npy"))[0], mmap_mode="r")[:4000]
    sharp = unit(outputs(pixels[:, 4:-4, 4:-4])[0])
    raw, features = outputs(np.stack([spoil(np.array(one), rng) for one in pixels]))
    kept = (unit(raw) * sharp).sum(1)
    half = len(features) * 3 // 4
    middle, scale = features[:half].mean(0), features[:half].std(0) + 1e-6
    table = np.column_stack([(features - middle) / scale, np.ones(len(features))])
    ridge = 0.1 * half * np.eye(table.shape[1])
    weights = np.linalg.solve(table[:half].T @ table[:half] + ridge, table[:half].T @ kept[:half])
    agreement = float(np.corrcoef(table[half:] @ weights, kept[half:])[0, 1])
    slopes = weights[:-1] / scale
    return np.append(slopes, weights[-1] - slopes @ middle), agreement


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="gets recognisable.npz, calibration.json")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    rng, outputs, held = np.random.default_rng(3), Outputs(args.checkpoint), Held(args.pack, "val")
    raw = {side: outputs(shrunk(held.crops, side))[0] for side in SIDES}
    crowd = Crowd.of(outputs(portraits(args.pack))[0])
    strangers = held.pairs[~held.same]
    full = unit(raw[112])
    mixed = np.concatenate([(full[strangers[:, 0]] * unit(raw[s])[strangers[:, 1]]).sum(1) for s in raw])
    threshold = float(np.quantile(mixed, 0.99))
    nothing = outputs(destroyed(held.crops[::2], rng))[0]
    away = unit(unit(nothing).mean(0)[None])[0]
    keeps, agreement = sharpness(outputs, args.bank, rng)
    (looks, features), event, names = events(outputs, args.pack, threshold, rng)
    predicted = features @ keeps[:-1] + keeps[-1]
    table_of = np.column_stack([1 - unit(looks) @ away, predicted, np.ones(len(looks))])
    validation = names != ""
    weights = logistic(table_of, event)
    said, event = (table_of @ weights)[validation], event[validation]
    slope, offset = platt(said, event)
    weights = slope * weights + [0, 0, offset]
    chance = others_said(said, event, names[validation])
    fitted = {"destroyed": away, "sharpness": keeps, "weights": weights}
    np.savez(args.out / "recognisable.npz", crowd=crowd.means, shares=crowd.shares, **fitted)
    facts = {
        "validation accuracy, nothing taken off": accuracies(raw, held, crowd, 0.0),
        "validation accuracy, the crowd around a vector taken off": accuracies(raw, held, crowd, SHARE),
        "threshold at 1 % false matches, all sizes": round(threshold, 4),
        "predicted cosine against the true one, correlation": round(agreement, 3),
        "weights of distance, predicted cosine, bias": weights.round(3).tolist(),
        "recognised looks": round(float(event.mean()), 3),
        "Brier score": round(float(((chance - event) ** 2).mean()), 4),
        "validation people": len(np.unique(names[validation])),
        "slope and offset for validation people": [round(float(slope), 3), round(float(offset), 3)],
        "reliability on validation people (stated, observed, looks)": reliability(chance, event),
    }
    (args.out / "calibration.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
