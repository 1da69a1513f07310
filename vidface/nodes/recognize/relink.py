"""recognize.relink: tracks of one person become one, across gaps and cuts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import NOT_TRACKED, Device, Embeddings, Faces, Frame
from vidface.data.rows import check_rows
from vidface.data.times import time_text
from vidface.node import FOREVER, Node, Span, Window
from vidface.vision.looks import Looks, fuse, weights_of

_RECENT = 12
_MOST_NOTED = 200


class RecognizeRelink(Node):
    """Give tracks of one person one number, and report where a track changes person.

    The faces come out with new track numbers, one a person, from 1 in order of appearance. A track that
    begins is compared, by its first looks (up to `look_ahead` frames ahead), with all people seen before
    who are not in the picture now; the nearest one takes it in if it scores `threshold` and leads the second
    by `margin`. Where that is settled only later, the number changes from then on. People are
    remembered over scene cuts and gaps, `remember` of them.

    A track whose recent looks fall below `switch` of its earlier ones shows another person: that is
    reported, and with `split` the track gets a number of its own from there. run.json lists links and
    switches.
    """

    threshold: float = Field(0.45, ge=-1, le=1, description="Cosine from which on two tracks are one person.")
    margin: float = Field(0.05, ge=0, le=2, description="Least lead over the second nearest person.")
    min_looks: int = Field(3, ge=1, description="Looks of a track before it is compared.")
    look_ahead: int = Field(
        24, ge=0, le=512, description="Frames to wait for the looks of a new track; 0 for live use."
    )
    switch: float = Field(
        0.1, ge=-1, le=1, description="Recent looks below this cosine to the earlier ones are somebody else."
    )
    split: bool = Field(True, description="Give a track its own number where it changes person.")
    remember: int = Field(2000, ge=1, description="Most people remembered; the longest unseen go first.")

    memory = FOREVER

    _people: dict[int, Looks]
    _of_track: dict[int, _Track]
    _count: int
    _links: list[dict[str, Any]]
    _switches: list[dict[str, Any]]

    def reach(self) -> Span:
        return Span(ahead=self.look_ahead)

    def open(self, device: Device) -> None:
        """Begin without people: they outlive cuts, so they are not born in `reset`."""
        self._people, self._count = {}, 0
        self._links, self._switches = [], []

    def reset(self) -> None:
        """Tracks end; their people are remembered."""
        self._of_track = {}

    def facts(self) -> dict[str, Any]:
        return {
            "people": self._count,
            "links": self._links[:_MOST_NOTED],
            "switches": self._switches[:_MOST_NOTED],
        }

    def process(self, frame: Frame, faces: Window[Faces], embeddings: Window[Embeddings]) -> Faces:
        """The faces of this frame under the numbers of their people."""
        now, seen = faces.current, embeddings.current
        check_rows(now, embeddings=seen)
        numbers = now.tracks.copy()
        for row, number in enumerate(now.tracks.tolist()):
            if number == NOT_TRACKED:
                continue
            track = self._of_track.get(number) or self._begin(number, faces, embeddings)
            if len(seen) and seen.vectors[row].any():
                weight = float(weights_of(seen.recognisability[row : row + 1])[0])
                self._see(frame, track, seen.vectors[row], weight)
            if not track.settled:
                self._settle(frame, track, self._present(now, number))
            numbers[row] = track.person
        for track in (self._of_track[n] for n in now.tracks.tolist() if n in self._of_track):
            self._people[track.person] = self._people.pop(track.person)  # seen last
        while len(self._people) > self.remember:
            del self._people[next(iter(self._people))]
        return now.with_tracks(numbers)

    def _begin(self, number: int, faces: Window[Faces], embeddings: Window[Embeddings]) -> _Track:
        """A new track, with its looks ahead to be compared by."""
        track = self._of_track[number] = _Track(number, self._next_person())
        for some, looks in zip(faces.ahead, embeddings.ahead, strict=False):
            for row in np.flatnonzero(some.tracks == number) if len(looks) else ():
                if looks.vectors[row].any():
                    track.first.append(looks.vectors[row])
        return track

    def _next_person(self) -> int:
        self._count += 1
        self._people[self._count] = Looks()
        return self._count

    def _present(self, faces: Faces, number: int) -> set[int]:
        """People in the picture besides the track's own."""
        others = (n for n in faces.tracks.tolist() if n not in (number, NOT_TRACKED))
        return {self._of_track[n].person for n in others if n in self._of_track}

    def _see(self, frame: Frame, track: _Track, vector: NDArray[np.float32], weight: float) -> None:
        track.recent = [*track.recent, vector][-_RECENT:]
        if len(track.first) < self.min_looks:
            track.first.append(vector)
        looks = self._people[track.person]
        if len(track.recent) >= max(self.min_looks, 4) and len(looks.vectors) >= max(self.min_looks, 4):
            score = float(fuse(track.recent) @ looks.fused)
            if score < self.switch:
                self._note_switch(frame, track, score)
        self._people[track.person].add(vector, max(weight, 1e-3), frame.index)

    def _note_switch(self, frame: Frame, track: _Track, score: float) -> None:
        row: dict[str, Any] = {"track": track.number, "frame": frame.index, "time": time_text(frame.time)}
        row |= {"score": round(score, 4), "person_before": track.person}
        if self.split:
            track.person, track.settled = self._next_person(), False
            track.first = list(track.recent)
            row["person_after"] = track.person
        track.recent = []
        self._switches.append(row)

    def _settle(self, frame: Frame, track: _Track, present: Iterable[int]) -> None:
        """Compare the track with everybody who is not here, once it has looks enough."""
        if len(track.first) < self.min_looks:
            return
        track.settled = True
        absent = {p: k for p, k in self._people.items() if p not in {track.person, *present} and k.vectors}
        if not absent:
            return
        mine = fuse(track.first)
        scores = np.stack([looks.fused for looks in absent.values()]) @ mine
        order = np.argsort(-scores)
        lead = float(scores[order[0]] - scores[order[1]]) if len(order) > 1 else np.inf
        if scores[order[0]] < self.threshold or lead < self.margin:
            return
        person = list(absent)[int(order[0])]
        self._links.append(
            {
                "track": track.number,
                "person": person,
                "frame": frame.index,
                "time": time_text(frame.time),
                "score": round(float(scores[order[0]]), 4),
            }
        )
        own = self._people.pop(track.person)
        if track.person == self._count:
            self._count -= 1
        track.person = person
        self._people[person].join(own)


class _Track:
    """A track of the input, the person it shows, and the looks that say so."""

    __slots__ = ("first", "number", "person", "recent", "settled")

    def __init__(self, number: int, person: int) -> None:
        self.number, self.person = number, person
        self.first: list[NDArray[np.float32]] = []
        self.recent: list[NDArray[np.float32]] = []
        self.settled = False
