"""What the rows of a frame are ranked by: a measured quality where it is wired, else a cheap proxy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from vidface.data.faces import Faces
from vidface.data.frame import Frame
from vidface.data.measures import Measures
from vidface.data.rows import check_rows, column_for
from vidface.vision.bestshot import parts_of

By = Literal["quality", "proxy"]
"""quality: the column of that name of the wired measures; proxy: `vidface.vision.bestshot`."""

QUALITY: Final = "quality"


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """How good each row of a frame is.

    Attributes:
        by: what `values` are.
        values: n float64 in [0, 1], more is better; 0 where nobody saw the face (interpolated) or where its
            quality was not measured. Of the proxy: all of it but the sharpness, so an upper bound.
        names: names of the parts.
        table: n x len(names) float64, the parts; NaN where not measured.
    """

    by: By
    values: NDArray[np.float64]
    names: tuple[str, ...]
    table: NDArray[np.float64]

    def parts(self, row: int) -> dict[str, float]:
        """The parts of one row by name, without those that were not measured."""
        pairs = zip(self.names, self.table[row].tolist(), strict=True)
        return {name: value for name, value in pairs if np.isfinite(value)}


def ranks_of(frame: Frame, faces: Faces, quality: Measures | None) -> Ranks:
    """Rank the faces of a frame by the column `quality` of the measures, or without them by the proxy.

    Raises:
        UsageError: the measures have not a row for every face, or no column `quality`.
    """
    if quality is None:
        parts = parts_of(faces, frame.size)._asdict()
        seen = parts.pop("seen")
        table = np.column_stack(list(parts.values()))
        return Ranks("proxy", table.prod(axis=1) * seen, tuple(parts), table)
    check_rows(faces, quality=quality)
    if len(quality) != len(faces):
        quality = Measures.none(quality.kinds, len(faces))
    values = column_for("quality", QUALITY, quality, usual="recognize.quality").astype(np.float64)
    names = tuple(kind.name for kind in quality.kinds)
    rest = [place for place, name in enumerate(names) if name != QUALITY]
    return Ranks(
        "quality",
        np.where(np.isfinite(values) & ~faces.interpolated, values, 0.0),
        tuple(names[place] for place in rest),
        quality.values[:, rest].astype(np.float64),
    )
