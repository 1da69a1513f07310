"""Tables as lines: nothing that differs in a CSV reads as the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vidface.graph.rowdiff import Rows, compare_rows


def fault(folder: Path, old: str, new: str, *, frames: int | None = None) -> str:
    found = []
    for name, text in (("old.csv", old), ("new.csv", new)):
        (folder / name).write_text(text)
        rows = Rows.read(folder / name, frames)
        assert rows is not None
        found.append(rows)
    return compare_rows(found[0], found[1], 0.1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a,b\n1,2\n", "a,b\n1,3\n"),
        ("a,b\n1,2\n", "b,a\n1,2\n"),
        ("a,b\n1,2\n", "a,a,b\n9,1,2\n"),
        ("a,b\n1,2\n", "a,b\n1,2,3\n"),
        ("a,b\n1,2\n", "a,b\n1\n"),
        ("a,b\n1,2\n", "a,b\n1,2\n\n"),
        ("a,b\n1,2\n", "a,b\n1,2\n1,2\n"),
        ("a,b\n1,2\n", ""),
        ("a\n1\n", "a\n1_0\n"),
        ("a\n1234567890123456789\n", "a\n1234567890123456788\n"),
        ("a\n1e999\n", "a\n2e999\n"),
        ("a\nnan\n", "a\n0.5\n"),
        ("a\ntrue\n", "a\n1\n"),
    ],
)
def test_what_differs_is_told(tmp_path: Path, old: str, new: str) -> None:
    assert fault(tmp_path, old, new)
    assert fault(tmp_path, new, old)
    assert not fault(tmp_path, old, old)


def test_numbers_within_the_tolerance_are_the_same(tmp_path: Path) -> None:
    assert not fault(tmp_path, "a\n0.50\n", "a\n0.55\n")


def test_rows_of_a_table_up_to_a_frame(tmp_path: Path) -> None:
    table = "frame,a\n0,1\n1,2\n9,{}\n"
    assert not fault(tmp_path, table.format(3), table.format(4), frames=9)
    assert fault(tmp_path, table.format(3), table.format(4), frames=10)
    (tmp_path / "other.csv").write_text("person,a\nAda,1\n")
    assert Rows.read(tmp_path / "other.csv", 9) is None


def test_rows_of_parquet_have_names_and_types(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"frame": [0, 1], "score": [0.5, float("nan")]}), tmp_path / "rows.parquet")
    rows = Rows.read(tmp_path / "rows.parquet", None)
    assert rows is not None
    assert rows.head == "frame (int64), score (double)"
    assert [json.loads(line)["frame"] for line in rows.lines] == [0, 1]
