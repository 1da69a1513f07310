"""Forgetting: rows deleted, vectors zeroed, names replaced, and then a search for anything left."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from vidface.gallery import _marks, _origins
from vidface.gallery._base import telling
from vidface.gallery._proof import files, long_enough, names_left, search
from vidface.gallery._redact import Who, redact, redact_digests
from vidface.gallery._store import Store
from vidface.gallery.values import Proof

_PIECE: Final = 32


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
    person = store.person(name)
    traces = _collect(store, person, looks)
    who = _who(store, person, name, traces.ids)
    traces.pieces += [digest.encode() for digest in sorted(who.digests)]
    with store.change() as db:
        what = {"looks": len(traces.ids), "pictures": traces.pictures, "whole": looks is None}
        store.log("forget", what, [name])
        _origins.release(db, person, traces.ids)
        db.executemany("DELETE FROM looks WHERE id = ?", [(number,) for number in traces.ids])
        redacted = redact_digests(db, who)
        if looks is None:
            _marks.end(store, person)
            db.execute("DELETE FROM people WHERE id = ?", (person,))
            redacted += redact(db, who, traces.sources)
    swept = store.sweep()
    with telling(store.folder):
        store.db.execute("VACUUM")
    found, where = search(store, traces.pieces)
    if looks is None:
        count, places = names_left(store, who)
        found += count
        where |= places
    return Proof(
        token=who.marks[0],
        looks=len(traces.ids),
        pictures=traces.pictures,
        vectors=swept,
        redacted=redacted,
        files=tuple(sorted(path.name for path in files(store.folder))),
        name_bytes=looks is None and long_enough(name),
        found=found,
        where=tuple(sorted(where)),
        shared=traces.shared,
    )


def _who(store: Store, person: int, name: str, looks: list[int]) -> Who:
    """Whom to forget, and the files that none but they (or these looks of theirs) are from."""
    own = _marks.marks_of(store, person, name)
    with store.look_at() as db:
        others = {row[0] for row in db.execute("SELECT name FROM people WHERE id != ?", (person,))}
        theirs = {row[0] for row in db.execute("SELECT digest FROM sources WHERE person != ?", (person,))}
        digests = frozenset(_origins.released(db, person, looks) - theirs)
    free = (name, *(one for one in own.former if one not in others and one != name))
    taken = tuple(one for one in own.former if one in others)
    return Who(free, taken, tuple(own.marks), digests)


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
