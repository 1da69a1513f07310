"""`vidface eval verify`, what is asked: pairs of pictures, and whether they are of one person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vidface.cli._tables import Row, check_column, picture_of, read_rows, truth_of
from vidface.errors import InputError

COLUMNS: Final = ("first", "second", "same")


@dataclass(frozen=True, slots=True, eq=False)
class PairTable:
    """The table, its pictures each once, and which of them the two sides are."""

    rows: list[Row]
    same: NDArray[np.bool_]
    pictures: list[Path]
    first: NDArray[np.int64]
    second: NDArray[np.int64]

    @property
    def persons(self) -> list[tuple[str, str]] | None:
        """Both persons of each pair, where the table names any; a pair that names nobody is drawn by itself.

        Such a pair has one name of its own in both columns, since two would be two people: the place of its
        row and a line break, which no name has at its end.
        """
        if not any(row["person"] or row["second_person"] for row in self.rows):
            return None
        named = [row["person"] or row["second_person"] or f"{row.place}\n" for row in self.rows]
        return [
            (name, name if same else row["second_person"] or name)
            for name, row, same in zip(named, self.rows, self.same, strict=True)
        ]

    @property
    def repeated(self) -> int:
        """Rows whose two pictures stand in an earlier row already, in either order."""
        return len(self.rows) - len(np.unique(np.sort([self.first, self.second], axis=0), axis=1).T)

    @property
    def folds(self) -> NDArray[np.int64] | None:
        """The table's own folds; None where it has none."""
        if any(not row["fold"] for row in self.rows):
            return None
        names = {name: number for number, name in enumerate(dict.fromkeys(r["fold"] for r in self.rows))}
        return np.array([names[row["fold"]] for row in self.rows], np.int64)


def read_pairs(path: Path, by: str | None) -> PairTable:
    """The pairs of a table.

    Args:
        by: column that groups them; None for none.

    Raises:
        InputError: the table or a row of it is not sound; the sentence names it.
    """
    rows = read_rows(path, COLUMNS)
    check_column(rows, by)
    same = np.array([truth_of(row, "same") for row in rows], bool)
    places: dict[Path, int] = {}
    pictures: list[Path] = []
    sides: list[list[int]] = []
    for column in ("first", "second"):
        sides.append([])
        for row in rows:
            picture = picture_of(row, column, path.parent)
            # One file by two paths is one picture; a link is read by its own name, which has the ending.
            place = places.setdefault(picture.resolve(), len(places))
            pictures += [picture] if place == len(pictures) else []
            sides[-1].append(place)
    table = PairTable(rows, same, pictures, *(np.array(side, np.int64) for side in sides))
    _check_folds(rows)
    _check_persons(table)
    _check_once(table)
    for kind, count in (("1", int(same.sum())), ("0", int((~same).sum()))):
        if not count:
            raise InputError(f"{path} has no pair with same = {kind}; verification needs both kinds")
    return table


def _check_folds(rows: list[Row]) -> None:
    """Every pair has its fold, or none has."""
    without = [row.place for row in rows if not row["fold"]]
    if 0 < len(without) < len(rows):
        raise InputError(f"{without[0]}: fold is empty, but {len(rows) - len(without)} other rows have one")


def _check_persons(table: PairTable) -> None:
    """The persons of a pair say what its `same` says."""
    for row, same in zip(table.rows, table.same.tolist(), strict=True):
        one, other = row["person"], row["second_person"]
        if one and other and same != (one == other):
            raise InputError(
                f"{row.place}: same is {row['same']}, but the persons are {one!r} and {other!r}; one of them "
                "is wrong"
            )


def _check_once(table: PairTable) -> None:
    """Two pictures are of one person or of two, however often the pair is given."""
    first: dict[tuple[int, int], int] = {}
    sides = np.sort([table.first, table.second], axis=0).T.tolist()
    for at, (low, high) in enumerate(sides):
        before = first.setdefault((low, high), at)
        if table.same[before] != table.same[at]:
            raise InputError(
                f"{table.rows[at].place}: same is {table.rows[at]['same']}, but "
                f"{table.rows[before]['same']} for the same two pictures in {table.rows[before].place}"
            )
