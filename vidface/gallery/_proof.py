"""The search for what is left of a forgotten person in the files of a gallery."""

from __future__ import annotations

import mmap
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from vidface.gallery._base import DATABASE
from vidface.gallery._redact import SHORTEST, Who, in_json, pattern, put, spellings
from vidface.gallery._store import Store
from vidface.gallery._vectors import FILE as VECTORS

_TEXTS: Final = (
    *(("sqlite_master", "sql"), ("sqlite_master", "name"), ("sqlite_master", "tbl_name")),
    *(("settings", "key"), ("settings", "value"), ("people", "name")),
    *(("people", "added"), ("people", "changed"), ("looks", "source"), ("looks", "added")),
    *(("audit", "user"), ("audit", "action"), ("audit", "people"), ("audit", "detail")),
)
"""Every column of text; digests of sources go with the person and are no words."""


def names_left(store: Store, who: Who) -> tuple[int, set[str]]:
    """Where a name still stands: how often, and in which files."""
    found, where = 0, set[str]()
    for name in who.names:
        mentions = _mentions(store.db, name)
        found += mentions
        where |= {DATABASE} if mentions else set()
        for spelling in filter(long_enough, spellings(name)):
            count, places = _unexplained(store, spelling.encode())
            found += count
            where |= places
    return found, where


def long_enough(name: str) -> bool:
    """Too long to turn up in bytes by chance."""
    return len(name.encode()) >= SHORTEST


def _mentions(db: sqlite3.Connection, name: str) -> int:
    """Rows in which the name still is a word of its own, people of longer names set aside."""
    name_in = pattern(name)
    clean = partial(put, name_in, "")
    count = sum(1 for (text,) in db.execute("SELECT source FROM looks") if clean(text) != text)
    lines = "SELECT detail FROM audit UNION ALL SELECT value FROM settings WHERE key GLOB 'person.*'"
    return count + sum(1 for (line,) in db.execute(lines) if in_json(clean, line) != line)


def files(folder: Path) -> Iterator[Path]:
    """All files in a folder and in those inside."""
    yield from (path for path in folder.rglob("*") if path.is_file())


def search(store: Store, pieces: list[bytes]) -> tuple[int, set[str]]:
    """How many pieces are in any file of the folder, and in which files."""
    left: set[bytes] = set()
    where = set()
    for path in files(store.folder):
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
    for path in files(store.folder):
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
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size:
                return closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError:  # the journal of a search that was logged just now
        pass
    return closing(_Nothing())


class _Nothing(bytes):
    """An empty file, which cannot be mapped; or one that is gone."""

    def close(self) -> None:
        """There is nothing to close."""
