"""Build model.npz of vidface-meshmodel from labelled meshes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import bases
import numpy as np
import stable as stability
from labels import Labels
from numpy.typing import NDArray
from topology import interocular, mirror_pairs, mirrored, triangles

from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtriangles import TRIANGLES
from vidface.vision.rigid import angles_of, fit_robust, rotations_of

Array = NDArray[np.float64]
IDENTITY, EXPRESSION = 40, 30
ENOUGH = 3000
"""Meshes are enough for the first mean."""
MOST_OPEN = 0.02
"""Share of frames, those with the widest open mouth, that the triangles are drawn on."""


def canonical(
    labels: Labels, pairs: NDArray[np.int64], start: Array
) -> tuple[Array, NDArray[np.bool_], dict[str, Any]]:
    """The frontal mean, its stable points, and what was measured on the way.

    Pitch 0 is the median pitch of the portraits: official portraits and web portraits, most of which
    look into a camera at the height of their eyes.
    """
    groups = labels.pick(~labels.portrait).groups(least=stability.FEW_FRAMES)
    clips = [labels.pick(~labels.portrait).points[rows].astype(np.float64) for rows in groups]
    motion, _ = stability.motion_of_points(start, clips, pairs)
    stable = stability.choose(motion)
    portraits = labels.points[labels.portrait][::3].astype(np.float64)
    mean, pitch = start, 0.0
    for _ in range(3):
        fit = fit_robust(mean[stable], portraits[:, stable]).similarity
        pitch = float(np.median(angles_of(fit.rotations)[:, 1]))
        mean = mean @ rotations_of((0, pitch, 0))[0].T
    facts = {
        "clips": len(clips),
        "stable_points": int(stable.sum()),
        "stable_motion_max": float(motion[stable].max()),
    }
    return mean - mean[stable].mean(axis=0), stable, facts


def build(labels: Labels, *, redraw: bool = False) -> tuple[MeshModel, bases.Effects, dict[str, Any]]:
    """The model of these labels, what pose and blendshapes do, and facts.

    The triangles are those of the package, once drawn on the open face of the first version, so that they do
    not change with every build; `redraw` draws them anew.
    """
    start = bases.general_mean(labels.points[:: max(1, len(labels) // ENOUGH)].astype(np.float64))
    pairs = mirror_pairs(start)
    start = bases.symmetric(start, pairs)
    start /= interocular(start[None])[0]
    mean, stable, facts = canonical(labels, pairs, start)
    for _ in range(3):
        aligned = bases.align(labels, mean, stable)
        effects = bases.learn_effects(aligned, pairs)
        groups, neutrals = bases.neutral_people(aligned, effects)
        mean = neutrals.mean(axis=0)
        mean = (mean + mirrored(mean, pairs)) / 2
        mean = (mean - mean[stable].mean(axis=0)) / interocular(mean[None])[0]
    identity = bases.components(neutrals - mean, np.ones(len(neutrals)), pairs, IDENTITY)
    samples, weights = bases.expression_samples(aligned, effects, groups, neutrals)
    expression = bases.components(samples, weights, pairs, EXPRESSION)
    model = MeshModel(
        mean=mean.astype(np.float32),
        identity=identity.vectors.astype(np.float32),
        identity_std=identity.stds.astype(np.float32),
        expression=expression.vectors.astype(np.float32),
        expression_std=expression.stds.astype(np.float32),
        stable=stable,
        triangles=triangles(open_face(aligned, pairs)) if redraw else TRIANGLES,
    )
    facts |= {
        "pose_effect_pct": pose_effect(effects, stable),
        "meshes": len(labels),
        "people": len(neutrals),
        "expression_frames": len(samples),
        "identity_variance_explained": (np.cumsum(identity.stds**2) / identity.total).round(4).tolist(),
        "expression_variance_explained": (np.cumsum(expression.stds**2) / expression.total).round(4).tolist(),
        "triangles": len(model.triangles),
    }
    return model, effects, facts


def open_face(aligned: bases.Aligned, pairs: NDArray[np.int64]) -> Array:
    """The mean of the frontal faces with the widest open mouths, left and right alike."""
    wide = np.linalg.norm(aligned.shapes[:, 13] - aligned.shapes[:, 14], axis=1)
    most = aligned.frontal & (wide >= np.quantile(wide[aligned.frontal], 1 - MOST_OPEN))
    opened = aligned.shapes[most].mean(axis=0)
    return (opened + mirrored(opened, pairs)) / 2


def pose_effect(effects: bases.Effects, stable: NDArray[np.bool_]) -> dict[str, list[float]]:
    """How far the labels' shape is off when the head is turned, beside a rigid turn.

    Returns:
        For yaw and pitch of 10, 20 and 30 degrees: root mean square displacement in x, y and z over the
        stable points, percent of the inter-ocular distance.
    """
    rows = {}
    for axis, name in enumerate(("yaw", "pitch")):
        for angle in (10, 20, 30):
            angles = np.zeros((1, 3))
            angles[0, axis] = angle
            shift = np.tensordot(bases.pose_terms(angles)[0], effects.pose, axes=1)[stable]
            rows[f"{name} {angle}"] = (100 * np.sqrt((shift**2).mean(axis=0))).round(2).tolist()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True, help="folder of labelled meshes")
    parser.add_argument("--out", type=Path, required=True, help="folder for model.npz and build.json")
    parser.add_argument("--redraw", action="store_true", help="draw the triangles anew")
    args = parser.parse_args()
    labels = Labels.read(args.pack)
    model, _, facts = build(labels.pick(labels.part == "train"), redraw=args.redraw)
    args.out.mkdir(parents=True, exist_ok=True)
    model.save(args.out / "model.npz")
    (args.out / "build.json").write_text(json.dumps(facts, indent=1))
    print({key: value for key, value in facts.items() if not isinstance(value, list)})


if __name__ == "__main__":
    main()
