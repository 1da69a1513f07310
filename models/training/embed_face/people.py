"""Whose pictures teach the embedder, choose its settings, and judge it: by person, never by picture."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
import split

TEST_CELEBRITIES: tuple[str, ...] = (
    "Daniel_Radcliffe",
    "Halle_Berry",
    "Jessica_Alba",
    "Keanu_Reeves",
    "Leonardo_DiCaprio",
    "Miley_Cyrus",
    "Victoria_Beckham",
    "Will_Smith",
)
"""Four women and four men, of several skin tones; two of them are the project's own held-out people."""

VAL_CELEBRITIES: tuple[str, ...] = ("Jennifer_Lopez", "Simon_Cowell")


def part_of(face_set: str, source: str, place: int) -> split.Part:
    """The part of a picture; `place` counts the people of its set in sorted order."""
    if face_set != "celeb_crops":
        return split.face_part(source, place)
    person = split.person_of(face_set, source)
    if person in TEST_CELEBRITIES:
        return "test"
    return "val" if person in VAL_CELEBRITIES else "train"
