"""Fit what follows the network: the centre that is taken off, recognisability, and impostor vectors.

All from validation people and training people, never from the test part.

- `centre`: `share` times the mean output over faces of all sizes; the share (0, 0.5 or 1) with the best
  mean accuracy on validation pairs at 16, 12 and 8 px is taken.
- `destroyed`: mean direction of faces blurred with sigma 6 px or shrunk to 4..6 px: the cluster that
  unrecognisable faces fall into (as in "Recognizability Embedding Enhancement", CVPR 2023).
- `weights`: logistic regression on (distance from that cluster, length of the output, 1). The event: this
  look, held against another, sharp picture of the same person, scores above the threshold that 1 % of
  strangers pass. People: the validation celebrities, and of the training ones every third.
- `impostors.npz`: vectors of strangers (held-out validation portraits and one look of each training portrait,
  sharp and shrunk) for `vidface gallery calibrate`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import torch
from export import load
from judge import EDGE, Held, accuracy, shrunk
from numpy.typing import NDArray
from train import vectors_of
from views import hard, placed

LOW = (16, 12, 8)
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


def unit(vectors: NDArray[np.floating]) -> Float:
    """Rows of length 1."""
    rows = np.asarray(vectors, float)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def best_centre(raw: dict[int, Float], held: Held) -> tuple[float, dict[str, float]]:
    """The share of the mean to take off, and the accuracy of each."""
    mean = np.concatenate(list(raw.values())).mean(0)
    table = {}
    for share in (0.0, 0.5, 1.0):
        full = unit(raw[112] - share * mean)
        scores = [
            (full[held.pairs[:, 0]] * unit(raw[side] - share * mean)[held.pairs[:, 1]]).sum(1) for side in LOW
        ]
        table[str(share)] = round(100 * float(np.mean([accuracy(one, held.same) for one in scores])), 2)
    return float(max(table, key=lambda share: table[share])), table


def logistic(features: Float, event: NDArray[np.bool_], rounds: int = 50) -> Float:
    """Weights by Newton's method, with a slight ridge."""
    weights = np.zeros(features.shape[1])
    for _ in range(rounds):
        chance = 1 / (1 + np.exp(-features @ weights))
        slope = features.T @ (event - chance) - 1e-3 * weights
        curve = (features * (chance * (1 - chance))[:, None]).T @ features + 1e-3 * np.eye(len(weights))
        weights = weights + np.linalg.solve(curve, slope)
    return weights


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
    student: torch.nn.Module, pack: Path, centre: Float, threshold: float, rng: np.random.Generator
) -> tuple[Float, NDArray[np.bool_], NDArray[np.bool_]]:
    """Raw outputs of spoiled looks; which are recognised; which are of validation people."""
    stored, names, parts = people_of(pack)
    inner = stored[:, EDGE:-EDGE, EDGE:-EDGE]
    sharp = unit(vectors_of(student, inner) - centre)
    views, rows = [], []
    for row in range(len(stored)):
        image = stored[row, EDGE - 4 : -EDGE + 4, EDGE - 4 : -EDGE + 4]
        crop = placed(image, rng, float(rng.uniform(0, 2)))
        side = int(np.exp(rng.uniform(np.log(4), np.log(112))))
        views.append(hard(crop, rng) if rng.random() < 0.4 else shrunk(crop[None], side)[0])
        rows.append(row)
    raw = np.asarray(vectors_of(student, np.stack(views)), float)
    others = np.array(
        [rng.choice(np.flatnonzero((names == names[r]) & (np.arange(len(names)) != r))) for r in rows]
    )
    scores = (unit(raw - centre) * sharp[others]).sum(1)
    return raw, scores >= threshold, parts == "val"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument(
        "--out", type=Path, required=True, help="gets recognisable.npz, impostors.npz, calibration.json"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    rng, student, held = np.random.default_rng(3), load(args.checkpoint), Held(args.pack, "val")
    raw = {side: np.asarray(vectors_of(student, shrunk(held.crops, side)), float) for side in (112, 24, *LOW)}
    share, table = best_centre(raw, held)
    centre = share * np.concatenate(list(raw.values())).mean(0)
    strangers = held.pairs[~held.same]
    full = unit(raw[112] - centre)
    mixed = np.concatenate(
        [(full[strangers[:, 0]] * unit(raw[s] - centre)[strangers[:, 1]]).sum(1) for s in raw]
    )
    threshold = float(np.quantile(mixed, 0.99))
    away = unit(unit(np.asarray(vectors_of(student, destroyed(held.crops[::2], rng)), float)).mean(0)[None])[
        0
    ]
    looks, event, validation = events(student, args.pack, centre, threshold, rng)
    length = np.linalg.norm(looks, axis=1)
    features = np.column_stack([1 - unit(looks) @ away, length, np.ones(len(looks))])
    weights = logistic(features, event)
    chance = 1 / (1 + np.exp(-features @ weights))
    np.savez(args.out / "recognisable.npz", centre=centre, destroyed=away, weights=weights)
    portraits = np.flatnonzero(~np.char.startswith(held.names, "celeb"))
    crowd = np.concatenate([unit(raw[side] - centre)[portraits] for side in (112, 24, 16)])
    np.savez(args.out / "impostors.npz", vectors=crowd.astype(np.float32))
    facts = {
        "share of the mean taken off": share,
        "mean accuracy at 16, 12, 8 px by share": table,
        "threshold at 1 % false matches, all sizes": round(threshold, 4),
        "recognised looks": round(float(event.mean()), 3),
        "Brier score": round(float(((chance - event) ** 2).mean()), 4),
        "reliability on validation people (stated, observed, looks)": reliability(
            chance[validation], event[validation]
        ),
        "impostors": len(crowd),
    }
    (args.out / "calibration.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
