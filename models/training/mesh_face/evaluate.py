"""Measure the student against the teacher on held-out people and clips; write metrics.json."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from label import Finder
from landmarker import MeshTeacher, inverse, move, session, warp
from net import SIDE
from numpy.typing import NDArray
from steady import steadiness
from stream import Faces, random_crop

sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
import degrade
from testset import h264, jpeg, low_light, noise, skin_angle

Image = NDArray[np.uint8]
Float = NDArray[np.float32]
FIVE = ((33, 133), (362, 263), (1,), (61,), (291,))
LIDS_RIGHT = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LIDS_LEFT = (362, 382, 381, 380, 374, 373, 390, 249, 263, 466, 388, 387, 386, 385, 384, 398)
LIPS_OUTSIDE = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409)
LIPS_INSIDE = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415)
OVAL_RIGHT = (152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
OVAL_LEFT = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377)
REGIONS = {
    "eyes": [*LIDS_RIGHT, *LIDS_LEFT],
    "lips": [*LIPS_OUTSIDE, *LIPS_INSIDE],
    "irises": list(range(468, 478)),
    "oval": [*OVAL_RIGHT, *OVAL_LEFT],
}


class Student:
    """The exported model on RGB crops."""

    def __init__(self, path: Path) -> None:
        self.net = session(path)

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[Float, Float, Float]:
        """BGR crops (n, SIDE, SIDE, 3) -> points in crop pixels, presence (n,), blendshapes (n, 52)."""
        blob = np.ascontiguousarray(crops[..., ::-1].transpose(0, 3, 1, 2), np.float32)
        points, presence, shapes = self.net.run(["points", "presence", "blendshapes"], {"image": blob})
        return points, presence[:, 0], shapes

    def on(self, image: Image, matrix: NDArray[np.float64]) -> tuple[Float, float]:
        """Mesh in the picture's pixels, seen through one crop of SIDE."""
        points, presence, _ = self(warp(image, matrix, SIDE)[None])
        return move(points[0], inverse(matrix)), float(presence[0])


def low_resolution(face_px: int) -> Callable[[Image, np.random.Generator], Image]:
    """As if the face (SIDE / 1.5 pixels in the crop) were `face_px` high."""

    def shrink(image: Image, _: np.random.Generator) -> Image:
        side = max(4, round(face_px * 1.5))
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)

    return shrink


def covered(image: Image, rng: np.random.Generator) -> Image:
    """Blobs over parts of the face."""
    side = image.shape[0]
    box = np.array([[side / 6, side / 6, side * 5 / 6, side * 5 / 6]], np.float32)
    return degrade.occlude(image, box, rng)[0]


CONDITIONS: dict[str, Callable[[Image, np.random.Generator], Image]] = {
    "clean": lambda image, _: image,
    "face 48 px": low_resolution(48),
    "face 24 px": low_resolution(24),
    "blur sigma 2": lambda image, _: cv2.GaussianBlur(image, (0, 0), 2.0),
    "noise sigma 20": noise,
    "JPEG q20": jpeg,
    "H.264 CRF 28-43": h264,
    "low light": low_light,
    "partly covered": covered,
}


def five(points: Float) -> Float:
    """Eye middles, nose tip and mouth corners of a mesh."""
    return np.stack([points[list(group), :2].mean(0) for group in FIVE])


def errors(found: Float, wanted: Float) -> Float:
    """(478,) distances in x and y over the distance of the eyes' middles, percent."""
    eyes = five(wanted)
    return (
        100 * np.hypot(*(found[:, :2] - wanted[:, :2]).T) / max(float(np.hypot(*(eyes[0] - eyes[1]))), 1e-3)
    )


def fitted_mean(mean: Float, wanted: Float) -> Float:
    """The trivial baseline: the mean mesh laid on the five points of the reference by a similarity."""
    here, there = five(mean), five(wanted)
    a, b = (here - here.mean(0)) @ (1, 1j), (there - there.mean(0)) @ (1, 1j)
    factor = (a.conj() * b).sum() / (a.conj() * a).sum()
    moved = ((mean[:, :2] - here.mean(0)) @ (1, 1j)) * factor
    return np.column_stack([moved.real, moved.imag]) + there.mean(0)


class Rows(dict[str, list[Any]]):
    """Values by row name."""

    def put(self, name: str, value: Any) -> None:
        """Append."""
        self.setdefault(name, []).append(value)

    def report(self) -> dict[str, dict[str, float]]:
        """Count, mean, median and 95th percentile."""
        return {
            name: {
                "faces": len(values),
                "mean": round(float(np.mean(values)), 3),
                "median": round(float(np.median(values)), 3),
                "p95": round(float(np.percentile(values, 95)), 3),
            }
            for name, values in self.items()
        }


def measure(faces: Faces, student: Student, teacher: MeshTeacher, every: int) -> dict[str, Any]:
    """Errors by condition, block, region and name; presence and blendshapes."""
    rng, mean = np.random.default_rng(3), mean_mesh(faces)
    main, conditions, regions, names, skin = Rows(), Rows(), Rows(), Rows(), []
    shape_errors, yes, no = [], [], []
    for part, block in enumerate(("clips", "portraits")):
        for row in range(0, faces.lengths[part], every if part == 0 else 2 * every):
            image, item = faces.item(part, row)
            matrix = random_crop(item["points"], rng, hard=False)
            truth = move(item["points"], matrix)
            crop = warp(image, matrix, SIDE)
            for name, spoil in CONDITIONS.items():
                if name != "clean" and row % (every * 4):
                    continue
                view = spoil(crop, rng)
                points, presence, shapes = student(view[None])
                error = errors(points[0], truth)
                conditions.put(f"student, {name}", error.mean())
                big = cv2.resize(view, (256, 256), interpolation=cv2.INTER_LINEAR)
                theirs = teacher.crops(big[None])[0][0] * (SIDE / 256)
                conditions.put(f"teacher, {name}", errors(theirs, truth).mean())
                if name == "clean":
                    main.put(block, error.mean())
                    main.put(
                        f"{block}, mean mesh on five points", errors(fitted_mean(mean, truth), truth).mean()
                    )
                    names.put(item["name"] if part == 0 else item["name"].split("/")[0], error.mean())
                    for region, index in REGIONS.items():
                        regions.put(f"{block}, {region}", error[index].mean())
                    shape_errors.append(np.abs(shapes[0] - item["blendshapes"]))
                    yes.append(float(presence[0]))
                    if item["name"].startswith("web_portraits"):
                        skin.append((skin_angle(image, five(item["points"])), error.mean()))
            away = matrix.copy()
            away[:, 2] += SIDE * 0.65 * np.array([1, 1 if row % 2 else -1])
            no.append(float(student(warp(image, away, SIDE)[None])[1][0]))
    return {
        "error, percent of the eyes' distance": main.report(),
        "by condition (both on the same spoiled crop)": conditions.report(),
        "by region": regions.report(),
        "by clip or set": names.report(),
        "by skin tone (web_portraits)": thirds(skin),
        "blendshapes": {"mean absolute error": round(float(np.mean(shape_errors)), 4)},
        "presence": {
            "above 0.5 on faces": round(float(np.mean(np.array(yes) > 0.5)), 4),
            "above 0.5 beside faces": round(float(np.mean(np.array(no) > 0.5)), 4),
        },
    }


def mean_mesh(faces: Faces) -> Float:
    """Mean of the stored (upright) meshes of the part."""
    return np.mean([faces.item(1, row)[1]["points"] for row in range(0, faces.lengths[1], 7)], 0)


def thirds(rows: list[tuple[float, float]]) -> dict[str, dict[str, float]]:
    """Error by thirds of the skin angle, darkest first."""
    rows.sort()
    table = Rows()
    for part, name in enumerate(("darkest third", "middle third", "lightest third")):
        for _, error in rows[part * len(rows) // 3 : (part + 1) * len(rows) // 3]:
            table.put(name, error)
    return table.report()


def timing(path: Path) -> dict[str, float]:
    """CPU milliseconds a face on one thread, medians of rounds: alone and in batches of 8."""
    net, out = session(path), {}
    for batch in (1, 8):
        blob = np.random.default_rng(0).uniform(0, 255, (batch, 3, SIDE, SIDE)).astype(np.float32)
        rounds = []
        for _ in range(15):
            start = time.process_time()
            for _ in range(10):
                net.run(None, {"image": blob})
            rounds.append((time.process_time() - start) * 100 / batch)
        out[f"batch {batch}, ms a face"] = round(float(np.median(rounds)), 3)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder with clips/, for the jitter")
    parser.add_argument("--teachers", type=Path, required=True)
    parser.add_argument("--detector", type=Path, required=True, help="yunet_n_dynamic.onnx")
    parser.add_argument("--student", type=Path, required=True, help="model.onnx")
    parser.add_argument("--every", type=int, default=2)
    parser.add_argument("--part", default="test", choices=("val", "test"))
    parser.add_argument("--out", type=Path, help="metrics.json")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    student, teacher = Student(args.student), MeshTeacher(args.teachers)
    faces = Faces(args.pack, args.part)
    result = {"cpu": timing(args.student), **measure(faces, student, teacher, args.every)}
    result["jitter"] = steadiness(args.data, faces, student.on, teacher, Finder(args.detector))
    text = json.dumps({"reference": "MediaPipe Face Landmarker on the clean crop", **result}, indent=1)
    print(text)
    if args.out:
        args.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
