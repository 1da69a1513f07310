"""Which files a person was enrolled from, so that a second enrolment passes them over."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS origins (look INTEGER NOT NULL REFERENCES looks ON DELETE CASCADE, "
    "digest TEXT NOT NULL, PRIMARY KEY (look, digest)) WITHOUT ROWID"
)
"""Files of a look: the one that it was cut out of, and those that gave nothing new beside it."""


def add(db: sqlite3.Connection, person: int, pairs: Iterable[tuple[int, str]]) -> None:
    """Remember digests of files by look."""
    known = sorted({(look, digest) for look, digest in pairs if digest})
    db.executemany("INSERT OR IGNORE INTO origins VALUES (?, ?)", known)
    db.executemany("INSERT OR IGNORE INTO sources VALUES (?, ?)", [(person, digest) for _, digest in known])


def of_look(db: sqlite3.Connection, look: int) -> tuple[str, ...]:
    """The digests; none in a gallery of an earlier version that was not written to since."""
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'origins'").fetchone() is None:
        return ()
    rows = db.execute("SELECT digest FROM origins WHERE look = ? ORDER BY digest", (look,))
    return tuple(row[0] for row in rows)


def released(db: sqlite3.Connection, person: int, looks: Sequence[int]) -> set[str]:
    """Digests of files of which nothing is left once these looks of the person are gone."""
    gone = set(looks)
    rows = db.execute("SELECT id FROM looks WHERE person = ?", (person,)).fetchall()
    stay = [int(look) for (look,) in rows if look not in gone]
    if not stay:
        return {row[0] for row in db.execute("SELECT digest FROM sources WHERE person = ?", (person,))}
    mine = {digest for look in gone for digest in of_look(db, look)}
    return mine - {digest for look in stay for digest in of_look(db, look)}


def release(db: sqlite3.Connection, person: int, looks: Sequence[int]) -> None:
    """Let these files be enrolled again; before the looks are deleted."""
    rows = [(person, digest) for digest in released(db, person, looks)]
    db.executemany("DELETE FROM sources WHERE person = ? AND digest = ?", rows)
