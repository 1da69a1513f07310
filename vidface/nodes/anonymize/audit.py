"""anonymize.audit: which faces can still be found on pictures in which they should be hidden."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import Device, Faces, Frame
from vidface.data.measures import Measures
from vidface.data.rows import check_rows, column_for
from vidface.data.times import time_text
from vidface.node import FOREVER, Node
from vidface.vision.boxes import iou_matrix
from vidface.vision.veil import Shape

_LISTED: Final = 20
_SAME: Final = 0.3
"""IoU from which on a face found again is the one that was left visible."""
_GRID: Final = 24
"""Places across a box, and down it, that are asked for whether they lie under a cover."""


class AnonymizeAudit(Node):
    """Tell of the faces that a detector finds on the finished picture; gives those that lie open.

    Wire a second `detect.face` that looks at the anonymized frames to `faces`, best with another `width` than
    the first one, as two looks miss less than one. What it finds is

    - covered, where at least `under` of its box lies under covers, in the `shape` in which they were laid:
      a blurred face still looks like one, a face in the corner beside an oval is none of it;
    - kept, where it is a face that was left visible on purpose (`report` says which);
    - open, else: a face that nobody hid. Those are the rows that come out, and they are listed in run.json.

    That nothing is found is no proof that nobody can be seen: what neither look finds is not listed.
    """

    under: float = Field(
        0.6, gt=0, le=1, description="Share of a found face that must lie under covers to count as hidden."
    )
    shape: Shape = Field(
        "oval", description="What the covers hide of their boxes, as anonymize.faces was told."
    )

    memory = FOREVER
    keeps_rows = False
    rows_of = MappingProxyType({"report": "covers"})

    _counts: dict[str, int]
    _first: list[dict[str, Any]]

    def open(self, device: Device) -> None:
        """Begin to count."""
        self._counts = dict.fromkeys(("frames", "not_looked_at", "open", "open_frames", "covered", "kept"), 0)
        self._first = []

    def reset(self) -> None:
        """Nothing ends here: frames are looked at one by one."""

    def facts(self) -> dict[str, Any]:
        """Counts, the first open faces (frame, time, box, score), and a sentence under "notes"."""
        return self._counts | {"first_open": list(self._first), "notes": [self._said()]}

    def process(self, frame: Frame, faces: Faces, covers: Faces, report: Measures | None = None) -> Faces:
        """The faces that lie open, without landmarks.

        Raises:
            UsageError: the report has not a row for every cover, or does not say which are hidden.
        """
        check_rows(covers, report=report)
        hidden = np.ones(len(covers), np.bool_)
        if report is not None and len(report):
            hidden = column_for("report", "hidden", report, usual="anonymize.faces") > 0
        covered = share_under(faces.boxes, covers.boxes[hidden], self.shape) >= self.under
        kept = (iou_matrix(faces.boxes, covers.boxes[~hidden]) >= _SAME).any(axis=1) & ~covered
        rest = np.flatnonzero(~covered & ~kept)
        left = Faces.of(faces.boxes[rest], scores=faces.scores[rest], looked=faces.looked)
        for name, number in (
            ("frames", 1),
            ("not_looked_at", not faces.looked),
            ("open", len(left)),
            ("open_frames", len(left) > 0),
            ("covered", np.count_nonzero(covered)),
            ("kept", np.count_nonzero(kept)),
        ):
            self._counts[name] += int(number)
        for row in list(left.rows())[: _LISTED - len(self._first)]:
            place = {"frame": frame.index, "time": time_text(frame.time)}
            self._first.append(place | {"box": row["box"], "score": row["score"]})
        return left

    def _said(self) -> str:
        counts, blind = self._counts, ""
        if counts["not_looked_at"]:
            blind = f" {counts['not_looked_at']} frames were not looked at."
        if not counts["open"]:
            return (
                f"anonymize.audit: no open face was found on {counts['frames']} frames of the output; of the "
                f"faces still found, {counts['covered']} lie under covers and {counts['kept']} were kept on "
                f"purpose.{blind}"
            )
        at = self._first[0]
        return (
            f"anonymize.audit: {counts['open']} open faces on {counts['open_frames']} of {counts['frames']} "
            f"frames, the first on frame {at['frame']} at {at['time']} s; look at them before the video is "
            f"given away.{blind}"
        )


def share_under(boxes: NDArray[np.float32], covers: NDArray[np.float32], shape: Shape) -> NDArray[np.float32]:
    """n boxes, m covers -> n: the share of each box that lies under any of the covers."""
    middle = (covers[:, :2] + covers[:, 2:]) / 2
    half = np.maximum(covers[:, 2:] - covers[:, :2], 1e-6) / 2
    steps = (np.arange(_GRID) + 0.5) / _GRID
    grid = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 1, 2)
    shares = np.zeros(len(boxes), np.float32)
    meets = iou_matrix(boxes, covers) > 0
    for i in np.flatnonzero(meets.any(axis=1)):
        box, near = boxes[i], meets[i]
        away = np.abs(box[:2] + grid * (box[2:] - box[:2]) - middle[near]) / half[near]
        inside = away.max(axis=2) <= 1 if shape == "box" else (away**2).sum(axis=2) <= 1
        shares[i] = inside.any(axis=1).mean()
    return shares
