"""Left against right: what the network says of a face and of its mirror image, over held-out portraits.

A reader without a side says of the mirror image's left what it said of the right. Each held-out portrait is
read as it is and mirrored (crop by the teacher's mesh, as in use), and with b the blendshapes, m a mirror
image and L, R the two of a pair:

    bias     mean of (L(x) - R(m) + L(m) - R(x)) / 2: how much more the left one is given than the right one
    apart    mean of (|L(x) - R(m)| + |L(m) - R(x)|) / 2: how far the two readings of one look lie apart

    python mirrored.py --data DATA --teachers MEDIAPIPE --student ../../vidface-facemesh/model.onnx \\
        --out ../../vidface-facemesh/mirrored.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from evaluate import Student
from label import first_mesh
from landmarker import MeshTeacher, crop_of_mesh, warp
from net import SIDE
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
import split
from labels import labelled

from vidface.data.mesh import BLENDSHAPES

Float = NDArray[np.float32]
LEAST = 0.5
"""Presence by the teacher, below which a picture is left out."""
PAIRS = [
    (name.removesuffix("Left"), place, BLENDSHAPES.index(name.removesuffix("Left") + "Right"))
    for place, name in enumerate(BLENDSHAPES)
    if name.endswith("Left") and name.removesuffix("Left") + "Right" in BLENDSHAPES
]


def held_out(data: Path) -> Iterator[tuple[NDArray[np.uint8], Any, Any]]:
    """Picture, box and five points of the portraits of people held out."""
    for face_set in split.FACE_SETS:
        folder = data / "faces" / face_set
        for row, _, place in labelled(folder):
            if split.face_part(row["from"], place) == "test":
                yield cv2.imread(str(folder / row["file"])), np.array(row["box"]), np.array(row["points"])


def shapes_of(image: NDArray[np.uint8], mesh: Float, student: Student, teacher: MeshTeacher) -> list[Float]:
    """Blendshapes by student and teacher, read in the crop that the teacher's mesh asks for."""
    mine = student(warp(image, crop_of_mesh(mesh, SIDE), SIDE)[None])[2][0]
    points, _ = teacher.crops(warp(image, crop_of_mesh(mesh, 256), 256)[None])
    return [mine, teacher.blendshapes(points[0])]


def turned(image: NDArray[np.uint8], box: Any, five: Any) -> tuple[NDArray[np.uint8], Any, Any]:
    """The mirror image, with its box and points in viewer order."""
    wide = image.shape[1]
    points = np.column_stack([wide - five[:, 0], five[:, 1]])[[1, 0, 2, 4, 3]]
    return image[:, ::-1].copy(), np.array([wide - box[2], box[1], wide - box[0], box[3]]), points


def table(straight: Float, mirrored: Float) -> dict[str, dict[str, float]]:
    """Bias and distance of each pair, from blendshapes (n, 52) of pictures and of their mirror images."""
    rows = {}
    for name, left, right in PAIRS:
        one, other = straight[:, left] - mirrored[:, right], mirrored[:, left] - straight[:, right]
        rows[name] = {
            "bias": round(float((one + other).mean() / 2), 4),
            "apart": round(float((np.abs(one) + np.abs(other)).mean() / 2), 4),
            "mean": round(float(straight[:, [left, right]].mean()), 4),
        }
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--teachers", type=Path, required=True)
    parser.add_argument("--student", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    student, teacher = Student(args.student), MeshTeacher(args.teachers)
    found = []
    for picture in held_out(args.data):
        sides = []
        for image, box, five in (picture, turned(*picture)):
            mesh, presence = first_mesh(teacher, image, box, five)
            if presence < LEAST:
                break
            sides.append(shapes_of(image, mesh, student, teacher))
        if len(sides) == 2:
            found.append(sides)
    values = np.array(found)  # picture, as it is or mirrored, student or teacher, blendshape
    told = {
        who: table(values[:, 0, place], values[:, 1, place])
        for place, who in enumerate(("student", "teacher"))
    }
    args.out.write_text(json.dumps({"pictures": len(values), **told}, indent=1) + "\n")


if __name__ == "__main__":
    main()
