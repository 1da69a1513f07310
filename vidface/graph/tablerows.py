"""Tablerows: the rows of a CSV or Parquet file as lines of JSON, so that they are compared as those are."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path
from typing import Any, Final

from vidface.errors import InputError, UsageError

TABLES: Final = (".csv", ".parquet")
"""How names of tables end."""

_WHOLE: Final = re.compile(r"-?\d{1,18}")
_DECIMAL: Final = re.compile(r"-?\d+(\.\d+([eE][-+]?\d+)?|[eE][-+]?\d+)")


def read_table(path: Path) -> tuple[str, list[str]]:
    """Columns, in words, and one line of JSON a row.

    Raises:
        InputError: it is no table, or cannot be read.
        UsageError: it is Parquet, and pyarrow is not installed.
    """
    return _parquet(path) if path.suffix == ".parquet" else _csv(path)


def _csv(path: Path) -> tuple[str, list[str]]:
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            columns, *rows = list(csv.reader(file)) or [[]]
    except (OSError, csv.Error) as error:
        raise InputError(f"it cannot be read as a table: {error}") from None
    return ", ".join(columns), [json.dumps(_named(columns, [_cell(text) for text in row])) for row in rows]


def _named(columns: list[str], cells: list[Any]) -> Any:
    """A row by its columns; where they do not fit, as it stands, which is like no honest row."""
    fits = len(cells) == len(columns) == len(set(columns))
    return dict(zip(columns, cells, strict=True)) if fits else cells


def _cell(text: str) -> Any:
    """A number where it is one without loss; else the text, so that no two different ones become equal."""
    if _WHOLE.fullmatch(text):
        return int(text)
    number = float(text) if _DECIMAL.fullmatch(text) else math.inf
    return number if math.isfinite(number) else text


def _parquet(path: Path) -> tuple[str, list[str]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise UsageError("comparing Parquet needs pyarrow: pip install 'vidface[tables]'") from None
    try:
        with pq.ParquetFile(path) as file:
            columns = ", ".join(f"{field.name} ({field.type})" for field in file.schema_arrow)
            rows = [row for batch in file.iter_batches() for row in batch.to_pylist()]
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"it cannot be read as a table: {error}") from None
    return columns, [json.dumps(row, default=str) for row in rows]
