"""The labelled meshes as the model's recipe wants them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

LEAST_PRESENCE = 0.9
PORTRAITS = ("us_congress_hi", "us_congress_lo", "uk_parliament", "web_portraits", "celeb_crops")


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """n labelled meshes.

    Attributes:
        points: n x 478 x 3 pixels.
        blendshapes: n x 52; NaN where there are none.
        source: n names: of the clip, or of the portrait set.
        person: n names; a clip without a known person counts as one.
        part: n of "train", "val", "test".
        frame: n frame numbers within the clip.
    """

    points: NDArray[np.float32]
    blendshapes: NDArray[np.float32]
    source: NDArray[np.str_]
    person: NDArray[np.str_]
    part: NDArray[np.str_]
    frame: NDArray[np.int64]

    @classmethod
    def read(cls, pack: Path) -> Self:
        """Read the pack that `../mesh_face/label.py` makes; a clip stands for a person."""
        columns: dict[str, list[Any]] = {}
        for path in sorted(pack.glob("*/items.npz")):
            with np.load(path) as items:
                for name in ("points", "blendshapes", "name", "part", "frame", "presence"):
                    columns.setdefault(name, []).append(items[name])
        whole = {name: np.concatenate(parts) for name, parts in columns.items()}
        sure = whole["presence"] >= LEAST_PRESENCE
        names = whole["name"][sure]
        folders = np.array([name.partition("/")[0] for name in names])
        return cls(
            points=whole["points"][sure],
            blendshapes=whole["blendshapes"][sure],
            source=np.where(np.isin(folders, PORTRAITS), folders, names),
            person=names,
            part=whole["part"][sure],
            frame=whole["frame"][sure].astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.points)

    def pick(self, rows: Any) -> Labels:
        """The given rows (indices or a mask)."""
        return Labels(
            self.points[rows],
            self.blendshapes[rows],
            self.source[rows],
            self.person[rows],
            self.part[rows],
            self.frame[rows],
        )

    @property
    def portrait(self) -> NDArray[np.bool_]:
        """n bool: from a set of portraits, not from a clip."""
        return np.isin(self.source, PORTRAITS)

    def groups(self, *, least: int) -> list[NDArray[np.int64]]:
        """Rows of each person with `least` rows or more."""
        order = np.argsort(self.person, kind="stable")
        _, starts = np.unique(self.person[order], return_index=True)
        return [rows for rows in np.split(order, starts[1:]) if len(rows) >= least]
