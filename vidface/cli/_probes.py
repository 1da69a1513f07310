"""`vidface eval identify`, what is asked: pictures, whose they are, and which of them are one probe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vidface.cli._tables import Row, check_column, picture_of, read_rows
from vidface.errors import InputError, VidfaceError
from vidface.gallery import clean_name

COLUMNS: Final = ("path", "name")


@dataclass(frozen=True, slots=True, eq=False)
class ProbeTable:
    """The probes: rows of one set together, else each row by itself; the first row speaks for its set."""

    rows: list[Row]
    pictures: list[Path]
    sets: list[list[int]]

    def first(self, column: str) -> list[str]:
        """A column's text of each probe."""
        return [self.rows[places[0]][column] for places in self.sets]

    @property
    def fused(self) -> bool:
        """A probe has several pictures."""
        return len(self.sets) < len(self.rows)

    @property
    def repeated(self) -> int:
        """Rows whose picture stands in an earlier row already."""
        return len(self.pictures) - len({picture.resolve() for picture in self.pictures})


def read_probes(path: Path, by: str | None) -> ProbeTable:
    """The probes of a table.

    Args:
        by: column that groups them; None for none.

    Raises:
        InputError: the table or a row of it is not sound; the sentence names it.
    """
    rows = [_cleaned(row) for row in read_rows(path, COLUMNS)]
    check_column(rows, by)
    pictures = [picture_of(row, "path", path.parent) for row in rows]
    _check_names(rows, pictures)
    sets: dict[tuple[str, int], list[int]] = {}
    for place, row in enumerate(rows):
        sets.setdefault((row["set"], -1) if row["set"] else ("", place), []).append(place)
    for places in sets.values():
        _check_set([rows[place] for place in places], by)
    return ProbeTable(rows, pictures, list(sets.values()))


def _cleaned(row: Row) -> Row:
    """The row with its name as the gallery writes it."""
    try:
        name = clean_name(row["name"]) if row["name"] else ""
    except VidfaceError as error:
        raise InputError(f"{row.place}: {error}") from error
    return Row(row.place, row.cells | {"name": name})


def _check_names(rows: Sequence[Row], pictures: Sequence[Path]) -> None:
    """A picture shows one person, however often it is given."""
    first: dict[Path, Row] = {}
    for row, picture in zip(rows, pictures, strict=True):
        before = first.setdefault(picture.resolve(), row)
        if before["name"] != row["name"]:
            raise InputError(
                f"{row.place}: {picture.name} is of {row['name'] or 'nobody enrolled'}, but of "
                f"{before['name'] or 'nobody enrolled'} in {before.place}"
            )


def _check_set(rows: Sequence[Row], by: str | None) -> None:
    """The first row may speak for its set: a set is one probe, of one person and in one group."""
    columns = {"name": "a set is of one person", "person": "a set is of one person"}
    if by is not None:
        columns.setdefault(by, "a set is one probe, which stands in one group")
    for column, why in columns.items():
        found = {row[column] for row in rows}
        if len(found) > 1:
            raise InputError(
                f"{rows[-1].place}: the set {rows[0]['set']} has pictures of "
                f"{' and '.join(sorted(map(repr, found)))} in {column}; {why}"
            )
