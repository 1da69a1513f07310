"""The shipped network on held-out people: self-blended faces, faces swapped by another method, a baseline.

    python models/training/blend_face/evaluate.py --pack PACK --mesh-pack MESH_PACK --out metrics.json

Swapped faces are made by tests/bench/_fakeface.py: the inner face of another person warped onto the mesh,
colours matched, and blended by Poisson's equation or a feathered mask; training saw neither other people's
faces nor that blending. Each fake stands beside its own real picture, filmed and coded alike. The baseline
is a logistic regression on how much fine detail the face has for that around it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from blending import Float, Image, blended
from numpy.typing import NDArray
from views import SIDE, Camera, Faces, Spoil, look

sys.path.append(str(Path(__file__).resolve().parents[3]))
from tests.bench._fakeface import Looks, Swapper
from vidface.data import Device
from vidface.infer.blendreader import BlendReader
from vidface.vision.facecrop import aligned
from vidface.vision.meshmodel import MeshModel

SIZES = {"48-80": (48, 80), "80-128": (80, 128), "128-256": (128, 256)}
CODINGS = {"none": ("none", 0), "jpeg 75": ("jpeg", 75), "crf 23": ("h264", 23), "crf 40": ("h264", 40)}
PAIRS, FIT_PAIRS, SEED = 60, 400, 29
Twins = tuple[Image, Image, Float]
Maker = Callable[[np.random.Generator], Twins]


class Views(NamedTuple):
    """Crops as the network sees them, labels (1 fake), and the set of each face."""

    crops: Image
    label: NDArray[np.float64]
    group: NDArray[np.str_]


class SelfBlends:
    """Test faces and their self-blended twins."""

    def __init__(self, pack: Path, part: str) -> None:
        self.faces = Faces(pack, part)
        self.group = ""

    def __call__(self, rng: np.random.Generator) -> Twins:
        """Real, fake, mesh."""
        row = int(rng.choice(self.faces.rows))
        self.group = set_of(str(self.faces.names[row]))
        image, mesh = self.faces.item(row)
        pair = blended(image, mesh, rng)
        return pair.real, pair.fake, mesh


class Swaps:
    """Test faces, and the same with another test person's face of a like pose."""

    def __init__(self, pack: Path, mesh_pack: Path, blend: str, model: MeshModel) -> None:
        self.faces, self._blend, self._model = Faces(pack, "test"), blend, model
        items = np.load(pack / "items.npz")
        self._depth = depths(items, mesh_pack)
        rows = self.faces.rows
        mesh = items["mesh"]
        self._turn = (mesh[rows, 1, 0] - (mesh[rows, 33, 0] + mesh[rows, 263, 0]) / 2) / 109
        self.group = ""

    def __call__(self, rng: np.random.Generator) -> Twins:
        """Real, fake, mesh."""
        rows, names = self.faces.rows, self.faces.names
        place = int(rng.integers(len(rows)))
        others = rng.choice(len(rows), 24)
        others = [one for one in others if names[rows[one]] != names[rows[place]]]
        best = min(others, key=lambda one: abs(self._turn[one] - self._turn[place]))
        image, mesh = self._whole(int(rows[place]))
        other, points = self._whole(int(rows[best]))
        swapper = Swapper(Looks(other[None], points[None]), self._model, blend=self._blend)
        self.group = set_of(str(names[rows[place]]))
        return image, swapper(image, mesh), mesh[:, :2]

    def _whole(self, row: int) -> tuple[Image, Float]:
        image, mesh = self.faces.item(row)
        return image, np.column_stack([mesh, self._depth[row]]).astype(np.float32)


def depths(items: Any, mesh_pack: Path) -> dict[int, Float]:
    """Row -> z of the mesh of test faces: found again by the mesh itself."""
    found = {}
    for what in ("clips", "faces"):
        whole = np.load(mesh_pack / what / "items.npz")
        points, names = whole["points"], whole["name"]
        by_name: dict[str, list[int]] = {}
        for row in np.flatnonzero(whole["part"] == "test"):
            by_name.setdefault(str(names[row]), []).append(int(row))
        for row in np.flatnonzero((items["part"] == "test") & (items["clip"] == (what == "clips"))):
            rows = by_name[str(items["name"][row])]
            away = np.abs(points[rows][:, :, :2] - 24 - items["mesh"][row]).max((1, 2))
            found[int(row)] = points[rows[int(away.argmin())]][:, 2]
    return found


def set_of(name: str) -> str:
    """Where a face comes from: a set of pictures, or clips."""
    return name.partition("/")[0] if Path(name).suffix in ("", ".jpg", ".png") else "clips"


def film(make: Any, coding: tuple[str, int], size: tuple[int, int], count: int, seed: int) -> Views:
    """`count` twins, filmed and coded, as the network sees them."""
    rng, camera = np.random.default_rng(seed), Camera(seed)
    crops, groups = list[Image](), list[str]()
    for _ in range(count):
        real, fake, mesh = make(rng)
        spoil = Spoil(float(np.exp(rng.uniform(*np.log(size)))), *coding, 0.0, 0.0)
        (tiles, way), *_ = camera.film([(real, fake)], spoil, rng)
        to_crop = look(mesh, way, rng)
        crops += [np.asarray(aligned(tile, to_crop, SIDE), np.uint8) for tile in tiles]
        groups += [make.group] * 2
    return Views(np.stack(crops), np.arange(2 * count) % 2.0, np.array(groups))


def ranked(scores: NDArray[Any], label: NDArray[Any]) -> float:
    """Area under the curve."""
    fake, real = scores[label > 0.5][:, None], scores[label < 0.5][None]
    return float((fake > real).mean() + 0.5 * (fake == real).mean())


def detail_ratio(crops: Image) -> NDArray[np.float64]:
    """Features of the baseline: 1, log ratio of the mean absolute Laplacian inside and around, its square."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] - (SIDE - 1) / 2
    away = np.hypot(columns / 33, rows / 41)
    inside, around = away < 0.9, (away > 1.1) & (away < 1.5)
    out = []
    for crop in crops:
        fine = np.abs(cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.CV_32F))
        ratio = float(np.log((fine[inside].mean() + 0.1) / (fine[around].mean() + 0.1)))
        out.append((1.0, ratio, ratio**2))
    return np.array(out)


def logistic(features: NDArray[Any], label: NDArray[Any]) -> NDArray[np.float64]:
    """Weights by Newton steps."""
    weights = np.zeros(features.shape[1])
    for _ in range(25):
        chance = 1 / (1 + np.exp(-features @ weights))
        slope = features.T @ (chance - label) + 1e-3 * weights
        curve = (features * (chance * (1 - chance))[:, None]).T @ features + 1e-3 * np.eye(len(weights))
        weights -= np.linalg.solve(curve, slope)
    return weights


def cells(
    make: Any, reader: BlendReader, baseline: NDArray[Any], count: int
) -> Iterator[tuple[dict[str, Any], NDArray[Any], Views]]:
    """Every coding at every size: row of the table, log odds, views."""
    for coding, way in CODINGS.items():
        for size, span in SIZES.items():
            views = film(make, way, span, count, SEED)
            scores = reader(views.crops).log_odds
            plain = detail_ratio(views.crops) @ baseline
            row = {"coding": coding, "face_px": size, "pairs": count}
            row["auc"] = round(ranked(scores, views.label), 3)
            row["auc_baseline"] = round(ranked(plain, views.label), 3)
            row["real_above_0"] = round(float((scores[views.label < 0.5] > 0).mean()), 3)
            row["fake_above_0"] = round(float((scores[views.label > 0.5] > 0).mean()), 3)
            yield row, scores, views


def judged(make: Any, reader: BlendReader, baseline: NDArray[Any], count: int) -> dict[str, Any]:
    """Table, and the area under the curve by coding and by set."""
    done = list(cells(make, reader, baseline, count))
    scores = np.concatenate([one for _, one, _ in done])
    label = np.concatenate([views.label for *_, views in done])
    group = np.concatenate([views.group for *_, views in done])
    coding = np.concatenate([np.full(len(one), row["coding"]) for row, one, _ in done])
    by = {
        name: {
            str(key): {
                "auc": round(ranked(scores[keys == key], label[keys == key]), 3),
                "n": int((keys == key).sum()),
            }
            for key in np.unique(keys)
        }
        for name, keys in (("coding", coding), ("set", group))
    }
    return {"auc": round(ranked(scores, label), 3), **by, "cells": [row for row, *_ in done]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--mesh-pack", type=Path, required=True)
    parser.add_argument("--model", default="vidface-blend")
    parser.add_argument("--out", type=Path, required=True, help="metrics.json")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="in every cell of the table")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    reader = BlendReader(args.model, Device("cpu"))
    fit = [
        film(SelfBlends(args.pack, "train"), way, (48, 256), FIT_PAIRS // len(CODINGS), 3)
        for way in CODINGS.values()
    ]
    baseline = logistic(
        np.concatenate([detail_ratio(views.crops) for views in fit]),
        np.concatenate([views.label for views in fit]),
    )
    model = MeshModel.load(Path(__file__).resolve().parents[2] / "vidface-meshmodel" / "model.npz")
    makers: dict[str, Any] = {"self-blended": SelfBlends(args.pack, "test")}
    for blend in ("poisson", "feather"):
        makers[f"swap {blend}"] = Swaps(args.pack, args.mesh_pack, blend, model)
    found = {}
    for name, make in makers.items():
        found[name] = judged(make, reader, baseline, args.pairs)
        print(name, json.dumps({key: found[name][key] for key in ("auc", "coding", "set")}), flush=True)
    args.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
