"""Figures of vidface-meshmodel on people that had no part in it, written to metrics.json."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from labels import Labels
from numpy.typing import NDArray
from topology import interocular

from vidface.vision.meshmodel import MeshFitter, MeshModel
from vidface.vision.rigid import Similarity, angles_of, fit_robust, fit_similarity, fit_weak_perspective

Array = NDArray[np.float64]
SIZES = ((0, 0), (5, 5), (10, 5), (10, 10), (20, 15), (30, 20), (40, 30))
TURNED_DEG = 6.0
RUN = 20


def cut(model: MeshModel, identity: int, expression: int) -> MeshModel:
    """The model with its first components only."""
    return replace(
        model,
        identity=model.identity[:identity],
        identity_std=model.identity_std[:identity],
        expression=model.expression[:expression],
        expression_std=model.expression_std[:expression],
    )


def reconstruction(model: MeshModel, points: Array) -> list[dict[str, float]]:
    """Point error of fits to single held-out meshes for several numbers of components."""
    rows = []
    for identity, expression in SIZES:
        part = cut(model, identity, expression)
        fit = MeshFitter(part).fit(points)
        shapes = part.shapes(fit.identity, fit.expression)
        distance = np.linalg.norm(fit.similarity.undo(points) - shapes, axis=2)
        unit = interocular(fit.similarity.undo(points))
        error = 100 * distance.mean(axis=1) / unit
        rows.append(
            {
                "identity": identity,
                "expression": expression,
                "error_pct": round(float(error.mean()), 3),
                "error_pct_p95": round(float(np.quantile(error, 0.95)), 3),
            }
        )
    return rows


def runs(labels: Labels) -> Iterator[Array]:
    """Points of consecutive frames, `RUN` or more, of the clips."""
    clips = labels.pick(~labels.portrait)
    for rows in clips.groups(least=RUN):
        ordered = rows[np.argsort(clips.frame[rows])]
        breaks = np.flatnonzero(np.diff(clips.frame[ordered]) != 1) + 1
        yield from (
            clips.points[part].astype(np.float64) for part in np.split(ordered, breaks) if len(part) >= RUN
        )


def jitter(model: MeshModel, labels: Labels) -> dict[str, Any]:
    """Root mean square second difference of the angles, frame to frame, by how the pose is fitted."""
    mean, stable = model.mean.astype(np.float64), model.stable
    ways = {
        "all points": lambda points: fit_similarity(mean, points),
        "stable points": lambda points: fit_similarity(mean[stable], points[:, stable]),
        "stable points, robust": lambda points: fit_robust(mean[stable], points[:, stable]).similarity,
    }
    table: dict[str, Any] = {}
    every = list(runs(labels))
    for name, way in ways.items():
        rows = []
        for points in every:
            angles = angles_of(way(points).rotations)
            rows.append(np.sqrt((np.diff(angles, 2, axis=0) ** 2).mean(axis=0)))
        table[name] = dict(
            zip(("yaw", "pitch", "roll"), np.mean(rows, axis=0).round(3).tolist(), strict=True)
        )
    return {"clips": len(every), "frames": sum(map(len, every)), "second_difference_deg": table}


def depth(model: MeshModel, labels: Labels) -> dict[str, Any]:
    """For each clip with a turning head, the factor on the labels' depth that explains x and y best.

    The clip's own mean shape, its depth scaled by a factor, is laid over the x and y of all frames by weak
    perspective; the factor with the least error is what motion says of the depth.
    """
    factors = np.arange(0.5, 1.81, 0.05)
    best = []
    clips = labels.pick(~labels.portrait)
    for rows in clips.groups(least=RUN):
        points = clips.points[rows].astype(np.float64)
        fit: Similarity = model.place(points).similarity
        if angles_of(fit.rotations)[:, :2].std(axis=0).max() < TURNED_DEG:
            continue
        own, flat = fit.undo(points).mean(axis=0)[model.stable], points[:, model.stable, :2]
        errors = [
            (fit_weak_perspective(own * (1, 1, factor), flat).residuals ** 2).mean() for factor in factors
        ]
        best.append(float(factors[int(np.argmin(errors))]))
    return {
        "clips": len(best),
        "best_factor_median": round(float(np.median(best)), 2) if best else None,
        "best_factor_quartiles": np.quantile(best, (0.25, 0.75)).round(2).tolist() if best else None,
    }


def portraits(model: MeshModel, labels: Labels) -> dict[str, Any]:
    """Pose of held-out portraits: how far people differ where all should look into the camera."""
    table: dict[str, Any] = {}
    for name in ("us_congress_hi", "us_congress_lo", "uk_parliament", "web_portraits"):
        rows = labels.points[labels.source == name].astype(np.float64)
        angles = angles_of(model.place(rows).similarity.rotations)
        low, middle, high = np.quantile(angles, (0.25, 0.5, 0.75), axis=0)
        table[name] = {
            "pictures": len(rows),
            "median_deg": dict(zip(("yaw", "pitch", "roll"), middle.round(2).tolist(), strict=True)),
            "robust_sd_deg": dict(
                zip(("yaw", "pitch", "roll"), ((high - low) / 1.349).round(2).tolist(), strict=True)
            ),
        }
    return table


def speed(model: MeshModel, points: Array) -> dict[str, float]:
    """CPU microseconds a face on one thread."""
    fitter = MeshFitter(model)
    table = {}
    for count in (1, 16):
        for name, call in (("pose", model.place), ("fit", fitter.fit)):
            call(points[:count])
            start = time.process_time()
            for _ in range(50):
                call(points[:count])
            table[f"{name}, {count} at a time"] = round((time.process_time() - start) / 50 / count * 1e6)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True, help="folder of labelled meshes")
    parser.add_argument(
        "--model", type=Path, required=True, help="folder of model.npz; metrics.json goes there"
    )
    parser.add_argument("--build", type=Path, required=True, help="build.json that build.py wrote")
    args = parser.parse_args()
    model = MeshModel.load(args.model / "model.npz")
    labels = Labels.read(args.pack)
    held = labels.pick(labels.part != "train")
    path = args.model / "metrics.json"
    metrics = json.loads(path.read_text()) if path.is_file() else {}
    clips, faces = held.pick(~held.portrait), held.pick(held.portrait)
    metrics |= {
        "build": json.loads(args.build.read_text()),
        "held_out": {"clips": len(np.unique(clips.source)), "frames": len(clips), "portraits": len(faces)},
        "reconstruction_clips": reconstruction(model, clips.points[::3].astype(np.float64)),
        "reconstruction_portraits": reconstruction(model, faces.points[::4].astype(np.float64)),
        "jitter": jitter(model, held),
        "depth": depth(model, labels),
        "portraits": portraits(model, held),
        "cpu_us_per_face": speed(model, clips.points[:16].astype(np.float64)),
    }
    path.write_text(json.dumps(metrics, indent=1) + "\n")
    print(json.dumps({key: value for key, value in metrics.items() if key != "build"}, indent=1))


if __name__ == "__main__":
    main()
