"""Answers to "is this one person?", remembered beside a gallery."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from vidface.data import oncejson
from vidface.errors import InputError, OutputError

FILE: Final = "answers.json"
_VERSION: Final = 1
_LONGEST: Final = 64 << 20

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said of pairs of tracks, oldest first; of two answers about one pair the later one counts.

    Attributes:
        pairs: (key, key, same): keys as in `Track.key`, the smaller one first; `same` as it was said.
    """

    pairs: tuple[tuple[str, str, bool], ...] = ()

    def __len__(self) -> int:
        return len(self.pairs)

    def add(self, said: Iterable[Pair], *, same: bool) -> Answers:
        """With more answers; a pair of one and the same track says nothing."""
        rows = {(one, two): alike for one, two, alike in self.pairs}
        for pair in said:
            one, two = sorted(pair)
            if one != two:
                rows.pop((one, two), None)
                rows[one, two] = same
        return Answers(tuple((one, two, alike) for (one, two), alike in rows.items()))

    def without(self, keys: Iterable[str]) -> Answers:
        """Without all that was said of these tracks."""
        gone = set(keys)
        return Answers(tuple(row for row in self.pairs if row[0] not in gone and row[1] not in gone))

    def constraints(self, keys: Iterable[str]) -> Constraints:
        """What they ask for among these tracks; where answers contradict each other the latest counts."""
        there = set(keys)
        found = Constraints({key: {key} for key in there})
        for one, two, same in reversed(self.pairs):
            if one in there and two in there:
                found.take(one, two, same=same)
        return found


@dataclass(slots=True)
class Constraints:
    """Pairs that agree with each other.

    Attributes:
        parts: key -> all keys that are said to be the same person, itself among them (one set for all).
        apart: pairs said to be different.
        together: pairs said to be the same.
        dropped: answers left out, since later ones say otherwise.
    """

    parts: dict[str, set[str]]
    apart: list[Pair] = field(default_factory=list)
    together: list[Pair] = field(default_factory=list)
    dropped: int = 0

    def take(self, one: str, two: str, *, same: bool) -> None:
        """Add a pair, unless those before it say otherwise."""
        if not same:
            self._part(one, two)
            return
        left, right = self.parts[one], self.parts[two]
        if left is right:
            return
        if any({id(self.parts[a]), id(self.parts[b])} == {id(left), id(right)} for a, b in self.apart):
            self.dropped += 1
            return
        left |= right
        for key in right:
            self.parts[key] = left
        self.together.append((one, two))

    def _part(self, one: str, two: str) -> None:
        if self.parts[one] is self.parts[two]:
            self.dropped += 1
        else:
            self.apart.append((one, two))


def read_answers(folder: Path) -> Answers:
    """Those of the gallery in this folder; none where nothing was answered.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / FILE
    try:
        if path.stat().st_size > _LONGEST:
            raise ValueError("it is too long")
        return _parsed(oncejson.read(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Answers()
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({error}); delete it to begin anew, the gallery does not need it"
        ) from error


def write_answers(folder: Path, answers: Answers) -> None:
    """Keep them, for the owner only; all or nothing. The gallery must be open for writing.

    Raises:
        OutputError: the file cannot be written.
    """
    path = folder / FILE
    part = path.with_name(f"{FILE}.part")
    rows = [{"tracks": [one, two], "same": same} for one, two, same in answers.pairs]
    try:
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            json.dump({"version": _VERSION, "answers": rows}, file, indent=0)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise OutputError(f"{path} could not be written: {error.strerror or error}") from error


def _parsed(facts: Any) -> Answers:
    if not isinstance(facts, dict) or facts.get("version") != _VERSION:
        raise ValueError(f"wanted answers of version {_VERSION}")
    rows = facts.get("answers")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("wanted a list of answers")
    found = []
    for row in rows:
        match row:
            case {"tracks": [str(one), str(two)], "same": bool(same)}:
                found.append((one, two, same))
            case _:
                raise ValueError(f"{row} is no answer")
    return Answers(tuple(found))
