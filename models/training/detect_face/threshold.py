"""Choose the student's operating score on the validation people: where recall and precision meet."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from pack import fit_width
from scoring import Tally
from teacher import Teacher


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--student", type=Path, required=True)
    parser.add_argument("--crops-every", type=int, default=8)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    # The score from which on cells vote in use is what is looked for here; it hardly moves the boxes.
    student, teacher, tally = Teacher(args.student, vote_from=0.5), Teacher(args.teacher), Tally()
    pixels = np.memmap(args.pack / "pixels.bin", np.uint8, "r")
    rows = [row for row in json.loads((args.pack / "items.json").read_text()) if row["part"] == "val"]
    crops = [row for row in rows if row["kind"] == "face"][:: args.crops_every]
    for row in [row for row in rows if row["kind"] != "face"] + crops:
        size = int(np.prod(row["shape"]))
        image = fit_width(np.array(pixels[row["offset"] : row["offset"] + size]).reshape(row["shape"]), 640)
        tally.add(student.detect(image, 0.2), teacher.detect(image, 0.6))
    table = {score: tally.summary(score) for score in np.arange(0.3, 0.81, 0.01).round(2)}
    for score in (0.4, 0.45, 0.5, 0.55, 0.6, 0.65):
        print(score, table[score])
    best = max(table, key=lambda score: min(table[score]["recall"], table[score]["precision"]))
    print("threshold", best, table[best])


if __name__ == "__main__":
    main()
