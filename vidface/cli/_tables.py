"""Tables that `vidface eval` is told what to compare by: pairs and probes, as CSV or lines of JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final

from vidface.errors import InputError
from vidface.media.images import SUFFIXES

_YES: Final = frozenset({"1", "true", "yes"})
_NO: Final = frozenset({"0", "false", "no"})


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: where it stands, and its cells as text."""

    place: str
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


def read_rows(path: Path, columns: Sequence[str]) -> list[Row]:
    """Rows of a CSV with a header line, or of lines of JSON (by the ending .jsonl).

    Args:
        columns: those that must be there.

    Raises:
        InputError: it cannot be read, has no rows, or lacks a column; the sentence names it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(_json_rows(path, text) if path.suffix.lower() == ".jsonl" else _csv_rows(path, text))
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a table (CSV, or .jsonl): {error}") from error
    if not rows:
        raise InputError(f"{path} has no rows; wanted the columns {', '.join(columns)}")
    for row in rows:
        missing = [column for column in columns if column not in row.cells]
        if missing:
            raise InputError(
                f"{row.place}: the column {missing[0]} is missing; there are {', '.join(row.cells) or 'none'}"
            )
    return rows


def check_column(rows: Sequence[Row], column: str | None) -> None:
    """A column that was asked for by name is there.

    Raises:
        InputError: it is not.
    """
    for row in rows if column is not None else ():
        if column not in row.cells:
            raise InputError(
                f"{row.place}: there is no column {column} to group by; there are {', '.join(row.cells)}"
            )


def picture_of(row: Row, column: str, folder: Path) -> Path:
    """The picture that a cell names, from the table's folder.

    Raises:
        InputError: the cell is empty, there is no such file, or its ending is no picture's.
    """
    name = row[column]
    path = folder / name
    if not name or not path.is_file():
        raise InputError(f"{row.place}: there is no picture {path if name else f'in {column}'}")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{row.place}: {path} is no picture by its name ({', '.join(sorted(SUFFIXES))})")
    return path


def truth_of(row: Row, column: str) -> bool:
    """A cell that says yes (1, true) or no (0, false).

    Raises:
        InputError: it says something else.
    """
    word = row[column].strip().lower()
    if word not in _YES | _NO:
        raise InputError(f"{row.place}: {column} must be 1 or 0, but is {row[column]!r}")
    return word in _YES


def _csv_rows(path: Path, text: str) -> Iterator[Row]:
    reader = csv.DictReader(StringIO(text, newline=""), strict=True)
    for cells in reader:
        place = f"{path} line {reader.line_num}"
        if None in cells or None in cells.values():
            raise InputError(f"{place}: wanted {len(reader.fieldnames or ())} cells, as in the first line")
        yield Row(place, {str(key).strip(): str(value).strip() for key, value in cells.items()})


def _json_rows(path: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        found: Any = json.loads(line)
        if not isinstance(found, dict):
            raise InputError(f"{path} line {number}: wanted an object, but found {line[:40]}")
        yield Row(
            f"{path} line {number}",
            {key: "" if value is None else str(value) for key, value in found.items()},
        )
