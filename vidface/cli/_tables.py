"""What `vidface eval` is told to compare by: tables of pairs and probes, and lines of JSON, one a frame."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final, TypeVar

from vidface.errors import InputError
from vidface.media.images import SUFFIXES

_YES: Final = frozenset({"1", "true", "yes"})
_NO: Final = frozenset({"0", "false", "no"})
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: where it stands, and its cells as text."""

    place: str
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


def read_rows(path: Path, columns: Sequence[str]) -> list[Row]:
    """Rows of a CSV with a header line (commas, semicolons or tabs), or of lines of JSON (ending .jsonl).

    Args:
        columns: those that must be there.

    Raises:
        InputError: it cannot be read, has no rows, or lacks a column; the sentence names it.
    """
    try:
        rows = list(_json_rows(path) if path.suffix.lower() == ".jsonl" else _csv_rows(path))
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


def table_facts(path: Path) -> dict[str, str]:
    """What a report says of its table, so that others can tell whether they have the same."""
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


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


def _csv_rows(path: Path) -> Iterator[Row]:
    text = path.read_text(encoding="utf-8-sig")
    reader = csv.DictReader(StringIO(text, newline=""), strict=True, delimiter=_delimiter(text))
    names = [str(name).strip() for name in reader.fieldnames or ()]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{path}: the first line names {', '.join(twice)} twice; each column is named once")
    for cells in reader:
        place = f"{path} line {reader.line_num}"
        if None in cells or None in cells.values():
            raise InputError(f"{place}: wanted {len(reader.fieldnames or ())} cells, as in the first line")
        yield Row(place, {str(key).strip(): str(value).strip() for key, value in cells.items()})


def _delimiter(text: str) -> str:
    """What stands between the names of the first line: spreadsheets of many countries write `;` or tabs."""
    head = text.partition("\n")[0]
    return next((sign for sign in ",;\t" if sign in head), ",")


def _json_rows(path: Path) -> Iterator[Row]:
    for number, found in json_lines(path):
        cells = {key: "" if value is None else str(value) for key, value in found.items()}
        yield Row(f"{path} line {number}", cells)


def json_lines(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """Objects of a file of JSON lines, each with the number of its line; blank lines do not count.

    Raises:
        OSError, ValueError: it cannot be read, or a line is no object; the sentence names the line.
    """
    rows = []
    # Not by splitlines, which also cuts at characters that may stand inside of a name.
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        if not line.strip():
            continue
        try:
            found: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number}: {error}") from error
        if not isinstance(found, dict):
            raise ValueError(f"line {number}: wanted an object, but found {line[:40]}")
        rows.append((number, found))
    return rows


def frame_lines(
    path: Path, what: str, read: Callable[[dict[str, Any]], _Read]
) -> tuple[list[_Read], list[int] | None]:
    """Lines of JSON, one a frame, in the order of their `frame`; in that of the file where no line has it.

    Args:
        what: what the file should be, for the sentence. read: a line -> what it holds.

    Returns:
        What was read, and the numbers of the frames, rising; None where no line has one.

    Raises:
        InputError: the file or a line cannot be read, or frames are not numbered once each.
    """
    numbers: dict[int, int] = {}
    values = []
    try:
        lines = json_lines(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as {what}: {error}") from error
    for line, row in lines:
        try:
            values.append(read(row))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise InputError(f"{path} line {line} cannot be read as {what}: {error!r}") from error
        if "frame" in row:
            numbers[_frame_number(path, line, row["frame"], numbers)] = len(values) - 1
    if not numbers:
        return values, None
    if len(numbers) < len(values):
        raise InputError(f"{path} has lines with and without frame; wanted its number in each line")
    return [values[place] for _, place in sorted(numbers.items())], sorted(numbers)


def _frame_number(path: Path, line: int, frame: Any, known: Container[int]) -> int:
    if not isinstance(frame, int) or isinstance(frame, bool) or frame < 0:
        raise InputError(f"{path} line {line}: frame must be a whole number from 0, but is {frame!r}")
    if frame in known:
        raise InputError(f"{path} line {line}: frame {frame} is there twice")
    return frame
