"""Searching a gallery: exact cosines to all looks, the best look of each person counting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vidface.data._arrays import frozen_array
from vidface.errors import UsageError
from vidface.gallery.state import state_of

EXACT_LOOKS: Final = 100_000
"""Up to so many looks the search always is exact."""
_BLOCK: Final = 32768
_QUERIES: Final = 64


class Match(NamedTuple):
    """A person, and the highest cosine of any of their looks."""

    name: str
    score: float


class Nearest(NamedTuple):
    """The nearest person, and how much nearer than the second; NaN and None where there is none."""

    name: str | None
    score: float
    margin: float


class Index(Protocol):
    """An approximate index over the first `covered` rows of a reference."""

    covered: int

    def rows(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """q x count, rows that are likely the nearest; -1 where there are fewer."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A gallery as it was at one moment, to compare with.

    Attributes:
        vectors: n x d float32 of unit length (memory-mapped: rows that are forgotten later turn to zeros).
        owners: n int64, index into `names`.
        names: everybody enrolled, those without looks too.
        fingerprint: of the embedder; vectors of another one cannot be compared.
        threshold: cosine from which on a face counts as known.
        margin: how much nearer the nearest must be than the second.
        fmr: rate of strangers taken for somebody that the threshold was calibrated for; NaN: it was not.
        index: approximate index; used above 100,000 looks only.
    """

    vectors: NDArray[np.float32]
    owners: NDArray[np.int64]
    names: tuple[str, ...]
    fingerprint: str
    threshold: float
    margin: float = 0.0
    fmr: float = float("nan")
    index: Index | None = None
    _order: NDArray[np.int64] | None = field(init=False, repr=False)
    _runs: NDArray[np.int64] = field(init=False, repr=False)
    _people: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        count = len(self.vectors)
        vectors = frozen_array(
            "Reference.vectors", self.vectors, dtype=np.float32, shape=(None, self.vectors.shape[-1])
        )
        object.__setattr__(self, "vectors", vectors)
        owners = frozen_array("Reference.owners", self.owners, dtype=np.int64, shape=(count,))
        object.__setattr__(self, "owners", owners)
        if count and not (owners.min() >= 0 and owners.max() < len(self.names)):
            raise ValueError(f"Reference.owners must lie in 0..{len(self.names) - 1}")
        order = np.argsort(owners, kind="stable")
        people, starts = np.unique(owners[order], return_index=True)
        # Looks that were enrolled one person after the other need no sorting.
        together = bool((np.diff(order) == 1).all())
        object.__setattr__(self, "_order", None if together else order)
        object.__setattr__(self, "_runs", starts)
        object.__setattr__(self, "_people", people)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return int(self.vectors.shape[1])

    @property
    def state(self) -> str:
        """Whom it holds now, as a digest; see `state_of`."""
        return state_of(self.fingerprint, (self.names[owner] for owner in self.owners), self.vectors)

    @property
    def exact(self) -> bool:
        """`search` looks at every row."""
        return self.index is None or len(self) <= EXACT_LOOKS

    def scores(self, queries: ArrayLike) -> NDArray[np.float32]:
        """q x people float32: the highest cosine of each person's looks, exactly; -inf without looks.

        Args:
            queries: q x d, of any length but 0.

        Raises:
            UsageError: d is not the gallery's.
        """
        units = self._units(queries)
        best = np.full((len(units), len(self.names)), -np.inf, np.float32)
        for at in range(0, len(units) if len(self) else 0, _QUERIES):
            part = units[at : at + _QUERIES]
            rows = np.concatenate(
                [part @ self.vectors[row : row + _BLOCK].T for row in range(0, len(self), _BLOCK)], axis=1
            )
            best[at : at + _QUERIES, self._people] = self._best(rows)
        return best

    def search(self, queries: ArrayLike, k: int = 5) -> list[list[Match]]:
        """For each query the k nearest people, best first; fewer where fewer are enrolled.

        Args:
            queries: q x d, of any length but 0.

        Raises:
            UsageError: d is not the gallery's.
        """
        if self.index is not None and not self.exact:
            return self._near(self._units(queries), k)
        scores = self.scores(queries)
        return [self._top(row, k) for row in scores]

    def nearest(self, query: ArrayLike) -> Nearest:
        """The nearest person to one query (d numbers), and the margin to the second.

        Raises:
            UsageError: d is not the gallery's.
        """
        found = self.search(np.asarray(query, np.float32)[None], 2)[0]
        if not found:
            return Nearest(None, float("nan"), float("nan"))
        margin = found[0].score - found[1].score if len(found) > 1 else float("nan")
        return Nearest(found[0].name, found[0].score, margin)

    def _units(self, queries: ArrayLike) -> NDArray[np.float32]:
        rows = np.asarray(queries, np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.dimension:
            raise UsageError(
                f"the gallery's vectors have {self.dimension} numbers (embedder {self.fingerprint}), but "
                f"those to look for have the shape {rows.shape}: use the same embedder, or vidface gallery "
                "re-embed"
            )
        if not np.isfinite(rows).all():
            raise UsageError("a vector to look for holds NaN or infinity: leave out what was not embedded")
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.where(lengths > 0, lengths, 1), np.float32)

    def _best(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """q x looks -> q x people with looks."""
        rows = scores if self._order is None else scores[:, self._order]
        best: NDArray[np.float32] = np.maximum.reduceat(rows, self._runs, axis=1)
        return best

    def _top(self, scores: NDArray[np.float32], k: int) -> list[Match]:
        k = min(k, len(self._people))
        if k < 1:
            return []
        first = np.argpartition(scores, -k)[-k:]
        # Equal scores: by the order of enrolment, so that the same question has the same answer.
        first = first[np.lexsort((first, -scores[first]))]
        return [Match(self.names[person], float(scores[person])) for person in first]

    def _near(self, units: NDArray[np.float32], k: int) -> list[list[Match]]:
        """From the index: many candidates, then their exact cosines; rows that came later, exactly."""
        assert self.index is not None
        found = []
        later = np.arange(min(self.index.covered, len(self)), len(self))
        for query, near in zip(units, self.index.rows(units, max(64, 16 * k)), strict=True):
            rows = np.concatenate([near[(near >= 0) & (near < self.index.covered)], later])
            exact = self.vectors[rows] @ query
            scores = np.full(len(self.names), -np.inf, np.float32)
            np.maximum.at(scores, self.owners[rows], exact)
            seen = int(np.isfinite(scores).sum())
            if seen < min(k, len(self._people)):
                # Looks of few people took all places: without the next person there would be no margin.
                scores, seen = self.scores(query[None])[0], k
            found.append(self._top(scores, min(k, seen)))
        return found
