"""A gallery brought over to another embedder."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vidface.errors import UsageError
from vidface.gallery import _origins
from vidface.gallery._store import Store
from vidface.gallery.values import ReembedReport

_BATCH: Final = 64

Embed = Callable[[Sequence[bytes]], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Pictures (JPEG or PNG, aligned) -> n x d vectors and n recognisabilities (NaN where not known)."""


def renew(
    store: Store,
    embed: Embed,
    *,
    fingerprint: str,
    dimension: int,
    progress: Callable[[int, int], None] | None,
    **settings: object,
) -> ReembedReport:
    """Embed all pictures anew and drop looks without one, all or nothing.

    Raises:
        UsageError: no look has a picture, or the embedder gives something else than was said.
    """
    with store.look_at() as db:
        every = db.execute(
            "SELECT id, row, person, data IS NULL FROM looks LEFT JOIN pictures ON look = id ORDER BY row"
        ).fetchall()
    kept = [(number, row) for number, row, _, bare in every if not bare]
    bare = sorted((int(person), int(number)) for number, _, person, bare in every if bare)
    if every and not kept:
        raise UsageError(
            f"none of the {len(every)} looks in {store.folder} has a picture to embed anew: enrol into a new "
            "gallery"
        )
    vectors, sure = _embedded(store, embed, [number for number, _ in kept], dimension, progress)
    chances = [
        (None if np.isnan(value) else float(value), number)
        for value, (number, _) in zip(sure, kept, strict=True)
    ]

    def also(db: sqlite3.Connection) -> None:
        for person, looks in groupby(bare, key=itemgetter(0)):
            _origins.release(db, person, [number for _, number in looks])
        db.executemany("DELETE FROM looks WHERE id = ?", [(number,) for _, number in bare])
        db.executemany("UPDATE looks SET recognisability = ? WHERE id = ?", chances)
        facts = {"from": store.fingerprint, "to": fingerprint, "looks": len(kept), "dropped": len(bare)}
        store.set(fingerprint=fingerprint, **settings)
        store.log("re-embed", facts)

    store.replace(iter([vectors]), [row for _, row in kept], dimension, also)
    return ReembedReport(len(kept), len(bare))


def _embedded(
    store: Store,
    embed: Embed,
    numbers: list[int],
    dimension: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """n x d and n, of the looks with these numbers."""
    vectors, sure = [np.zeros((0, dimension), np.float32)], [np.zeros(0, np.float32)]
    for at in range(0, len(numbers), _BATCH):
        part = numbers[at : at + _BATCH]
        rows, chance = embed([_picture(store, number) for number in part])
        vectors.append(_checked(rows, (len(part), dimension)))
        sure.append(np.asarray(chance, np.float32))
        if progress is not None:
            progress(at + len(part), len(numbers))
    return np.concatenate(vectors), np.concatenate(sure)


def _picture(store: Store, look: int) -> bytes:
    data: bytes = store.db.execute("SELECT data FROM pictures WHERE look = ?", (look,)).fetchone()[0]
    return data


def _checked(rows: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    if rows.shape != shape or not np.all(np.isfinite(lengths) & (lengths > 0)):
        raise UsageError(f"wanted {shape[0]} x {shape[1]} numbers from the embedder, but got {rows.shape}")
    unit: NDArray[np.float32] = (rows / lengths).astype(np.float32)
    return unit
