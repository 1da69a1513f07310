"""The course of each track through a window of time, and when a finding on it is due."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Generic, NamedTuple, TypeVar

from vidface.data.faces import NOT_TRACKED, Faces
from vidface.data.finding import Stretch
from vidface.data.frame import Frame

S = TypeVar("S")

AWAY_S: Final = Fraction(2)
"""A track that nobody saw for longer begins anew: what joins both ends is not known."""


class Seen(NamedTuple, Generic[S]):
    """One frame on which a track was there; `value` is None where it was not measured."""

    frame: int
    time: Fraction
    value: S | None


@dataclass(slots=True)
class Course(Generic[S]):
    """One track.

    Attributes:
        track: its number.
        due: time from which the next finding is complete.
        seen: the frames of the window, oldest first.
        count: frames since it began.
    """

    track: int
    due: Fraction
    seen: deque[Seen[S]] = field(default_factory=deque)
    count: int = 0

    @property
    def stretch(self) -> Stretch:
        """The window as far as the track reaches."""
        first, last = self.seen[0], self.seen[-1]
        return Stretch(first.frame, last.frame, first.time, last.time)

    @property
    def values(self) -> list[S]:
        """What was measured, oldest first."""
        return [one.value for one in self.seen if one.value is not None]

    @property
    def measured(self) -> list[Seen[S]]:
        """Frames with a value."""
        return [one for one in self.seen if one.value is not None]


class Courses(Generic[S]):
    """What was measured of every track within a window.

    Args:
        window_s: how far back a finding looks.
        hop_s: time of a track from one finding to the next; the first comes when one has passed.
    """

    def __init__(self, window_s: float, hop_s: float) -> None:
        self._window, self._hop = Fraction(str(window_s)), Fraction(str(hop_s))
        self._courses: dict[int, Course[S]] = {}

    def step(self, frame: Frame, faces: Faces, values: list[S | None]) -> Iterator[Course[S]]:
        """Take the values of one frame, row by row those of `faces`; gives the courses that are due.

        Rows without a track are left out: nothing joins them from frame to frame.
        """
        for row, course in self.at(frame, faces):
            if self.add(course, frame, values[row]):
                yield course

    def at(self, frame: Frame, faces: Faces) -> Iterator[tuple[int, Course[S]]]:
        """Row and course of each tracked face, for values that depend on the course; `add` every one."""
        now = frame.time
        gone = [track for track, one in self._courses.items() if now - one.seen[-1].time > AWAY_S]
        for track in gone:
            del self._courses[track]
        for row, track in enumerate(faces.tracks.tolist()):
            if track != NOT_TRACKED:
                yield row, self._courses.setdefault(track, Course(track, now + self._hop))

    def add(self, course: Course[S], frame: Frame, value: S | None) -> bool:
        """Take a course's value of one frame; True where a finding is due."""
        now = frame.time
        course.count += 1
        course.seen.append(Seen(frame.index, now, value))
        while course.seen[0].time < now - self._window:
            course.seen.popleft()
        if now < course.due:
            return False
        course.due += self._hop * ((now - course.due) // self._hop + 1)
        return True
