"""Forgetting: rows deleted, vectors zeroed, names replaced, and then a search for anything left."""

from __future__ import annotations

import json
import mmap
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from vidface.gallery._base import DATABASE, telling
from vidface.gallery._store import Store
from vidface.gallery._vectors import FILE as VECTORS
from vidface.gallery.values import Proof

_PIECE: Final = 32
_SHORTEST: Final = 4
_MARK: Final = r"\[[0-9a-f]{16}\]"
"""What stands in place of a forgotten name."""
_TEXTS: Final = (
    *(("sqlite_master", "sql"), ("sqlite_master", "name"), ("sqlite_master", "tbl_name")),
    *(("settings", "key"), ("settings", "value"), ("people", "name")),
    *(("people", "added"), ("people", "changed"), ("looks", "source"), ("looks", "added")),
    *(("audit", "user"), ("audit", "action"), ("audit", "people"), ("audit", "detail")),
)
"""Every column of text; digests of sources go with the person and are no words."""


@dataclass(slots=True)
class _Traces:
    """Pieces of bytes that must not turn up any more."""

    pieces: list[bytes] = field(default_factory=list)
    pictures: int = 0
    sources: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    shared: int = 0


def forget(store: Store, name: str, looks: list[int] | None) -> Proof:
    """Take a person (or only some of their looks, by number) away and look whether anything stayed.

    Raises:
        UsageError: nobody has that name.
    """
    person, token = store.person(name), store.token(name)
    traces = _collect(store, person, looks)
    redacted = 0
    with store.change() as db:
        db.executemany("DELETE FROM looks WHERE id = ?", [(number,) for number in traces.ids])
        if looks is None:
            db.execute("DELETE FROM people WHERE id = ?", (person,))
            redacted = _redact(db, name, traces.sources, token)
        what = {"looks": len(traces.ids), "pictures": traces.pictures, "whole": looks is None}
        store.log("forget", what, [name])
    swept = store.sweep()
    with telling(store.folder):
        store.db.execute("VACUUM")
    by_bytes = looks is None and len(name.encode()) >= _SHORTEST
    found, where = _search(store, traces.pieces)
    if looks is None:
        mentions = _mentions(store.db, name)
        found += mentions
        where |= {DATABASE} if mentions else set()
    if by_bytes:
        count, places = _unexplained(store, name.encode())
        found += count
        where |= places
    return Proof(
        token=token,
        looks=len(traces.ids),
        pictures=traces.pictures,
        vectors=swept,
        redacted=redacted,
        files=tuple(sorted(path.name for path in _files(store.folder))),
        name_bytes=by_bytes,
        found=found,
        where=tuple(sorted(where)),
        shared=traces.shared,
    )


def _collect(store: Store, person: int, looks: list[int] | None) -> _Traces:
    """What to delete, and pieces of it to look for; not those that somebody else has bit by bit."""
    traces = _Traces()
    with store.look_at() as db:
        vectors = store.vectors()
        rows = db.execute("SELECT id, row, source FROM looks WHERE person = ?", (person,)).fetchall()
        rows = [row for row in rows if looks is None or row[0] in looks]
        gone = {int(row) for _, row, _ in rows}
        for number, row, source in rows:
            traces.ids.append(number)
            traces.rows.append(row)
            traces.sources.append(source)
            same = np.flatnonzero((vectors == vectors[row]).all(axis=1))
            if set(same.tolist()) <= gone:
                data = vectors[row].tobytes()
                traces.pieces += [data[:_PIECE], data[-_PIECE:]]
            else:
                traces.shared += 1
            _picture(db, number, traces)
    return traces


def _picture(db: sqlite3.Connection, look: int, traces: _Traces) -> None:
    found = db.execute("SELECT data FROM pictures WHERE look = ?", (look,)).fetchone()
    if found is None:
        return
    traces.pictures += 1
    data: bytes = found[0]
    # Behind the head, which all pictures have alike; several, since a page of the database may end in one.
    for place in range(len(data) // 3, len(data) - _PIECE, max(len(data) // 6, 1)):
        piece = data[place : place + _PIECE]
        others = db.execute(
            "SELECT count(*) FROM pictures JOIN looks ON looks.id = pictures.look WHERE instr(data, ?) > 0 "
            "AND person != (SELECT person FROM looks WHERE id = ?)",
            (piece, look),
        ).fetchone()[0]
        if others:
            traces.shared += 1
            return
        traces.pieces.append(piece)


def _pattern(name: str) -> re.Pattern[str]:
    """The name as a word of its own, in whichever form of Unicode; `Ann` is not in `Anna`."""
    forms = {re.escape(unicodedata.normalize(form, name)) for form in ("NFC", "NFD")}
    before = r"(?<!\d)" if name[0].isdigit() else r"(?<![^\W\d_])"
    after = r"(?!\d)" if name[-1].isdigit() else r"(?![^\W\d_])"
    return re.compile(f"{_MARK}|({before}(?:{'|'.join(sorted(forms))}){after})", re.IGNORECASE)


def _put(name_in: re.Pattern[str], instead: str, text: str) -> str:
    """`instead` in place of the name; a mark that stands for somebody stays whole, whatever its letters."""
    return name_in.sub(lambda found: instead if found[1] else found[0], text)


def _redact(db: sqlite3.Connection, name: str, sources: list[str], token: str) -> int:
    """Put the token in place of the name and (in the log) of their pictures' paths; returns texts changed."""
    name_in, mark = _pattern(name), f"[{token}]"
    paths = [source for source in sources if len(source) >= _SHORTEST]

    def clean(text: str) -> str:
        return _put(name_in, mark, text)

    def clean_paths(text: str) -> str:
        for path in paths:
            text = text.replace(path, mark)
        return clean(text)

    changed = 0
    for table, column, mend in (
        ("looks", "source", clean),
        ("audit", "detail", partial(_in_json, clean_paths)),
    ):
        for number, text in db.execute(f"SELECT id, {column} FROM {table}").fetchall():
            fresh = mend(text)
            if fresh != text:
                db.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (fresh, number))
                changed += 1
    return changed


def _in_json(clean: Callable[[str], str], line: str) -> str:
    """Texts only: a person called 7 is in no number."""
    facts = json.loads(line)
    fresh = _walk(clean, facts)
    return line if fresh == facts else json.dumps(fresh, ensure_ascii=False)


def _walk(clean: Callable[[str], str], value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_walk(clean, item) for item in value]
    return {key: _walk(clean, item) for key, item in value.items()} if isinstance(value, dict) else value


def _mentions(db: sqlite3.Connection, name: str) -> int:
    """Rows in which the name still is a word of its own, people of longer names set aside."""
    name_in = _pattern(name)
    clean = partial(_put, name_in, "")
    count = sum(1 for (text,) in db.execute("SELECT source FROM looks") if clean(text) != text)
    return count + sum(
        1 for (line,) in db.execute("SELECT detail FROM audit") if _in_json(clean, line) != line
    )


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.rglob("*") if path.is_file())


def _search(store: Store, pieces: list[bytes]) -> tuple[int, set[str]]:
    """How many pieces are in any file of the folder, and in which files."""
    left: set[bytes] = set()
    where = set()
    for path in _files(store.folder):
        with _mapped(path) as data:
            here = {piece for piece in pieces if data.find(piece) >= 0}
        left |= here
        where |= {path.name} if here else set()
    return len(left), where


def _unexplained(store: Store, name: bytes) -> tuple[int, set[str]]:
    """Where the bytes of the name stand and no text that is still in use does: how often, which files."""
    texts = {
        text.encode()
        for table, column in _TEXTS
        for (text,) in store.db.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")
        if name in text.encode()
    }
    chance = sum(
        bytes(blob).count(name)
        for (blob,) in store.db.execute("SELECT data FROM pictures WHERE instr(data, ?) > 0", (name,))
    )
    count = 0
    where = set()
    for path in _files(store.folder):
        if path.name == VECTORS:  # numbers; a short name would turn up by chance
            continue
        with _mapped(path) as data:
            place = data.find(name)
            while place >= 0:
                if not _explained(data, place, name, texts):
                    count += 1
                    where.add(path.name)
                place = data.find(name, place + 1)
    left = max(0, count - chance)
    return left, where if left else set()


def _explained(data: mmap.mmap | bytes, place: int, name: bytes, texts: set[bytes]) -> bool:
    for text in texts:
        at = text.find(name)
        while at >= 0:
            if place >= at and data[place - at : place - at + len(text)] == text:
                return True
            at = text.find(name, at + 1)
    return False


def _mapped(path: Path) -> closing[mmap.mmap] | closing[_Nothing]:
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            return closing(_Nothing())
        return closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


class _Nothing(bytes):
    """An empty file, which cannot be mapped."""

    def close(self) -> None:
        """There is nothing to close."""
