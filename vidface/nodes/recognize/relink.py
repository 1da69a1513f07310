"""recognize.relink: tracks of one person become one, across gaps and cuts."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import NOT_TRACKED, Device, Embeddings, Faces, Frame
from vidface.data.rows import check_rows
from vidface.data.steadyclock import SteadyClock
from vidface.data.times import time_text
from vidface.node import FOREVER, Node, Span, Window
from vidface.vision.looks import Looks, fuse, weights_of

_RECENT = 12
_MOST_NOTED = 200
_AWAY_S = 120.0
"""A track not seen for so long never comes again; only its person may."""


class RecognizeRelink(Node):
    """Give tracks of one person one number, and report where a track changes person.

    The faces come out with new track numbers, one a person, from 1 in order of appearance. A track that
    begins is compared, by its first looks (up to `look_ahead` frames ahead), with all people seen before
    who are not in the picture now; the nearest one takes it in if it scores `threshold` and leads the second
    by `margin`. Where that is settled only later, the number changes from then on, and the first one is never
    given to anybody else. No two faces of a frame share a number: where a track comes back whose person
    another track has taken meanwhile, it counts as somebody new. People are
    remembered over scene cuts and gaps, `remember` of them, or until they were not seen for `forget_after_s`.
    Of whom a track gave fewer than `min_looks` looks before it ended, nothing is remembered: such a glimpse
    of somebody known would be that person's rival, and no later track would lead by `margin`.

    A track whose recent looks fall below `switch` of its earlier ones shows another person: that is
    reported, and with `split` the track gets a number of its own from there. run.json lists links and
    switches.
    """

    threshold: float = Field(0.45, ge=-1, le=1, description="Cosine from which on two tracks are one person.")
    margin: float = Field(0.05, ge=0, le=2, description="Least lead over the second nearest person.")
    min_looks: int = Field(3, ge=1, description="Looks of a track before it counts as a person.")
    look_ahead: int = Field(
        24, ge=0, le=512, description="Frames to wait for the looks of a new track; 0 for live use."
    )
    switch: float = Field(
        0.1, ge=-1, le=1, description="Recent looks below this cosine to the earlier ones are somebody else."
    )
    split: bool = Field(True, description="Give a track its own number where it changes person.")
    remember: int = Field(2000, ge=1, description="Most people remembered; the longest unseen go first.")
    looks: int = Field(
        48, ge=4, le=1000, description="Best looks kept of each person; one takes about 1.2 kB."
    )

    forget_after_s: float | None = Field(
        None, gt=0, description="A person not seen for so many seconds is forgotten, looks and all."
    )

    memory = FOREVER
    keeps_rows = True

    _people: dict[int, Looks]
    _seen_s: dict[int, float]
    _of_track: dict[int, _Track]
    _count: int
    _given: int
    _clock: SteadyClock
    _links: deque[dict[str, Any]]
    _switches: deque[dict[str, Any]]
    _counts: Counter[str]

    def reach(self) -> Span:
        return Span(ahead=self.look_ahead)

    def open(self, device: Device) -> None:
        """Begin without people: they outlive cuts, so they are not born in `reset`."""
        self._people, self._seen_s, self._of_track = {}, {}, {}
        self._count = self._given = 0
        self._clock, self._counts = SteadyClock(), Counter()
        self._links, self._switches = deque(maxlen=_MOST_NOTED), deque(maxlen=_MOST_NOTED)

    def reset(self) -> None:
        """Tracks end; their people are remembered."""
        self._end(list(self._of_track.values()))
        self._of_track = {}

    def facts(self) -> dict[str, Any]:
        return {
            "people": self._counts["people"],
            "people_forgotten": self._counts["forgotten"],
            "links": list(self._links),
            "links_not_listed": self._counts["links"] - len(self._links),
            "switches": list(self._switches),
            "switches_not_listed": self._counts["switches"] - len(self._switches),
        }

    def process(self, frame: Frame, faces: Window[Faces], embeddings: Window[Embeddings]) -> Faces:
        """The faces of this frame under the numbers of their people."""
        now, seen = faces.current, embeddings.current
        check_rows(now, embeddings=seen)
        self._part(now.tracks.tolist(), faces, embeddings)
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
            self._given = max(self._given, track.person)
        self._note_seen(frame, now)
        return now.with_tracks(numbers)

    def _part(self, here: list[int], faces: Window[Faces], embeddings: Window[Embeddings]) -> None:
        """Two tracks of one person are in the picture: whoever comes back to it begins as somebody new."""
        taken: set[int] = set()
        known = [self._of_track[number] for number in here if number in self._of_track]
        for track in sorted(known, key=lambda one: -one.seen_s):
            if track.person in taken:
                self._begin(track.number, faces, embeddings)
            taken.add(track.person)

    def _note_seen(self, frame: Frame, now: Faces) -> None:
        """Who is here was seen last; who was not seen for too long, or is one too many, is forgotten."""
        self._clock.set(frame)
        now_s = self._clock.now
        for track in (self._of_track[n] for n in now.tracks.tolist() if n in self._of_track):
            track.seen_s = now_s
            self._people[track.person] = self._people.pop(track.person)
            self._seen_s[track.person] = now_s
        while len(self._people) > self.remember or self._is_old(now_s):
            self._forget(next(iter(self._people)))
        away = [n for n, track in self._of_track.items() if now_s - track.seen_s > _AWAY_S]
        self._end([self._of_track.pop(n) for n in away])

    def _end(self, tracks: Iterable[_Track]) -> None:
        """Tracks are over; whoever was before the camera for too short a time is no person to know again."""
        for track in tracks:
            if not track.settled and track.person in self._people:
                self._forget(track.person)

    def _is_old(self, now_s: float) -> bool:
        """Whether the person who is longest unseen was not seen for `forget_after_s`."""
        if self.forget_after_s is None or not self._people:
            return False
        return now_s - self._seen_s.get(next(iter(self._people)), now_s) > self.forget_after_s

    def _forget(self, person: int) -> None:
        del self._people[person]
        self._seen_s.pop(person, None)
        self._of_track = {n: t for n, t in self._of_track.items() if t.person != person}
        self._counts["forgotten"] += 1

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
        self._counts["people"] += 1
        self._people[self._count] = Looks(room=self.looks)
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
        self._counts["switches"] += 1

    def _settle(self, frame: Frame, track: _Track, present: Iterable[int]) -> None:
        """Compare the track with everybody who is not here, once it has looks enough."""
        if len(track.first) < self.min_looks:
            return
        track.settled = True
        here = {track.person, *present}
        absent = {p: k for p, k in self._people.items() if p not in here and k.seen >= self.min_looks}
        if not absent:
            return
        mine = fuse(track.first)
        scores = np.stack([looks.fused for looks in absent.values()]) @ mine
        order = np.argsort(-scores)
        lead = float(scores[order[0]] - scores[order[1]]) if len(order) > 1 else np.inf
        if scores[order[0]] < self.threshold or lead < self.margin:
            return
        person = list(absent)[int(order[0])]
        self._counts["links"] += 1
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
        self._seen_s.pop(track.person, None)
        self._counts["people"] -= 1
        # A number that went out stands for looks elsewhere (recognize.identify): nobody else may have it.
        if track.person == self._count > self._given:
            self._count -= 1
        track.person = person
        self._people[person].join(own)


class _Track:
    """A track of the input, the person it shows, and the looks that say so."""

    __slots__ = ("first", "number", "person", "recent", "seen_s", "settled")

    def __init__(self, number: int, person: int) -> None:
        self.number, self.person = number, person
        self.first: list[NDArray[np.float32]] = []
        self.recent: list[NDArray[np.float32]] = []
        self.settled = False
        self.seen_s = 0.0
