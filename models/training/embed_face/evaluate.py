"""Held-out people: verification by the second picture's size, beside the teacher and a trivial baseline.

6,000 pairs of the test part (half of one person, half of two), one side at 112 px, the other shrunk with the
area filter and enlarged bicubically. Wrong labels (cosine of the teacher below 0.3 to the median of the
person's pictures) are left out for all. Accuracy by ten folds; TAR at FAR 1e-2 and 1e-3; 95 % intervals
from 1,000 resamplings of people. The trivial baseline is the cosine of centred grey pixels at 16 x 16.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort
from judge import Held, accuracy, best_threshold, over, shrunk
from numpy.typing import NDArray
from teacher import Teacher
from views import coded, degrade, up

WOMEN = ("Halle_Berry", "Jessica_Alba", "Miley_Cyrus", "Victoria_Beckham")
Float = NDArray[np.floating[Any]]
ALL_SIDES = (112, 32, 24, 16, 12, 8)


class Student:
    """The ONNX file."""

    def __init__(self, path: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._run = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[Float, Float]:
        """BGR crops -> unit vectors, recognisability."""
        vectors, sure = over(self._run, crops)
        return vectors, sure[:, 0]


def trivial(crops: NDArray[np.uint8]) -> Float:
    """Centred grey pixels of the middle, 16 x 16."""
    grey = [cv2.cvtColor(crop[12:112, 16:96], cv2.COLOR_BGR2GRAY) for crop in crops]
    rows = np.stack([cv2.resize(one, (16, 16), interpolation=cv2.INTER_AREA) for one in grey]).reshape(
        len(crops), -1
    )
    rows = rows - rows.mean(1, keepdims=True)
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-6)


def rates(scores: Float, held: Held) -> dict[str, Any]:
    """Accuracy with its interval over people, and TAR at two FARs."""
    out: dict[str, Any] = {"accuracy": round(100 * accuracy(scores, held.same), 2)}
    for far in (1e-2, 1e-3):
        bar = np.quantile(scores[~held.same], 1 - far)
        out[f"TAR at FAR {far:g}"] = round(100 * float((scores[held.same] > bar).mean()), 1)
    people = held.names[held.pairs[:, 0]]
    bar, rng = best_threshold(scores, held.same), np.random.default_rng(0)
    right, names = (scores >= bar) == held.same, np.unique(people)
    share = {name: (right[people == name].sum(), (people == name).sum()) for name in names}
    table = np.array([share[name] for name in names], float)
    draws = [table[rng.integers(len(names), size=len(names))].sum(0) for _ in range(1000)]
    low, high = np.percentile([100 * a / b for a, b in draws], [2.5, 97.5])
    return out | {"95 % interval": [round(float(low), 1), round(float(high), 1)]}


def groups(scores: Float, held: Held) -> dict[str, Any]:
    """At one threshold for all: false non-matches and false matches of women and men."""
    bar = best_threshold(scores, held.same)
    first = np.char.partition(held.names[held.pairs[:, 0]].astype(str), "/")[:, 2]
    second = np.char.partition(held.names[held.pairs[:, 1]].astype(str), "/")[:, 2]
    out = {}
    for name, test in (("women", np.isin(first, WOMEN)), ("men", ~np.isin(first, WOMEN))):
        mates = held.same & test
        stars = np.char.startswith(held.names[held.pairs].astype(str), "celeb").all(1)
        others = ~held.same & stars & test & (np.isin(second, WOMEN) == np.isin(first, WOMEN))
        out[name] = {
            "false non-match rate, %": round(100 * float((scores[mates] < bar).mean()), 1),
            "pairs of one person": int(mates.sum()),
            "false match rate among the same sex, %": round(100 * float((scores[others] >= bar).mean()), 1),
            "pairs of two": int(others.sum()),
        }
    for person in sorted(set(first[held.same])):
        mine = held.same & (first == person)
        out[person] = {"false non-match rate, %": round(100 * float((scores[mine] < bar).mean()), 1)}
    return out


def spoiled(crops: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """The probes under other troubles, each alone."""
    rng = np.random.default_rng(4)
    return {
        "24 px, then JPEG or H.264 at that size": np.stack(
            [up(coded(cv2.resize(c, (24, 24), interpolation=cv2.INTER_AREA), rng), rng) for c in crops]
        ),
        "Gaussian blur, sigma 3": np.stack([cv2.GaussianBlur(c, (0, 0), 3) for c in crops]),
        "low light": np.stack([degrade.low_light(c, rng) for c in crops]),
        "noise": np.stack([degrade.noise(c, rng) for c in crops]),
        "partly covered": np.stack(
            [degrade.occlude(c, np.array([[20, 20, 92, 104]], np.float32), rng)[0] for c in crops]
        ),
    }


def clean(held: Held, teacher: Teacher) -> int:
    """Leave out wrong labels; returns how many."""
    vectors, keep = teacher(held.crops), np.ones(len(held.names), bool)
    for name in {one for one in held.names if one.startswith("celeb")}:
        rows = np.flatnonzero(held.names == name)
        middle = np.median(vectors[rows], 0)
        keep[rows] = vectors[rows] @ (middle / np.linalg.norm(middle)) >= 0.3
    held.keep(keep)
    return int((~keep).sum())


def speed(student: Student) -> float:
    """CPU milliseconds a face, one thread, batches of 16."""
    crops = np.random.default_rng(0).integers(0, 256, (16, 112, 112, 3), np.uint8)
    student(crops)
    spent = []
    for _ in range(5):
        start = time.process_time()
        student(crops)
        spent.append((time.process_time() - start) / 16 * 1000)
    return round(float(np.median(spent)), 2)


def discard(scores: Float, sure: Float, held: Held) -> list[list[float]]:
    """Share of genuine pairs discarded by least recognisability -> false non-match rate at FMR 1e-2, %."""
    quality = sure[held.pairs[:, 1]]
    rows = []
    for share in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
        kept = quality >= np.quantile(quality[held.same], share)
        bar = np.quantile(scores[~held.same & kept], 0.99)
        rows.append([share, round(100 * float((scores[held.same & kept] < bar).mean()), 1)])
    return rows


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """What every comparison of the student with its teacher is told."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--student", type=Path, required=True)
    return parser


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--part", default="test", choices=("val", "test"))
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    held, teacher, student = Held(args.pack, args.part), Teacher(args.teacher), Student(args.student)
    out: dict[str, Any] = {"wrong labels left out": clean(held, teacher), "faces": len(held.names)}
    full = {
        "student": student(held.crops)[0],
        "teacher": teacher(held.crops),
        "trivial": trivial(held.crops),
    }
    probes = {f"{side} px": shrunk(held.crops, side) for side in ALL_SIDES} | spoiled(held.crops)
    a, b = held.pairs.T
    out["verification"], mixed, sure = {}, [], []
    for name, crops in probes.items():
        mine, chance = student(crops)
        scores = (full["student"][a] * mine[b]).sum(1)
        row = {"student": rates(scores, held) | {"recognisability, mean": round(float(chance.mean()), 3)}}
        row["teacher"] = rates((full["teacher"][a] * teacher(crops)[b]).sum(1), held)
        if name.endswith(" px"):
            row["trivial"] = rates((full["trivial"][a] * trivial(crops)[b]).sum(1), held)
            mixed.append(scores)
            sure.append(chance)
        out["verification"][name] = row
        if name in ("112 px", "16 px"):
            out[f"by group, {name}"] = groups(scores, held)
    pick = np.random.default_rng(1).integers(len(mixed), size=len(a))
    everyone = np.choose(pick, mixed)
    chosen = np.stack(sure)[pick, b]
    quality = Held.__new__(Held)
    quality.pairs, quality.same = np.column_stack([a, np.arange(len(b))]), held.same
    out["error versus discard by recognisability, sizes mixed"] = discard(everyone, chosen, quality)
    out["CPU ms a face, one thread"] = speed(student)
    args.out.write_text(json.dumps(out, indent=1) + "\n")
    for name, row in out["verification"].items():
        print(name, {who: (r["accuracy"], r["TAR at FAR 0.001"]) for who, r in row.items()})


if __name__ == "__main__":
    main()
