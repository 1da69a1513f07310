"""The hash chain over rows: any change is found, and to within its range."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidface.errors import InputError
from vidface.graph.chain import STEP, Break, Chain, breaks, chain_of, file_chain

LINES = st.lists(st.binary(max_size=6).map(lambda row: row.replace(b"\n", b"") + b"\n"), max_size=3 * STEP)


def numbered(count: int) -> list[bytes]:
    return [b'{"frame":%d}\n' % number for number in range(count)]


@given(LINES)
def test_rows_hold_against_their_own_chain(rows: list[bytes]) -> None:
    assert breaks(rows, chain_of(rows)) == ()
    assert Chain.from_json(chain_of(rows).to_json()) == chain_of(rows)


@given(LINES, LINES)
def test_other_rows_never_hold(rows: list[bytes], others: list[bytes]) -> None:
    """Whatever was done to the rows: nothing else passes for them."""
    assert (breaks(others, chain_of(rows)) == ()) == (others == rows)


@given(st.integers(1, 5 * STEP), st.data())
def test_one_changed_row_is_found_in_its_range(count: int, data: st.DataObject) -> None:
    rows = numbered(count)
    at = data.draw(st.integers(0, count - 1))
    chain = chain_of(rows)
    rows[at] = rows[at].replace(b"frame", b"Frame")
    (found,) = breaks(rows, chain)
    assert found.first <= at + 1 <= found.last
    assert found.last - found.first < STEP
    assert found.added == 0


@given(st.integers(1, 5 * STEP), st.data())
def test_one_row_taken_out_spoils_only_its_range(count: int, data: st.DataObject) -> None:
    rows = numbered(count)
    at = data.draw(st.integers(0, count - 1))
    chain = chain_of(rows)
    del rows[at]
    (found,) = breaks(rows, chain)
    assert found.first <= at + 1 <= found.last
    assert found.last - found.first < STEP
    assert found.added == -1
    assert "1 row fewer than before" in str(found)


@given(st.integers(0, 5 * STEP), st.data())
def test_rows_put_in_are_counted(count: int, data: st.DataObject) -> None:
    rows = numbered(count)
    at = data.draw(st.integers(0, count))
    chain = chain_of(rows)
    rows[at:at] = [b"new\n", b"newer\n"]
    (found,) = breaks(rows, chain)
    assert found.added == 2
    assert found.first - 1 <= at <= found.last
    assert found.last - found.first < STEP


def test_two_places_are_told_apart() -> None:
    rows = numbered(4 * STEP)
    chain = chain_of(rows)
    rows[3], rows[3 * STEP] = b"x\n", b"y\n"
    first, last = 3 * STEP + 1, 4 * STEP
    assert breaks(rows, chain) == (Break(1, STEP), Break(first, last))
    assert str(Break(first, last)) == f"rows {first} to {last} changed"


def test_a_lost_line_end_counts(tmp_path: Path) -> None:
    """A file that was cut off in its last line, or just before its end."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join(numbered(5)))
    chain = file_chain(path)
    path.write_bytes(path.read_bytes()[:-1])
    assert breaks(path.read_bytes().splitlines(keepends=True), chain) == (Break(1, 5),)


@pytest.mark.parametrize("fault", [{"head": "00"}, {"marks": ["zz"]}, {"rows": 900}, {"every": 3}])
def test_a_damaged_line_of_the_chain_is_no_chain(fault: dict[str, object]) -> None:
    with pytest.raises(InputError, match="damaged"):
        Chain.from_json(chain_of(numbered(3)).to_json() | fault)
