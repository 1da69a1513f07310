"""Looking through a gallery's files for damage."""

from __future__ import annotations

import contextlib
import stat

import numpy as np

from vidface.errors import InputError
from vidface.gallery import _calibrated, _vectors
from vidface.gallery._store import Store

_BLOCK = 65536


def verify(store: Store) -> tuple[str, ...]:
    """What is wrong, a sentence each.

    Raises:
        UsageError: another process is writing: half of what it does looks like damage.
    """
    with store.undisturbed():
        told = [*_files(store), *_database(store)]
        for look in (_rows, _settings):
            try:
                told += look(store)
            except InputError as error:
                told.append(str(error))
    return tuple(told)


def _files(store: Store) -> list[str]:
    told = []
    for path, wanted in [(store.folder, 0o700), *((path, 0o600) for path in store.folder.iterdir())]:
        with contextlib.suppress(FileNotFoundError):  # a search that was logged just now
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                told.append(f"{path} may be read by others (mode {mode:o}, wanted {wanted:o})")
    return told


def _settings(store: Store) -> list[str]:
    _calibrated.kept(store)
    return []


def _database(store: Store) -> list[str]:
    with store.look_at() as db:
        told = [str(row[0]) for row in db.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
        loose = db.execute("PRAGMA foreign_key_check").fetchall()
        if loose:
            told.append(f"{len(loose)} rows of the database belong to nobody")
    return told


def _rows(store: Store) -> list[str]:
    told = []
    with store.look_at() as db:
        vectors = store.vectors()
        kept = [int(row) for (row,) in db.execute("SELECT row FROM looks ORDER BY row")]
        with _vectors.find(store.folder, store.dimension, int(store.setting("generation"))) as file:
            path, over = file.name, _vectors.beyond(file, store.dimension, len(vectors))
    if over:
        told.append(f"{path} has {over} bytes that were never committed; opening for writing cuts them off")
    if kept and kept[-1] >= len(vectors):
        told.append(f"{kept[-1] - len(vectors) + 1} looks have no vector")
    elif kept != list(range(len(vectors))):
        told.append(f"{len(vectors) - len(kept)} vectors belong to no look; opening for writing removes them")
    wrong = 0
    for at in range(0, len(vectors), _BLOCK):
        lengths = np.linalg.norm(vectors[at : at + _BLOCK], axis=1)
        wrong += int((~(np.abs(lengths - 1) < 1e-3)).sum())
    if wrong:
        told.append(f"{wrong} vectors are not of unit length: the file is damaged; import an export instead")
    return told
