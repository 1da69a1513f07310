"""Pose and measures on mirrored and turned pictures of held-out people, through the teacher's nets."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from labels import Labels
from numpy.typing import NDArray

from vidface.vision.facemeasures import measure
from vidface.vision.meshmodel import MeshModel
from vidface.vision.rigid import angles_of

sys.path.append(str(Path(__file__).resolve().parents[1] / "mesh_face"))
from landmarker import MeshTeacher, crop_of_mesh

SIDE = 240
"""Of the pack's crops, pixels."""
ROLL_DEG = 25.0
PAIRS = (("eye_left", "eye_right"), ("brow_left", "brow_right"))


def look(teacher: MeshTeacher, image: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """The teacher's mesh on the picture, twice, beginning with the crop around a rough mesh."""
    for _ in range(2):
        points, _ = teacher.on(image, crop_of_mesh(points, 256))
    return points


def turned(image: NDArray[np.uint8], degrees: float) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The picture turned clockwise about its middle, and the 2 x 3 matrix of its points."""
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), -degrees, 1.0)
    shift = matrix.copy()
    shift[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    return cv2.warpAffine(image, shift, (SIDE, SIDE)), matrix


def compare(model: MeshModel, meshes: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Mean absolute differences from what the plain picture demands, degrees and ratios."""
    poses = {}
    for name, points in meshes.items():
        similarity = model.place(points).similarity
        poses[name] = (angles_of(similarity.rotations), similarity.scales)
    plain = poses["plain"][0]
    mirror = np.abs(poses["mirrored"][0] - plain * (-1, 1, -1))
    roll = np.abs(poses["turned"][0] - plain - (0, 0, ROLL_DEG))
    raw = {name: measure(points, *poses[name]) for name, points in meshes.items()}
    sides = {
        left: float(np.abs(getattr(raw["mirrored"], right) - getattr(raw["plain"], left)).mean())
        for left, right in PAIRS
    }
    names = ("yaw", "pitch", "roll")
    return {
        "pictures": len(plain),
        "mirrored_deg": dict(zip(names, mirror.mean(axis=0).round(2).tolist(), strict=True)),
        "turned_deg": dict(zip(names, roll.mean(axis=0).round(2).tolist(), strict=True)),
        "mirrored_left_becomes_right": {name: round(value, 3) for name, value in sides.items()},
        "gaze_turns_round_correlation": round(
            float(np.corrcoef(raw["mirrored"].iris_x, -raw["plain"].iris_x)[0, 1]), 3
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True, help="folder of labelled meshes")
    parser.add_argument("--teacher", type=Path, required=True, help="folder of the two teacher nets")
    parser.add_argument("--model", type=Path, required=True, help="folder of model.npz and metrics.json")
    parser.add_argument("--count", type=int, default=150)
    args = parser.parse_args()
    teacher, model = MeshTeacher(args.teacher), MeshModel.load(args.model / "model.npz")
    labels = Labels.read(args.pack / ".")
    rows = np.flatnonzero((labels.part != "train") & labels.portrait)
    rows = rows[:: max(1, len(rows) // args.count)][: args.count]
    pixels = np.memmap(args.pack / "faces" / "pixels.bin", np.uint8, "r").reshape(-1, SIDE, SIDE, 3)
    first = int((~labels.portrait).sum())
    meshes: dict[str, list[Any]] = {"plain": [], "mirrored": [], "turned": []}
    for row in rows:
        image, points = np.array(pixels[row - first]), labels.points[row]
        meshes["plain"].append(look(teacher, image, points))
        flipped = points * np.float32((-1, 1, 1)) + np.float32((SIDE, 0, 0))
        # The numbers of left and right change places, which only the crop's direction depends on.
        flipped[[33, 263]] = flipped[[263, 33]]
        meshes["mirrored"].append(look(teacher, np.ascontiguousarray(image[:, ::-1]), flipped))
        other, matrix = turned(image, ROLL_DEG)
        moved = np.column_stack([points[:, :2] @ matrix[:, :2].T + matrix[:, 2], points[:, 2]])
        meshes["turned"].append(look(teacher, other, moved.astype(np.float32)))
    found = compare(model, {name: np.array(values, np.float64) for name, values in meshes.items()})
    path = args.model / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pictures": found}, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
