"""Chain: a hash over the rows of a file in which each row's hash holds all rows before it.

The hash of row k is SHA-256(hash of row k-1 || bytes of row k, its line end included); row 1 follows
32 zero bytes. Every `STEP` rows the hash so far is kept, so that a change is found to within a range
of rows, also where rows were put in or taken out. The construction is that of Schneier and Kelsey,
"Secure audit logs to support computer forensics" (1999), without keys: whoever can rewrite the rows can
rewrite their chain as well, so its head belongs under a signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidface.errors import InputError

STEP = 64
"""Rows between two kept hashes: a twentieth of a percent of the rows' size."""
GENESIS = bytes(32)


@dataclass(frozen=True, slots=True)
class Chain:
    """The hashes of a file's rows.

    Attributes:
        rows: how many.
        marks: hash behind every `STEP`th row and behind the last one, lower-case hex.
    """

    rows: int
    marks: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.marks) != -(-self.rows // STEP):
            raise ValueError(f"{self.rows} rows have {-(-self.rows // STEP)} marks, not {len(self.marks)}")

    @property
    def head(self) -> str:
        """Hash behind the last row; that of no row where there is none."""
        return self.marks[-1] if self.marks else GENESIS.hex()

    def to_json(self) -> dict[str, Any]:
        """One line of chain.jsonl, without the file's name."""
        return {"rows": self.rows, "every": STEP, "head": self.head, "marks": list(self.marks)}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Chain:
        """The chain of a line of chain.jsonl.

        Raises:
            InputError: it is none.
        """
        try:
            if row["every"] != STEP:
                raise ValueError(f"marks every {row['every']} rows, but {STEP} are known here")
            chain = cls(int(row["rows"]), tuple(bytes.fromhex(mark).hex() for mark in row["marks"]))
            if chain.head != row["head"]:
                raise ValueError("its head is not its last mark")
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"a line of the chain is damaged ({error})") from None
        return chain


@dataclass(frozen=True, slots=True)
class Break:
    """Rows that are not what they were, counted from 1 as they were.

    Attributes:
        first, last: `first` is behind `last` where rows were only put in.
        added: rows more (less where negative) than there were, as far as the file tells.
    """

    first: int
    last: int
    added: int = 0

    def __str__(self) -> str:
        if self.first > self.last:
            return f"{self.added} {_rows(self.added)} added behind row {self.last}"
        where = f"row {self.first}" if self.first == self.last else f"rows {self.first} to {self.last}"
        if not self.added:
            return f"{where} changed"
        less = "more" if self.added > 0 else "fewer"
        return f"{where} changed, {abs(self.added)} {_rows(self.added)} {less} than before"


def follow(previous: bytes, row: bytes) -> bytes:
    """The hash of a row behind that of the row before."""
    return hashlib.sha256(previous + row).digest()


def chain_of(rows: Iterable[bytes]) -> Chain:
    """The chain over rows, each with its line end."""
    last, count, marks = GENESIS, 0, []
    for row in rows:
        last = follow(last, row)
        count += 1
        if count % STEP == 0:
            marks.append(last.hex())
    if count % STEP:
        marks.append(last.hex())
    return Chain(count, tuple(marks))


def file_chain(path: Path) -> Chain:
    """The chain over the lines of a file.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return chain_of(file)


def breaks(rows: Sequence[bytes], chain: Chain) -> tuple[Break, ...]:
    """Where rows are not those of the chain; empty where they all are.

    Each range between two marks is judged by itself, from the mark before it. Behind rows that were put
    in or taken out, ranges are looked for where the file's end would have them.
    """
    shift = len(rows) - chain.rows
    broken = [
        (first, last)
        for first, last in _ranges(chain)
        if not _holds(rows, chain, first, 0) and not (shift and _holds(rows, chain, first, shift))
    ]
    joined: list[tuple[int, int]] = []
    for first, last in broken:
        if joined and joined[-1][1] == first - 1:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    if not joined and shift:
        return (_seam(rows, chain, shift),)
    return tuple(Break(first, last, shift if one == 0 else 0) for one, (first, last) in enumerate(joined))


def _ranges(chain: Chain) -> list[tuple[int, int]]:
    return [(first + 1, min(first + STEP, chain.rows)) for first in range(0, chain.rows, STEP)]


def _holds(rows: Sequence[bytes], chain: Chain, first: int, shift: int) -> bool:
    """The range that begins with row `first` stands `shift` rows farther on, unchanged."""
    mark = (first - 1) // STEP
    last = min(first + STEP - 1, chain.rows)
    begin, end = first - 1 + shift, last + shift
    if begin < 0 or end > len(rows):
        return False
    value = bytes.fromhex(chain.marks[mark - 1]) if mark else GENESIS
    for row in rows[begin:end]:
        value = follow(value, row)
    return value.hex() == chain.marks[mark]


def _seam(rows: Sequence[bytes], chain: Chain, shift: int) -> Break:
    """Every range is there; rows stand between two of them, or behind the last."""
    kept = [last for first, last in _ranges(chain) if _holds(rows, chain, first, 0)]
    behind = max(kept, default=0)
    return Break(behind + 1, behind, shift)


def _rows(count: int) -> str:
    return "row" if abs(count) == 1 else "rows"
