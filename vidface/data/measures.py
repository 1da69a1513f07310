"""Measures: named numbers about every face of a frame, each with its unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array


@dataclass(frozen=True, slots=True)
class Measure:
    """What a column says.

    Attributes:
        name: column name, snake_case.
        unit: "ratio", "degrees", "probability", "pixels", "seconds" ...
        meaning: one plain sentence.
    """

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """n rows aligned with the Faces, one column a measure; NaN where not measured.

    Attributes:
        kinds: k descriptions, the same for every frame of a run.
        values: n x k float32.
    """

    kinds: tuple[Measure, ...]
    values: NDArray[np.float32]

    def __post_init__(self) -> None:
        shape = (None, len(self.kinds))
        array = frozen_array("Measures.values", self.values, dtype=np.float32, shape=shape)
        object.__setattr__(self, "values", array)

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def none(cls, kinds: tuple[Measure, ...] = (), rows: int = 0) -> Measures:
        """`rows` rows of which none was measured."""
        return cls(kinds, np.full((rows, len(kinds)), np.nan, np.float32))

    def column(self, name: str) -> NDArray[np.float32]:
        """The n values of one measure; KeyError where there is none of that name."""
        for place, kind in enumerate(self.kinds):
            if kind.name == name:
                values: NDArray[np.float32] = self.values[:, place]
                return values
        raise KeyError(name)

    def columns(self) -> dict[str, NDArray[np.float32]]:
        """Name -> n values, for tables."""
        return {kind.name: self.values[:, place] for place, kind in enumerate(self.kinds)}
