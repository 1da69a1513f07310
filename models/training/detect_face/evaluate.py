"""Measure the student on held-out people against the teacher at score 0.6, and write metrics.json."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scoring import SIZES, Tally
from teacher import Teacher, open_session, overlaps
from testset import CONDITIONS, Shot, moves, shots, skin_angle, turn, turned_faces

TEACHER_SCORE = 0.6
LOWEST_SCORE = 0.05
OVERALL = "overall: clips, crowds, portraits"  # the boards are made up, so they stand apart
Report = dict[str, dict[str, float]]


class Book:
    """Tallies by row name."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}

    def add(self, names: tuple[str, ...], tally: Tally) -> None:
        """Put one picture's matches into several rows."""
        for name in names:
            self.tallies.setdefault(name, Tally()).merge(tally)

    def report(self, threshold: float) -> Report:
        """Every row's figures at the operating threshold."""
        return {name: tally.summary(threshold) for name, tally in self.tallies.items()}


def compare(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> Tally:
    """One picture's matches."""
    tally = Tally()
    tally.add(found, wanted)
    return tally


def spoiled(
    book: Book, student: Teacher, teacher: Teacher, shot: Shot, wanted: NDArray[np.float32], number: int
) -> None:
    """One picture under each condition, by student and teacher; wanted are the faces on the clean one."""
    rng = np.random.default_rng(number)
    views = {name: (step(shot.image, rng), wanted) for name, step in CONDITIONS.items()}
    views["clean"] = (shot.image, wanted)
    for degrees in (30, -30):
        image, matrix = turn(shot.image, degrees)
        views[f"turned {degrees}"] = (image, turned_faces(wanted, matrix, image.shape))
    for name, (image, faces) in views.items():
        book.add((f"student, {name}",), compare(student.detect(image, LOWEST_SCORE), faces))
        book.add((f"teacher, {name}",), compare(teacher.detect(image, LOWEST_SCORE), faces))


def once_more(book: Book, teacher: Teacher, shot: Shot, wanted: NDArray[np.float32]) -> None:
    """The teacher on the same clean picture, moved, against its own answer: the noise of the labels."""
    for name, (image, matrix) in moves(shot.image).items():
        tally = compare(teacher.detect(image, LOWEST_SCORE), turned_faces(wanted, matrix, image.shape))
        book.add((name, f"{name}: {shot.block}"), tally)


def pictures_of_errors(
    folder: Path, image: NDArray[np.uint8], found: NDArray[np.float32], wanted: NDArray[np.float32], name: str
) -> None:
    """Write a crop around every false positive (fp_) and miss (fn_)."""
    folder.mkdir(parents=True, exist_ok=True)
    ious = overlaps(found, wanted)
    lone = [("fp", face) for face, row in zip(found, ious, strict=True) if not row.size or row.max() < 0.5]
    lone += [
        ("fn", face) for face, row in zip(wanted, ious.T, strict=True) if not row.size or row.max() < 0.5
    ]
    for kind, face in lone:
        side = max(32.0, float((face[2:4] - face[:2]).max()) * 2.2)
        corner = (face[:2] + face[2:4]) / 2 - side / 2
        matrix = np.array([[96 / side, 0, -corner[0] * 96 / side], [0, 96 / side, -corner[1] * 96 / side]])
        view = cv2.warpAffine(image, matrix, (96, 96))
        box = ((face[:4].reshape(2, 2) - corner) * 96 / side).astype(int).tolist()
        cv2.rectangle(view, box[0], box[1], (0, 0, 255) if kind == "fp" else (0, 255, 255), 1)
        cv2.imwrite(str(folder / f"{kind}_{name}_{len(list(folder.iterdir())):05d}_{face[14]:.2f}.png"), view)


def measure(args: argparse.Namespace, student: Teacher, teacher: Teacher) -> dict[str, Report]:
    """All rows on the held-out material."""
    main, conditions, clips, groups, again = Book(), Book(), Book(), Book(), Book()
    skin: list[tuple[float, Tally]] = []
    seen: dict[str, int] = {}
    for number, shot in enumerate(shots(args.data, args.every)):
        wanted = teacher.detect(shot.image, TEACHER_SCORE)
        found = student.detect(shot.image, LOWEST_SCORE)
        tally = compare(found, wanted)
        main.add((shot.block,) if shot.block == "boards" else (OVERALL, shot.block), tally)
        if shot.block != "boards":
            once_more(again, teacher, shot, wanted)
        clips.add((f"{shot.block}: {shot.name}",), tally)
        seen[shot.name] = seen.get(shot.name, -1) + 1
        if shot.block in {"clips", "crowds"} and seen[shot.name] % 6 == 0:
            spoiled(conditions, student, teacher, shot, wanted, number)
        if shot.block == "portraits" and shot.name == "web_portraits":
            skin += colour_of(shot, tally)
        if args.pictures:
            sure = found[found[:, 14] >= args.threshold]
            pictures_of_errors(args.pictures, shot.image, sure, wanted, shot.name.replace("/", "-"))
    for part, name in enumerate(("darkest third", "middle third", "lightest third")):
        skin.sort(key=lambda row: row[0])
        for _, tally in skin[part * len(skin) // 3 : (part + 1) * len(skin) // 3]:
            groups.add((f"skin, {name}",), tally)
    threshold = args.threshold
    sizes = {name: main.tallies[OVERALL].summary(threshold, limits) for name, limits in SIZES.items()}
    return {
        "held out": main.report(threshold),
        "teacher against itself": again.report(TEACHER_SCORE),
        "by height in the input": sizes,
        "by condition (clips and crowds)": condition_rows(conditions, threshold),
        "by skin tone (web_portraits)": groups.report(threshold),
        "by clip or set": clips.report(threshold),
    }


def colour_of(shot: Shot, tally: Tally) -> list[tuple[float, Tally]]:
    """The crop's skin angle with its matches; grey pictures tell nothing."""
    if shot.crop is None or shot.points is None or np.ptp(shot.crop.astype(int), axis=2).mean() < 6:
        return []
    return [(skin_angle(shot.crop, shot.points), tally)]


def condition_rows(book: Book, threshold: float) -> Report:
    """Student at its threshold, teacher at 0.6."""
    names = sorted(book.tallies)
    return {
        name: book.tallies[name].summary(threshold if name.startswith("student") else TEACHER_SCORE)
        for name in names
    }


def timing(student: Path, teacher: Path, rounds: int = 25) -> dict[str, float]:
    """CPU milliseconds at 640 x 384, one thread, interleaved rounds of 10 runs, medians; and their ratio."""
    blob = np.random.default_rng(0).uniform(0, 255, (1, 3, 384, 640)).astype(np.float32)
    sessions = [open_session(path) for path in (student, teacher)]
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for session, row in zip(sessions, times, strict=True):
            start = time.process_time()
            for _ in range(10):
                session.run(None, {"input": blob})
            row.append((time.process_time() - start) * 100)
    mine, theirs = (float(np.median(row)) for row in times)
    return {"student_ms": round(mine, 3), "teacher_ms": round(theirs, 3), "ratio": round(mine / theirs, 3)}


def table(report: Report) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| | faces | found | recall | precision | AP | landmark error %, mean (median) |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in report.items():
        lines.append(
            f"| {name} | {row['faces']} | {row['found']} | {row['recall']:.3f} | {row['precision']:.3f} "
            f"| {row['ap']:.3f} | {row['landmark_error_pct']:.2f} ({row['landmark_error_median_pct']:.2f}) |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--student", type=Path, required=True, help="model.onnx")
    parser.add_argument("--threshold", type=float, required=True, help="from threshold.py")
    parser.add_argument("--every", type=int, default=5, help="frames of a clip: every n-th")
    parser.add_argument("--pictures", type=Path, help="write crops of the errors here")
    parser.add_argument("--out", type=Path, help="metrics.json")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    result = measure(args, Teacher(args.student, vote_from=args.threshold), Teacher(args.teacher))
    for title, report in result.items():
        print(f"\n### {title}\n{table(report)}")
    speed = timing(args.student, args.teacher)
    print(speed)
    if args.out:
        header = {
            "threshold": args.threshold,
            "reference": "teacher YuNet-n at score 0.6, same input, IoU 0.5; student with box voting",
        }
        args.out.write_text(
            json.dumps({**header, "cpu_640x384_one_thread": speed, **result}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
