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
    enrolled_from(db, person, (digest for _, digest in known))


def enrolled_from(db: sqlite3.Connection, person: int, digests: Iterable[str]) -> None:
    """Remember digests of files, whatever look is left of them."""
    rows = [(person, digest) for digest in digests]
    db.executemany("INSERT OR IGNORE INTO sources VALUES (?, ?)", rows)


def of_person(db: sqlite3.Connection, person: int) -> dict[int, tuple[str, ...]]:
    """Look -> digests, of all looks; no digests in an earlier version's gallery, not written to since."""
    found: dict[int, list[str]] = {
        int(look): [] for (look,) in db.execute("SELECT id FROM looks WHERE person = ?", (person,))
    }
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'origins'").fetchone() is not None:
        rows = db.execute(
            "SELECT look, digest FROM origins JOIN looks ON looks.id = look WHERE person = ? ORDER BY digest",
            (person,),
        )
        for look, digest in rows:
            found[int(look)].append(digest)
    return {look: tuple(digests) for look, digests in found.items()}


def released(db: sqlite3.Connection, person: int, looks: Sequence[int]) -> set[str]:
    """Digests of files of which nothing is left once these looks of the person are gone."""
    every, gone = of_person(db, person), set(looks)
    if gone.issuperset(every):
        return {row[0] for row in db.execute("SELECT digest FROM sources WHERE person = ?", (person,))}
    mine = {digest for look in gone for digest in every[look]}
    return mine - {digest for look in every.keys() - gone for digest in every[look]}


def release(db: sqlite3.Connection, person: int, looks: Sequence[int]) -> None:
    """Let these files be enrolled again; before the looks are deleted."""
    rows = [(person, digest) for digest in released(db, person, looks)]
    db.executemany("DELETE FROM sources WHERE person = ? AND digest = ?", rows)
