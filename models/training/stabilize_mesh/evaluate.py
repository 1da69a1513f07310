"""Error of every method on pairs of people and expressions that were not trained on; writes metrics.json."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime
from synth import NOISE, Pairs, Source

from vidface.eval.mesh import transform_errors
from vidface.vision.meshmodel import MeshFitter, MeshModel
from vidface.vision.meshstab import (
    Array,
    all_points,
    canonical,
    features,
    matrices_of,
    stable_points,
    with_rest,
)


def joint_fit(pairs: Pairs, model: MeshModel) -> Array:
    """Pose of each mesh from the model fitted to it (identity and expression), put together."""
    fitter = MeshFitter(model)
    poses = [matrices_of(fitter.fit(mesh).similarity) for mesh in (pairs.reference, pairs.moving)]
    motion = poses[0] @ np.linalg.inv(poses[1])
    size = np.cbrt(np.linalg.det(motion[:, :3, :3]))
    motion[:, :3, :3] /= size[:, None, None]
    middle = pairs.moving.mean(1)
    goal = (poses[0] @ np.linalg.inv(poses[1]) @ np.c_[middle, np.ones(len(middle))][..., None])[:, :3, 0]
    motion[:, :3, 3] = goal - (motion[:, :3, :3] @ middle[..., None])[..., 0]
    return motion


def methods(pairs: Pairs, model: MeshModel, net: onnxruntime.InferenceSession) -> dict[str, Array]:
    """Name -> motions."""
    pair = canonical(pairs.moving, pairs.reference, model)
    rest = net.run(None, {"pair": features(pair, model)})[0]
    return {
        "all points": all_points(pairs.moving, pairs.reference),
        "stable points": stable_points(pairs.moving, pairs.reference, model),
        "joint fit of the mesh model": joint_fit(pairs, model),
        "network": with_rest(pair, rest),
    }


def centred(motions: Array, pairs: Pairs) -> Array:
    """The same about the middle of the moving mesh: far from the origin a turn would count as a shift."""
    middle = pairs.moving.mean(1)
    out = motions.copy()
    out[:, :3, 3] = (motions[:, :3, :3] @ middle[..., None])[..., 0] + motions[:, :3, 3]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mesh-model", type=Path, required=True)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    model = MeshModel.load(args.mesh_model)
    net = onnxruntime.InferenceSession(str(args.network), providers=["CPUExecutionProvider"])
    source, table = Source(model, args.pack, "test"), {}
    for noise in (0.0, NOISE, 2 * NOISE):
        pairs = source.pairs(args.count, np.random.default_rng(9), noise=noise)
        truth = centred(pairs.truth, pairs)
        rows = {}
        for name, motions in methods(pairs, model, net).items():
            degrees, percent = transform_errors(centred(motions, pairs), truth, unit=1.0)
            rows[name] = {"rotation_deg": round(degrees, 3), "translation_pct": round(percent, 3)}
        plain = rows["all points"]
        for row in rows.values():
            row["of plain"] = round(
                (
                    row["rotation_deg"] / plain["rotation_deg"]
                    + row["translation_pct"] / plain["translation_pct"]
                )
                / 2,
                3,
            )
        table[f"noise {noise:.3f}"] = rows
    text = json.dumps({"pairs": args.count, "unit": "inter-ocular distance", **table}, indent=1)
    print(text)
    if args.out:
        args.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
