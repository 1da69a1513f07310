"""Baselines that make one vector of several looks of a person, to hold a track's fusion against.

Vectors are n x d; rows of zeros (not measured) have no say. The result has unit length, or is all zero where
nothing was measured.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TEMPERATURE: Final = 0.1
TOP: Final = 5


def mean(vectors: Any) -> Array:
    """Mean of the unit vectors.

    Raises:
        ValueError: the vectors are no n x d table of finite numbers.
    """
    rows = _units(vectors)
    return _weighted(rows, np.ones(len(rows)))


def norm_weighted(vectors: Any, norms: Any) -> Array:
    """Mean weighted by the norms that the embeddings had before they were brought to unit length.

    Trained with a margin, a network gives clear pictures longer vectors (Meng et al. 2021, "MagFace").

    Args:
        norms: n, 0 or more; NaN counts as 0.

    Raises:
        ValueError: as `mean`; or another number of norms, or a negative one.
    """
    rows = _units(vectors)
    return _weighted(rows, np.nan_to_num(_column("norms", norms, len(rows), least=0.0)))


def quality_softmax(vectors: Any, quality: Any, *, temperature: float = TEMPERATURE) -> Array:
    """Mean weighted by exp(quality / temperature); looks without a quality (NaN) have no say if others have.

    Args:
        quality: n, higher is better. temperature: above 0; small ones leave only the best look.

    Raises:
        ValueError: as `mean`; or another number of qualities, or a temperature of 0 or less.
    """
    rows = _units(vectors)
    worth = _known("quality", quality, rows)
    if temperature <= 0:
        raise ValueError(f"temperature must be above 0, but is {temperature}")
    best = worth.max(initial=-np.inf)
    return _weighted(rows, np.exp((worth - (best if np.isfinite(best) else 0.0)) / temperature))


def top_k(vectors: Any, quality: Any, *, k: int = TOP) -> Array:
    """Mean of the k looks of highest quality; of equal ones the earlier. NaN is below every number.

    Raises:
        ValueError: as `mean`; or another number of qualities, or k below 1.
    """
    rows = _units(vectors)
    worth = _known("quality", quality, rows)
    if k < 1:
        raise ValueError(f"k must be 1 or more, but is {k}")
    weights = np.zeros(len(rows))
    weights[np.argsort(-worth, kind="stable")[:k]] = 1.0
    return _weighted(rows, np.where(np.isfinite(worth), weights, 0.0))


def _units(vectors: Any) -> Array:
    rows = np.asarray(vectors, np.float64)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise ValueError(f"fusion wants n x d finite numbers, but got {rows.shape}")
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1.0)


def _column(name: str, values: Any, count: int, *, least: float = -np.inf) -> Array:
    column = np.asarray(values, np.float64)
    if column.shape != (count,) or (column < least).any() or np.isinf(column).any():
        raise ValueError(f"{name} must be {count} finite numbers from {least:g} up, or NaN")
    return column


def _known(name: str, values: Any, rows: Array) -> Array:
    """Quality of every measured look, -inf of the others; all alike where no measured look has one."""
    column = _column(name, values, len(rows))
    measured = rows.any(axis=1)
    if not np.isfinite(column[measured]).any():
        column = np.zeros(len(rows))
    return np.where(measured & np.isfinite(column), column, -np.inf)


def _weighted(rows: Array, weights: Array) -> Array:
    total = weights @ rows
    norm = float(np.linalg.norm(total))
    return np.asarray(total / norm) if norm > 1e-12 else np.zeros(rows.shape[1])
