"""Embeddings: what a recogniser says of each face of a frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """One L2-normalised vector a face, aligned row by row with the Faces it came from.

    Attributes:
        vectors: n x d float32; a row of zeros says "not measured" (too small, too blurred).
    """

    vectors: NDArray[np.float32]

    def __post_init__(self) -> None:
        array = frozen_array(
            "Embeddings.vectors", self.vectors, dtype=np.float32, shape=(None, self.vectors.shape[-1])
        )
        norms = np.linalg.norm(array, axis=1)
        if not np.all((np.abs(norms - 1) < 1e-3) | (norms == 0)):
            raise ValueError("Embeddings.vectors must have unit length (or be all zero where not measured)")
        object.__setattr__(self, "vectors", array)

    def __len__(self) -> int:
        return len(self.vectors)

    @classmethod
    def none(cls, dimension: int = 0) -> Embeddings:
        """No rows."""
        return cls(np.zeros((0, dimension), np.float32))
