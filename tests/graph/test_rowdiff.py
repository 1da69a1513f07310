"""Rows of two files compared: what is the same, what differs, where, and by how much."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vidface.graph.rowdiff import Rows, compare_rows


def rows(*values: Any) -> Rows:
    return Rows(tuple(json.dumps(value) for value in values))


def test_the_same_rows_are_the_same() -> None:
    assert compare_rows(rows({"a": [1, None]}), rows({"a": [1, None]}), 0.0) == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"a": [1, 2.5]}, {"a": [1, 2.75]}, "a[1] was 2.5, is 2.75 now; numbers differ by up to 0.25"),
        ({"a": None}, {"a": 1}, "a was nothing, is 1 now"),
        ({"a": True}, {"a": 1}, "a was true, is 1 now"),
        ({"a": [1]}, {"a": [1, 2]}, "a was [1], is [1, 2] now"),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, 'a.b was "x", is "y" now'),
        ({"a": 1}, {"b": 1}, 'it was {"a": 1}, is {"b": 1} now'),
    ],
)
def test_a_difference_is_told_in_words(old: Any, new: Any, said: str) -> None:
    assert (
        compare_rows(rows({}, old), rows({}, new), 0.0) == f"1 of 2 rows differ, the first is row 2: {said}"
    )


def test_a_tolerance_is_for_numbers_alone() -> None:
    assert compare_rows(rows({"a": 1.0}), rows({"a": 1.2}), 0.25) == ""
    assert compare_rows(rows({"a": 1.0}), rows({"a": 1.3}), 0.25)
    assert compare_rows(rows({"a": 1.0}), rows({"a": None}), 9.0)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (0.9, NAN),
        (NAN, 0.9),
        (0.9, INF),
        (-INF, INF),
        (INF, NAN),
        pytest.param(10**400, 0.5, id="huge"),
        (2**53 + 1, 2.0**53),
    ],
)
def test_what_is_not_finite_hides_no_difference(old: float, new: float) -> None:
    """The gap to NaN is no number, and yet it is above every tolerance; so is one too large to tell."""
    assert "the first is row 1: a[0] was" in compare_rows(rows({"a": [old]}), rows({"a": [new]}), 9.0)
    assert "numbers differ" not in compare_rows(rows({"a": [old]}), rows({"a": [new]}), 9.0)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_twice_the_same_that_is_not_finite_is_the_same(value: float) -> None:
    """In rows that differ elsewhere, by less than the tolerance."""
    assert compare_rows(rows({"a": value, "b": 1.0}), rows({"a": value, "b": 1.1}), 0.2) == ""


def test_rows_too_many_and_too_few() -> None:
    assert "row 2: it was nothing, is 5 now" in compare_rows(rows(4), rows(4, 5), 0.0)
    assert "row 2: it was 5, is nothing now" in compare_rows(rows(4, 5), rows(4), 0.0)


def test_rows_up_to_a_frame(tmp_path: Path) -> None:
    """Frames by their index, findings by their last frame; tracks are known at the end alone."""
    path = tmp_path / "rows.jsonl"
    found = [{"kind": "blend", "last_frame": 3}, {"kind": "blend", "last_frame": 9}]
    for written, kept in (
        ([{"frame": 3}, {"frame": 9}], 1),
        (found, 1),
        ([{"track": 1, "last_frame": 3}], None),
    ):
        path.write_text("".join(json.dumps(row) + "\n" for row in written))
        read = Rows.read(path, 5)
        assert (None if read is None else len(read.lines)) == kept
    whole = Rows.read(path, None)
    assert whole is not None
    assert len(whole.lines) == 1


def test_a_row_that_cannot_be_read_is_a_difference(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"frame": 1}\n{"fra')
    read = Rows.read(path, 5)
    assert read is not None
    assert compare_rows(read, rows({"frame": 1}), 0.0).startswith("1 of 2 rows differ")
