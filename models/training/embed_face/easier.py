"""Student and teacher on easier pairs: those of one person that the teacher finds hardest are left out.

The held-out pairs are harder than the usual ones from news photographs, in two ways. Some show people who
changed much: `LEFT_OUT` says how the student does where the teacher is right at full size as often as on the
usual pairs. And the pictures lose more when they are shrunk: the second table finds for each usual size the
size here at which the teacher is right as often, `MATCHED` of the pairs left out, and tells what the student
reaches there. Pairs and sizes are chosen by the teacher's scores alone, which is in its favour.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from evaluate import Student, clean, parser_of
from judge import Held, accuracy, shrunk
from numpy.typing import NDArray
from teacher import Teacher

LEFT_OUT = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05)
MATCHED = 0.04
USUAL = {112: 99.4, 24: 98.5, 16: 94.2, 12: 86.0, 8: 69.8}
"""Size in px -> percent in which the teacher is right on the usual pairs."""
SIDES = (112, 48, 40, 36, 32, 28, 26, 24, 22, 20, 18, 16, 15, 14, 13, 12, 11, 10, 9, 8)
TOLD = (112, 32, 24, 16, 12, 8)
Scores = dict[int, NDArray[np.floating[Any]]]


def of_pairs(held: Held, embed: Any) -> Scores:
    """Cosine of each pair, by the size of its second picture."""
    a, b = held.pairs.T
    full = embed(held.crops)[a]
    return {side: (full * embed(shrunk(held.crops, side))[b]).sum(1) for side in SIDES}


def kept_of(scores: Scores, same: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """All pairs but the share of those of one person that score least at full size."""
    kept: NDArray[np.bool_] = ~same | (scores[112] >= np.quantile(scores[112][same], share))
    return kept


def percent(scores: NDArray[np.floating[Any]], same: NDArray[np.bool_], kept: NDArray[np.bool_]) -> float:
    """Accuracy of the kept pairs."""
    return 100 * accuracy(scores[kept], same[kept])


def main() -> None:
    args = parser_of(__doc__).parse_args()
    held, teacher, student = Held(args.pack, "test"), Teacher(args.teacher), Student(args.student)
    clean(held, teacher)
    scores = {
        "teacher": of_pairs(held, teacher),
        "student": of_pairs(held, lambda crops: student(crops)[0]),
    }
    print("left out", "", *TOLD)
    for share in LEFT_OUT:
        kept = kept_of(scores["teacher"], held.same, share)
        for name, rows in scores.items():
            print(f"{share:.0%}", name, *(f"{percent(rows[side], held.same, kept):.1f}" for side in TOLD))
    kept = kept_of(scores["teacher"], held.same, MATCHED)
    print("usual size, teacher there; size here at which the teacher is right as often, teacher, student")
    for usual, right in USUAL.items():
        found = {side: percent(scores["teacher"][side], held.same, kept) for side in SIDES}
        side = min((side for side in SIDES if found[side] >= right), default=112)
        mine = percent(scores["student"][side], held.same, kept)
        print(usual, right, side, f"{found[side]:.1f} {mine:.1f}")


if __name__ == "__main__":
    main()
