"""The labelled face crops of a set, each with its person and that person's place: what the parts go by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import split


class Labelled(NamedTuple):
    """One line of labels.jsonl.

    Attributes:
        row: file, box, points, score, grey and from, as they stand there.
        person: whose face it is.
        place: the person's among those of the set in sorted order, which `split.face_part` goes by.
    """

    row: dict[str, Any]
    person: str
    place: int


def labelled(folder: Path) -> Iterator[Labelled]:
    """The lines of a set in their order; `folder` holds labels.jsonl and is named as the set."""
    rows = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    people = [split.person_of(folder.name, row["from"]) for row in rows]
    places = {person: place for place, person in enumerate(sorted(set(people)))}
    for row, person in zip(rows, people, strict=True):
        yield Labelled(row, person, places[person])
