"""The folder of a gallery: the database, which is the truth, and the vectors that go with it."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.errors import InputError, OutputError, UsageError
from vidface.gallery import _marks, _origins, _vectors, ann
from vidface.gallery._base import BUSY_S, DATABASE, connect, now, plain, telling, user
from vidface.gallery._lock import WriterLock

LOCK: Final = "gallery.lock"
FORMAT: Final = 1
NOBODY: Final = "[nobody-enrolled]"
"""In the audit log, for a name that nobody has (any more)."""
_SCHEMA: Final = f"""
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, added TEXT NOT NULL,
    changed TEXT NOT NULL);
CREATE TABLE looks (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE,
    row INTEGER NOT NULL UNIQUE, recognisability REAL, quality REAL, source TEXT NOT NULL,
    added TEXT NOT NULL);
CREATE INDEX looks_of ON looks (person);
CREATE TABLE pictures (look INTEGER PRIMARY KEY REFERENCES looks ON DELETE CASCADE, data BLOB NOT NULL);
CREATE TABLE sources (person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE, digest TEXT NOT NULL,
    PRIMARY KEY (person, digest)) WITHOUT ROWID;
{_origins.TABLE};
CREATE TABLE audit (id INTEGER PRIMARY KEY, at TEXT NOT NULL, user TEXT NOT NULL, action TEXT NOT NULL,
    people TEXT NOT NULL, detail TEXT NOT NULL);
"""


class Store:
    """An open gallery folder.

    Attributes:
        folder: where it is. db: the connection, in autocommit mode; see `change`.
        recovered: what had to be put right after a kill, in words.
    """

    def __init__(self, folder: Path, *, write: bool, wait_s: float) -> None:
        self.folder = folder
        self.recovered: tuple[str, ...] = ()
        if not (folder / DATABASE).is_file():
            raise UsageError(f"{folder} is no gallery: there is no {DATABASE} in it; enrol somebody first")
        self._lock = WriterLock(folder / LOCK, wait_s=wait_s) if write else None
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            self.db = connect(folder / DATABASE)
            self._check()
            if write:
                self._recover()
            undo.pop_all()

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return int(self.setting("dimension"))

    @property
    def fingerprint(self) -> str:
        """Of the embedder that all vectors come from."""
        return self.setting("fingerprint")

    def close(self) -> None:
        """Close the files and let go of the lock; safe to call twice."""
        if hasattr(self, "db"):
            self.db.close()
        if self._lock is not None:
            self._lock.close()

    def writable(self) -> None:
        """Raise UsageError where the gallery was opened for reading."""
        if self._lock is None:
            raise UsageError(f"{self.folder} was opened for reading; open it with write=True to change it")

    @contextlib.contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: committed at the end of the block, undone where it raises."""
        with telling(self.folder):
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
                self.db.execute("COMMIT")
            finally:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """No other process changes files for the whole of the block.

        Raises:
            UsageError: one does, and is not done within some seconds.
        """
        with contextlib.ExitStack() as stack:
            if self._lock is None:
                with contextlib.suppress(OutputError):  # where nobody can write, nobody disturbs
                    stack.callback(WriterLock(self.folder / LOCK, wait_s=BUSY_S).close)
            yield

    @contextlib.contextmanager
    def look_at(self) -> Iterator[sqlite3.Connection]:
        """One state of the database for the whole of the block."""
        with telling(self.folder):
            inside = self.db.in_transaction
            if not inside:
                self.db.execute("BEGIN")
            try:
                yield self.db
            finally:
                if not inside:
                    self.db.execute("COMMIT")

    def setting(self, key: str, default: str = "") -> str:
        """A text of the table of settings."""
        with telling(self.folder):
            row = self.db.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return default if row is None else str(row[0])

    def set(self, **values: object) -> None:
        """Write settings; within `change`."""
        rows = [(key, str(value)) for key, value in values.items()]
        self.db.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", rows)

    def person(self, name: str) -> int:
        """The number of a person.

        Raises:
            UsageError: nobody has that name.
        """
        with telling(self.folder):
            row = self.db.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise UsageError(f"nobody called {name!r} is in {self.folder}; vidface gallery list says who is")
        return int(row[0])

    def hashed(self, name: str) -> str:
        """The salted hash of a name: the mark of people in galleries of earlier versions."""
        salt = bytes.fromhex(self.setting("salt"))
        return hmac.new(salt, name.encode(), hashlib.sha256).hexdigest()[:16]

    def token(self, name: str) -> str:
        """What stands for the person of that name in new entries of the audit log.

        A name that nobody has may be that of somebody who was forgotten while a run went on: of it nothing
        stays, no hash either, since whoever guesses the name can make that anew.
        """
        row = self.db.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
        return NOBODY if row is None else _marks.marks_of(self, int(row[0]), name).marks[0]

    def log(self, action: str, detail: str | Mapping[str, Any] = "", people: Iterable[str] = ()) -> None:
        """Put a row into the audit log; people are names, of which only marks are kept."""
        facts = {"text": detail} if isinstance(detail, str) else dict(detail)
        tokens = " ".join(self.token(name) for name in people)
        row = (now(), user(), action, tokens, plain(json.dumps(facts, ensure_ascii=False, default=str)))
        self.db.execute("INSERT INTO audit (at, user, action, people, detail) VALUES (?, ?, ?, ?, ?)", row)

    def vectors(self) -> NDArray[np.float32]:
        """All rows that are committed; within `look_at` or `change`."""
        generation, rows = int(self.setting("generation")), int(self.setting("rows"))
        return _vectors.read(self.folder, self.dimension, generation, rows)

    def append(self, rows: NDArray[np.float32]) -> int:
        """Add rows to the vector file, within `change`; returns the number of the first."""
        first = int(self.setting("rows"))
        _vectors.append(self.folder / _vectors.FILE, rows, first)
        self.set(rows=first + len(rows))
        return first

    def replace(
        self,
        parts: Iterator[NDArray[np.float32]],
        kept: list[int],
        dimension: int,
        also: Callable[[sqlite3.Connection], None] | None = None,
    ) -> None:
        """A new vector file for the looks in the rows `kept` (rising), which are numbered anew.

        `also` makes further changes at the same moment, before the rows are numbered.
        """
        generation = int(self.setting("generation")) + 1
        _vectors.write_fresh(self.folder, dimension, generation, parts)
        with self.change():
            if also is not None:
                also(self.db)
            moves = [(place, row) for place, row in enumerate(kept) if place != row]
            self.db.executemany("UPDATE looks SET row = ? WHERE row = ?", moves)
            self.set(generation=generation, rows=len(kept), dimension=dimension)
        _vectors.settle(self.folder, dimension, generation, len(kept))
        ann.drop(self.folder, generation)

    def sweep(self) -> int:
        """Overwrite vectors that belong to no look with zeros, and close the gaps; returns how many."""
        with self.look_at():
            kept = [int(row) for (row,) in self.db.execute("SELECT row FROM looks ORDER BY row")]
            rows, dimension = int(self.setting("rows")), self.dimension
        gone = sorted(set(range(rows)) - set(kept))
        if gone:
            _vectors.erase(self.folder / _vectors.FILE, dimension, gone)
            present = self.vectors()
            self.replace(_vectors.blocks(present, kept), kept, dimension)
        return len(gone)

    def _check(self) -> None:
        form = self.setting("format")
        if form != str(FORMAT):
            raise InputError(
                f"{self.folder / DATABASE} has the format {form or 'of something else'}, but this version of "
                f"vidface reads {FORMAT}"
            )

    def _recover(self) -> None:
        _alone(self.folder)  # also where the way to it is a link
        for path in self.folder.iterdir():
            if path.is_file() and not path.is_symlink():
                with contextlib.suppress(FileNotFoundError):  # a reader that writes the log ended just now
                    _alone(path)
        with telling(self.folder):
            self.db.execute(_origins.TABLE)
        told = []
        ann.drop(self.folder, int(self.setting("generation")))
        cut = _vectors.settle(
            self.folder, self.dimension, int(self.setting("generation")), int(self.setting("rows"))
        )
        if cut:
            told.append(f"{cut} bytes that were never committed were cut off the vector file")
        swept = self.sweep()
        if swept:
            told.append(f"{swept} vectors of forgotten looks were overwritten")
        self.recovered = tuple(told)
        if told:
            with self.change():
                self.log("recover", {"text": "; ".join(told)})


def _alone(path: Path) -> None:
    """Rights of others are taken; none are given, also not to the owner."""
    mode = path.stat().st_mode & 0o7777
    if mode & 0o077:
        path.chmod(mode & ~0o077)


def make(folder: Path, settings: Mapping[str, object]) -> None:
    """Lay out an empty gallery.

    Raises:
        UsageError: the folder holds something already.
        OutputError: it cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = WriterLock(folder / LOCK, wait_s=BUSY_S)
        try:
            _lay_out(folder, settings)
        finally:
            lock.close()
    except OSError as error:
        raise OutputError(f"{folder} cannot be made a gallery: {error.strerror or error}") from error


def _lay_out(folder: Path, settings: Mapping[str, object]) -> None:
    part = folder / f"{DATABASE}.part"
    # All but the database may be left from a creation that was killed.
    if {path.name for path in folder.iterdir()} - {LOCK, _vectors.FILE, part.name}:
        raise UsageError(f"{folder} is not empty: a gallery starts in a folder of its own")
    folder.chmod(0o700)
    _vectors.create(folder / _vectors.FILE, int(str(settings["dimension"])), 1)
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    db = connect(part)
    try:
        db.executescript(_SCHEMA)
        rows = {"format": FORMAT, "salt": secrets.token_hex(16), "generation": 1, "rows": 0, **settings}
        db.executemany("INSERT INTO settings VALUES (?, ?)", [(key, str(rows[key])) for key in rows])
    finally:
        db.close()
    part.rename(folder / DATABASE)
