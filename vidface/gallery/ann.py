"""An approximate index for galleries of more than 100,000 looks: HNSW by usearch (`vidface[ann]`).

The graph is that of Y. Malkov and D. Yashunin, "Efficient and robust approximate nearest neighbor search
using hierarchical navigable small world graphs" (PAMI 2020). It only names candidates; their cosines are
then taken from the vectors themselves. It lies in the gallery's folder as `neighbours.GENERATION` and goes
whenever rows are numbered anew, so nobody who was forgotten is in it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.errors import UsageError

STEM: Final = "neighbours"
_LINKS: Final = 16
_BUILD: Final = 128
_SEARCH: Final = 256
_BLOCK: Final = 8192


class Neighbours:
    """An index that is open; see `vidface.gallery.reference.Index`."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self.covered = len(index)

    def rows(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """q x count rows, likely the nearest first."""
        found = self._index.search(np.ascontiguousarray(queries), min(count, self.covered))
        return np.asarray(found.keys).astype(np.int64).reshape(len(queries), -1)


def available() -> bool:
    """usearch is installed."""
    try:
        import usearch.index  # noqa: F401
    except ImportError:
        return False
    return True


def build(folder: Path, vectors: NDArray[np.float32], generation: int) -> None:
    """Write the index of these rows, private to the user.

    Raises:
        UsageError: usearch is not installed.
    """
    if not available():
        raise UsageError("an index needs usearch: pip install 'vidface[ann]'; without it the search is exact")
    from usearch.index import Index

    index = Index(ndim=vectors.shape[1], metric="cos", dtype="f16", connectivity=_LINKS, expansion_add=_BUILD)
    for at in range(0, len(vectors), _BLOCK):
        part = np.ascontiguousarray(vectors[at : at + _BLOCK])
        index.add(np.arange(at, at + len(part)), part)
    target = folder / f"{STEM}.{generation}"
    part_file = target.with_name(f"{target.name}.part")
    os.close(os.open(part_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    index.save(str(part_file))
    part_file.chmod(0o600)
    part_file.replace(target)


def load(folder: Path, dimension: int, generation: int) -> Neighbours | None:
    """The index of this generation; None where there is none, or usearch is missing."""
    path = folder / f"{STEM}.{generation}"
    if not path.is_file() or not available():
        return None
    from usearch.index import Index

    try:
        index = Index.restore(str(path))
    except (RuntimeError, ValueError, OSError):  # damaged: the exact search does as well
        return None
    if index is None or index.ndim != dimension:
        return None
    index.expansion_search = _SEARCH
    return Neighbours(index)


def drop(folder: Path, keep: int) -> None:
    """Delete the indices of all generations but one."""
    for path in folder.glob(f"{STEM}.*"):
        if path.name != f"{STEM}.{keep}":
            path.unlink(missing_ok=True)
