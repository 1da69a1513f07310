"""Putting looks into a gallery: what is new, what is doubtful, who else is that like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vidface.errors import UsageError
from vidface.gallery import _marks, _origins
from vidface.gallery._base import now, plain
from vidface.gallery._store import Store
from vidface.gallery.values import AddReport, Look

DUPLICATE: Final = 0.98
_BLOCK: Final = 65536


def add(store: Store, name: str, looks: Sequence[Look]) -> AddReport:
    """Store looks of a person, who is enrolled if need be; within `store.change`.

    Raises:
        UsageError: vectors of another length than the gallery's.
    """
    for look in looks:
        if len(look.vector) != store.dimension:
            raise UsageError(
                f"the gallery's vectors have {store.dimension} numbers (embedder {store.fingerprint}), but a "
                f"look of {name!r} has {len(look.vector)}: use the same embedder, or vidface gallery re-embed"
            )
    if not looks:
        return AddReport(0)
    person = enrolled(store, name)
    fresh = np.stack([look.vector for look in looks])
    own = [int(row) for (row,) in store.db.execute("SELECT row FROM looks WHERE person = ?", (person,))]
    vectors = store.vectors()
    kept, duplicates = _distinct(vectors[own], fresh)
    threshold = float(store.setting("threshold"))
    outliers = unlike(np.concatenate([vectors[own], fresh[kept]]), len(own), threshold)
    other = _nearest_other(store, vectors, fresh, person)
    insert(store, person, [looks[place] for place in kept])
    _remember(store, person, looks)
    return AddReport(
        len(kept),
        tuple(duplicates),
        tuple(kept[place] for place in outliers),
        other if other is not None and other[1] >= threshold else None,
    )


def enrolled(store: Store, name: str) -> int:
    """The number of a person, who is enrolled if need be; within `store.change`."""
    found = store.db.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
    if found is not None:
        store.db.execute("UPDATE people SET changed = ? WHERE id = ?", (now(), found[0]))
        return int(found[0])
    added = store.db.execute(
        "INSERT INTO people (name, added, changed) VALUES (?, ?, ?)", (name, now(), now())
    )
    assert added.lastrowid is not None
    _marks.begin(store, added.lastrowid)
    return added.lastrowid


def _remember(store: Store, person: int, looks: Sequence[Look]) -> None:
    """The file of each look, beside the look of the person that is most like it."""
    rows = store.db.execute("SELECT id, row FROM looks WHERE person = ?", (person,)).fetchall()
    own = store.vectors()[[row for _, row in rows]]
    best = (own @ np.stack([look.vector for look in looks]).T).argmax(axis=0)
    pairs = ((int(rows[place][0]), look.digest) for place, look in zip(best, looks, strict=True))
    _origins.add(store.db, person, pairs)


def insert(store: Store, person: int, looks: Sequence[Look]) -> list[int]:
    """Store looks as they are; returns their numbers."""
    if not looks:
        return []
    numbers: list[int] = []
    first = store.append(np.stack([look.vector for look in looks]))
    for row, look in enumerate(looks, first):
        values = (
            *(person, row, _number(look.recognisability), _number(look.quality)),
            *(plain(look.source), now()),
        )
        done = store.db.execute(
            "INSERT INTO looks (person, row, recognisability, quality, source, added) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            values,
        )
        if look.picture is not None:
            store.db.execute("INSERT INTO pictures VALUES (?, ?)", (done.lastrowid, look.picture))
        numbers.append(int(done.lastrowid or 0))
    return numbers


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _distinct(own: NDArray[np.float32], fresh: NDArray[np.float32]) -> tuple[list[int], list[int]]:
    """Positions to keep, and those of looks that are like one before them or one stored."""
    stored = (fresh @ own.T).max(axis=1) if len(own) else np.full(len(fresh), -1.0)
    alike = fresh @ fresh.T
    kept: list[int] = []
    doubles: list[int] = []
    for place in range(len(fresh)):
        double = stored[place] >= DUPLICATE or bool((alike[place, kept] >= DUPLICATE).any())
        (doubles if double else kept).append(place)
    return kept, doubles


def unlike(rows: NDArray[np.float32], old: int, threshold: float) -> list[int]:
    """Which of the rows behind the first `old` are unlike the mean of all others, counted from there."""
    if len(rows) < 2:
        return []
    others = rows.sum(axis=0) - rows[old:]
    lengths = np.maximum(np.linalg.norm(others, axis=1), 1e-9)
    cosines = (rows[old:] * others).sum(axis=1) / lengths
    return np.flatnonzero(cosines < threshold).tolist()


def _nearest_other(
    store: Store, vectors: NDArray[np.float32], fresh: NDArray[np.float32], person: int
) -> tuple[str, float] | None:
    """The person, other than this one, with the look that is most like any of the new ones."""
    if not len(vectors):
        return None
    parts = [vectors[at : at + _BLOCK] @ fresh.T for at in range(0, len(vectors), _BLOCK)]
    best = np.concatenate([part.max(axis=1) for part in parts])
    rows = store.db.execute("SELECT row FROM looks WHERE person = ?", (person,)).fetchall()
    best[[int(row) for (row,) in rows]] = -2
    row = int(best.argmax())
    if best[row] < -1.5:
        return None
    found = store.db.execute(
        "SELECT name FROM people JOIN looks ON looks.person = people.id WHERE row = ?", (row,)
    ).fetchone()
    return str(found[0]), float(best[row])
