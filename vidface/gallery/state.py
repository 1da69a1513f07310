"""state_of: whom a gallery held, as one digest, so that it can be told whether it still does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def state_of(fingerprint: str, names: Iterable[str], vectors: NDArray[np.float32]) -> str:
    """SHA-256 of the embedder and of the set of all looks, each its name and its vector, in any order.

    A look that comes twice counts twice. Names cannot be guessed from it by whoever has no vectors; people
    without looks do not count.

    Args:
        names: of each row of `vectors`, (n, d) float32.
    """
    rows = np.ascontiguousarray(vectors, dtype="<f4")
    looks = sorted(
        hashlib.sha256(name.encode() + b"\0" + row.tobytes()).digest()
        for name, row in zip(names, rows, strict=True)
    )
    return hashlib.sha256(fingerprint.encode() + b"\0" + b"".join(looks)).hexdigest()
