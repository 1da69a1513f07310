"""Identity: what a recogniser says of each face of a frame, and what is decided from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array
from vidface.data.plain import plain

State = Literal["known", "unknown", "undecided"]
"""known: an enrolled person; unknown: nobody enrolled; undecided: not enough was seen, or two are alike."""

_STATES: Final = frozenset(get_args(State))


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """One L2-normalised vector a face, aligned row by row with the Faces it came from.

    Attributes:
        vectors: n x d float32; a row of zeros says "not measured" (too small, interpolated).
        recognisability: n float32 in [0, 1], how likely this look is recognised; NaN where not measured
            or where the model has no such output.
        model: fingerprint of the embedder; vectors of two models cannot be compared.
    """

    vectors: NDArray[np.float32]
    recognisability: NDArray[np.float32]
    model: str = ""

    def __post_init__(self) -> None:
        array = frozen_array(
            "Embeddings.vectors", self.vectors, dtype=np.float32, shape=(None, self.vectors.shape[-1])
        )
        norms = np.linalg.norm(array, axis=1)
        if not np.all((np.abs(norms - 1) < 1e-3) | (norms == 0)):
            raise ValueError("Embeddings.vectors must have unit length (or be all zero where not measured)")
        object.__setattr__(self, "vectors", array)
        chance = frozen_array(
            "Embeddings.recognisability", self.recognisability, dtype=np.float32, shape=(len(array),)
        )
        with np.errstate(invalid="ignore"):
            if ((chance < 0) | (chance > 1)).any():
                raise ValueError("Embeddings.recognisability must lie in [0, 1], or be NaN")
        object.__setattr__(self, "recognisability", chance)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def known(self) -> NDArray[np.bool_]:
        """n bool: the row was measured."""
        known: NDArray[np.bool_] = np.asarray(self.vectors.any(axis=1))
        return known

    @classmethod
    def none(cls, dimension: int = 0, rows: int = 0, model: str = "") -> Embeddings:
        """`rows` rows of which none was measured."""
        return cls(np.zeros((rows, dimension), np.float32), np.full(rows, np.nan, np.float32), model)

    @classmethod
    def of(cls, vectors: Any, *, recognisability: Any = None, model: str = "") -> Embeddings:
        """Build from vectors of any length (0 stays 0); recognisability is NaN where not given."""
        rows = np.asarray(vectors, np.float32)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        if recognisability is None:
            recognisability = np.full(len(rows), np.nan, np.float32)
        unit = (rows / np.where(norms > 0, norms, 1)).astype(np.float32)
        return cls(unit, recognisability, model)

    def pick(self, rows: Any) -> Embeddings:
        """The given rows (indices or a mask), in that order."""
        return Embeddings(self.vectors[rows], self.recognisability[rows], self.model)


@dataclass(frozen=True, slots=True)
class Identity:
    """What is decided of one face's track so far.

    Attributes:
        state: see `State`.
        name: the enrolled person, only where known.
        score: cosine of the track's fused embedding to the nearest enrolled person; NaN where the gallery
            is empty or nothing was measured.
        margin: score less that of the second nearest person; NaN where there is none.
        nearest: the nearest enrolled person, whether it is accepted or not; None where there is none.
        looks: embeddings that went into the fused one.
        frames: indices of the frames that support it most, best first.
    """

    state: State = "undecided"
    name: str | None = None
    score: float = float("nan")
    margin: float = float("nan")
    nearest: str | None = None
    looks: int = 0
    frames: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.state not in _STATES:
            raise ValueError(f"Identity.state must be one of {sorted(_STATES)}, but is {self.state!r}")
        if (self.state == "known") != (self.name is not None):
            raise ValueError("Identity.name must be given where the state is known, and only there")

    def row(self) -> dict[str, Any]:
        """A plain dict, ready for JSON; null where not known."""
        return {
            "state": self.state,
            "name": self.name,
            "score": plain(self.score),
            "margin": plain(self.margin),
            "nearest": self.nearest,
            "looks": self.looks,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Identities:
    """One Identity a face, aligned row by row with the Faces.

    Attributes:
        rows: the identities.
    """

    rows: tuple[Identity, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Identity]:
        return iter(self.rows)

    @classmethod
    def none(cls) -> Identities:
        """No rows."""
        return cls(())
