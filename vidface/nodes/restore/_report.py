"""What restore.face gives."""

from __future__ import annotations

from typing import Final, NamedTuple

from vidface.data import Frame
from vidface.data.crops import Crops
from vidface.data.measures import Measure, Measures

KINDS: Final[tuple[Measure, ...]] = (
    Measure("restore_share", "ratio", "How much of the restored face shows: fidelity times the guard's say."),
    Measure("restore_change", "grey levels", "Root mean square change inside the face, at full share."),
    Measure("restore_cosine_before", "ratio", "Identity of the face as it was, to who it is held to be."),
    Measure("restore_cosine_after", "ratio", "The same of the restored face."),
    Measure("restore_residual", "grey levels", "Restored face, shrunk again, against what was observed."),
)
"""The columns of the report, in order."""


class RestoredFaces(NamedTuple):
    """The picture, the restored crops, and the report of each face (columns as in `KINDS`)."""

    frame: Frame
    crops: Crops
    report: Measures
