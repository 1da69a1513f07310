"""Do the columns of mesh.measures answer? Against the teacher's blendshapes, on clips of held-out people."""

from __future__ import annotations

import argparse
import json
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from labels import Labels
from numpy.typing import NDArray

from vidface.data import Faces, Frame
from vidface.data.mesh import BLENDSHAPES, Meshes
from vidface.graph.harness import NodeHarness
from vidface.nodes.mesh.measures import KINDS, MeshMeasures
from vidface.nodes.mesh.pose import MeshPose

Array = NDArray[np.float64]
LEAST, STIRRED = 20, 0.05
"""Frames of a clip, and standard deviation of the blendshape in it, below which it says nothing."""
LOOKS_AHEAD = 0.6
"""Gaze against head turn (correlation, sign changed): from here on the eyes were kept on something."""
ANSWERS: tuple[tuple[str, dict[str, float]], ...] = (
    ("eye_opening_left", {"eyeBlinkLeft": -1}),
    ("eye_opening_right", {"eyeBlinkRight": -1}),
    ("mouth_opening", {"jawOpen": 1}),
    ("mouth_width", {"mouthPucker": -1}),
    ("smile", {"mouthSmileLeft": 0.5, "mouthSmileRight": 0.5}),
    ("brow_raise_left", {"browOuterUpLeft": 1, "browInnerUp": 1, "browDownLeft": -1}),
    ("brow_raise_right", {"browOuterUpRight": 1, "browInnerUp": 1, "browDownRight": -1}),
    ("gaze_yaw", {"eyeLookOutLeft": 1, "eyeLookInLeft": -1, "eyeLookInRight": 1, "eyeLookOutRight": -1}),
    ("gaze_pitch", {"eyeLookUpLeft": 1, "eyeLookUpRight": 1, "eyeLookDownLeft": -1, "eyeLookDownRight": -1}),
)
"""Column -> the blendshapes that it should go with, and their signs."""


def columns(points: NDArray[np.float32]) -> tuple[Array, Array]:
    """n x 478 x 3 of one face over time -> n x columns, and n x 3 head angles."""
    n = len(points)
    pixels: Any = None
    meshes = [Meshes.of(row) for row in points]
    with NodeHarness(MeshPose()) as harness:
        poses = harness.run(mesh=meshes)
    with NodeHarness(MeshMeasures()) as harness:
        found = harness.run(
            frame=[Frame(i, i, Fraction(1, 25), pixels) for i in range(n)],
            faces=[Faces.of([[0, 0, 9, 9]], tracks=np.ones(1, np.int64))] * n,
            mesh=meshes,
            pose=poses,
        )
    return np.stack([m.values[0] for m in found]), np.stack([pose.angles[0] for pose in poses])


def correlation(x: Array, y: Array) -> float:
    """Of the pairs that are known; NaN where there are few or one does not change."""
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < LEAST or x[known].std() < 1e-9 or y[known].std() < STIRRED:
        return float("nan")
    return float(np.corrcoef(x[known], y[known])[0, 1])


def within_clips(labels: Labels) -> dict[str, Any]:
    """For each column the correlation with its blendshapes within clips, and the scale of the gaze."""
    names = [kind.name for kind in KINDS]
    rows: dict[str, list[float]] = {name: [] for name, _ in ANSWERS}
    slopes: dict[str, list[float]] = {"gaze_yaw": [], "gaze_pitch": []}
    blinks = np.zeros(5, np.int64)
    for group in labels.groups(least=LEAST):
        order = group[np.argsort(labels.frame[group])]
        values, angles = columns(labels.points[order])
        shapes = labels.blendshapes[order].astype(np.float64)
        for name, parts in ANSWERS:
            wanted = sum(sign * shapes[:, BLENDSHAPES.index(part)] for part, sign in parts.items())
            rows[name].append(correlation(values[:, names.index(name)], np.asarray(wanted)))
        blinks += _agreement(values, shapes, names)
        for axis, name in enumerate(slopes):
            gaze = values[:, names.index(name)]
            known = np.isfinite(gaze)
            if (
                angles[known, axis].std() > 2
                and np.corrcoef(gaze[known], angles[known, axis])[0, 1] < -LOOKS_AHEAD
            ):
                slopes[name].append(float(np.polyfit(angles[known, axis], gaze[known], 1)[0]))
    table = {
        name: {
            "blendshapes": " ".join(f"{'+' if sign > 0 else '-'}{part}" for part, sign in parts.items()),
            "clips": int(np.isfinite(rows[name]).sum()),
            "correlation_median": round(float(np.nanmedian(rows[name])), 3),
            "correlation_p10": round(float(np.nanquantile(rows[name], 0.1)), 3),
        }
        for name, parts in ANSWERS
    }
    both, ours, theirs, agreed, frames = blinks.tolist()
    return {
        "columns": table,
        "shut_eyes": {
            "eyes": frames,
            "shut_here": ours,
            "teacher_over_0.6": theirs,
            "of_these_shut_here": round(both / max(theirs, 1), 3),
            "shut_here_with_teacher_over_0.4": round(agreed / max(ours, 1), 3),
        },
        "gaze_per_degree_of_head_turn": {
            name: {
                "clips": len(values),
                "median_slope": round(float(np.median(values)), 2) if values else None,
            }
            for name, values in slopes.items()
        },
    }


def _agreement(values: Array, shapes: Array, names: list[str]) -> NDArray[np.int64]:
    """Eyes shut for both, here, for the teacher (eyeBlink over 0.6), here with the teacher over 0.4, all."""
    counts = np.zeros(5, np.int64)
    for side in ("left", "right"):
        ours = values[:, names.index(f"blink_{side}")] == 1
        theirs = shapes[:, BLENDSHAPES.index(f"eyeBlink{side.title()}")]
        both = ours & (theirs > 0.6)
        counts += (both.sum(), ours.sum(), (theirs > 0.6).sum(), (ours & (theirs > 0.4)).sum(), len(ours))
    return counts


def speed(points: NDArray[np.float32]) -> dict[str, int]:
    """CPU microseconds a face of the two nodes as called by the engine, one face a frame, one thread."""
    start = time.process_time()
    columns(points)
    return {"pose_and_measures_us": round((time.process_time() - start) / len(points) * 1e6)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True, help="folder of labelled meshes")
    parser.add_argument("--model", type=Path, required=True, help="folder of metrics.json")
    args = parser.parse_args()
    labels = Labels.read(args.pack)
    held = labels.pick((labels.part != "train") & ~labels.portrait)
    found = within_clips(held) | speed(held.points[:200])
    path = args.model / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"measures": found}, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
