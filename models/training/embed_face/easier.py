"""Student and teacher on easier pairs: those of one person that the teacher finds hardest are left out.

The held-out pairs are harder than the usual ones from news photographs, where the teacher is right in 99.4 %
at full size. This says how the student does where the teacher does so well here. Pairs are chosen by the
teacher's scores alone, which is in its favour.
"""

from __future__ import annotations

import numpy as np
from evaluate import ALL_SIDES, Student, clean, parser_of
from judge import Held, accuracy, shrunk
from teacher import Teacher

LEFT_OUT = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05)


def main() -> None:
    args = parser_of(__doc__).parse_args()
    held, teacher, student = Held(args.pack, "test"), Teacher(args.teacher), Student(args.student)
    clean(held, teacher)
    looks = {side: shrunk(held.crops, side) for side in ALL_SIDES}
    a, b = held.pairs.T
    scores = {}
    for name, embed in (("teacher", teacher), ("student", lambda crops: student(crops)[0])):
        vectors = {side: embed(crops) for side, crops in looks.items()}
        scores[name] = {side: (vectors[112][a] * vectors[side][b]).sum(1) for side in ALL_SIDES}
    full = scores["teacher"][112]
    print("left out", "", *ALL_SIDES)
    for share in LEFT_OUT:
        kept = ~held.same | (full >= np.quantile(full[held.same], share))
        for name, rows in scores.items():
            found = [f"{100 * accuracy(rows[side][kept], held.same[kept]):.1f}" for side in ALL_SIDES]
            print(f"{share:.0%}", name, *found)


if __name__ == "__main__":
    main()
