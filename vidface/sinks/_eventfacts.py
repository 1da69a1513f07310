"""What an event tells of a face beside its name: where, since when, how well it was seen."""

from __future__ import annotations

from typing import Any

from vidface.data.faces import Faces
from vidface.data.frame import Frame
from vidface.data.plain import plain
from vidface.data.times import time_of_day, time_text
from vidface.sinks._portrait import Portrait
from vidface.sinks._ranks import By
from vidface.sinks._visits import Note


class TrackFacts:
    """The same few facts however long a face stays.

    Args:
        frame: the one on which it was seen first.

    Attributes:
        portrait: its best picture so far.
    """

    def __init__(self, frame: Frame) -> None:
        self.portrait = Portrait()
        self._first = self._last = _moment(frame)
        self._frame, self._clock = frame.index, frame.clock
        self._box: list[float] = []
        self._score = 0.0

    def see(self, frame: Frame, faces: Faces, row: int) -> None:
        """Its row on the newest frame."""
        self._last = _moment(frame)
        self._frame, self._clock = frame.index, frame.clock
        self._box = [round(v, 2) for v in faces.boxes[row].tolist()]
        self._score = round(float(faces.scores[row]), 4)

    def details(self, note: Note, *, ranked_by: By) -> dict[str, Any]:
        """Plain values, ready for JSON; null where not known."""
        visit, portrait = note.visit, self.portrait
        shot = portrait.jpeg is not None
        row: dict[str, Any] = {
            "frame": self._frame,
            "box": self._box,
            "score": self._score,
            **{f"first_{key}": value for key, value in self._first.items()},
            **{f"last_{key}": value for key, value in self._last.items()},
            "clock": self._clock,
            "duration_s": round(visit.last_s - visit.first_s, 3),
            "quality": plain(portrait.quality) if shot else None,
            "ranked_by": ranked_by if shot else None,
        }
        if visit.identity is not None:
            asked = visit.identity
            row |= {"state": asked.state, "similarity": plain(asked.score), "margin": plain(asked.margin)}
            row |= {"nearest": asked.nearest}
        return row | {key: text for key in ("before", "cause") if (text := getattr(note, key)) is not None}


def _moment(frame: Frame) -> dict[str, str | None]:
    return {
        "time": time_text(frame.time),
        "at": None if frame.utc_s is None else time_of_day(frame.utc_s),
    }
