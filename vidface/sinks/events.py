"""events: who comes, who it is, who stays too long, who leaves; told as it happens."""

from __future__ import annotations

import time
from types import MappingProxyType
from typing import Any

from pydantic import Field

from vidface.data.event import Event, EventPost
from vidface.data.faces import NOT_TRACKED, Faces
from vidface.data.frame import Frame
from vidface.data.identity import Identities
from vidface.data.measures import Measures
from vidface.data.rows import check_rows
from vidface.node import Sink, Target
from vidface.sinks._clock import SteadyClock
from vidface.sinks._eventfacts import TrackFacts
from vidface.sinks._eventfiles import EventFiles
from vidface.sinks._labels import ABOUT, Labels, LabelWish
from vidface.sinks._portrait import Photographer, Portrait
from vidface.sinks._ranks import By, ranks_of
from vidface.sinks._visits import Look, Note, Rules, Visits


class Events(Sink):
    """Tell what happens before a camera: to whoever watches, or into `NAME.jsonl` with pictures in `NAME/`.

    - track_started: a face has shown for `appear_s`; one that flickers up for less is never told.
    - track_identified: a name has held for `name_s`. Another name of the same face is told once it has held
      for `debounce_s`, with `before`. A name that was told of another track less than `debounce_s` ago is not
      told again.
    - unknown_lingering: a face without a name has been here for `linger_s`. Once a visit, and only where
      identities are wired in.
    - track_left: a face has been out of sight for `debounce_s`, or watching ended (`cause`). Every
      track_started has exactly one.

    A line: kind, camera, at (UTC of this machine when it was told; null of files), time (seconds of the
    stream), track, name, frame, box, score (of the detection), first_time, last_time (seconds of the stream
    when it was first and last seen), first_at, last_at (the same as time of day by `clock`: "rtcp", the
    camera's own, or "arrival"; null of files), duration_s, quality (of the picture), ranked_by; where
    identities are wired in also state, similarity, margin, nearest; and before and cause where there is one.
    `shot` names the picture, the best so far: null where there is none.

    Of files, lines are the same each time. Files can be read by the owner only; a picture stands before the
    line that names it, and every line is whole at any moment.
    """

    camera: str = Field("", description="Its name; else that of the watched camera, or of the input.")
    appear_s: float = Field(0.5, ge=0, le=60, description="Seconds a face must show before it has come.")
    debounce_s: float = Field(
        10.0, gt=0, le=3600, description="Seconds out of sight after which a face has left."
    )
    name_s: float = Field(1.0, ge=0, le=60, description="Seconds a name must hold before it is told.")
    linger_s: float = Field(
        60.0, ge=0, le=86400, description="Seconds after which somebody nameless lingers; 0: never told."
    )
    picture_px: int = Field(
        320, ge=0, le=1024, description="Widest side of a picture, a square 1.4 times the face; 0: none."
    )
    most: int = Field(1000, ge=1, le=100_000, description="Faces followed at a time; more are counted.")
    label: LabelWish = Field("auto", description=ABOUT)

    _post: EventPost | None = None
    _files: EventFiles | None = None
    _target: Target
    _clock: SteadyClock
    _visits: Visits
    _facts: dict[int, TrackFacts]
    _photographer: Photographer
    _labels: Labels
    _ranked_by: By
    _untracked: int
    _told: dict[str, int]

    def shows(self) -> bool:
        return self.picture_px > 0

    def files(self, name: str) -> tuple[str, ...]:
        return (f"{name}.jsonl", f"{name}/")

    def start(self, target: Target) -> None:
        self._target = target
        self._clock = SteadyClock()
        self._visits = Visits(Rules(self.appear_s, self.debounce_s, self.name_s, self.linger_s, self.most))
        self._facts, self._told, self._untracked = {}, {}, 0
        self._labels = Labels(self.label, target)
        self._photographer = Photographer(self.picture_px, self._labels, target.comment)
        self._ranked_by = "proxy"
        self._files = None if target.station is not None else EventFiles(target)
        self._post = target.station or self._files

    def process(
        self,
        frame: Frame,
        faces: Faces,
        identity: Identities | None = None,
        quality: Measures | None = None,
    ) -> None:
        """Look at a frame, and tell what has happened.

        Raises:
            UsageError: a wired value has not a row for every face, or quality no column of that name.
            OutputError: without a station, a file cannot be written.
        """
        if self._post is None:
            return
        check_rows(faces, identity=identity, quality=quality)
        self._clock.set(frame)
        ranks = ranks_of(frame, faces, quality)
        self._ranked_by = ranks.by
        who = identity.rows if identity is not None and len(identity) else (None,) * len(faces)
        looks: list[Look] = []
        portraits: dict[int, Portrait] = {}
        for row, track in enumerate(faces.tracks.tolist()):
            if track == NOT_TRACKED:
                self._untracked += 1
                continue
            looks.append(Look(track, not faces.interpolated[row], who[row]))
            facts = self._keep(frame, faces, row)
            if facts is not None and self.picture_px:
                portraits[row] = facts.portrait
        self._photographer.shoot(portraits, frame, faces, ranks)
        for note in self._visits.look(self._clock.now, looks):
            self._tell(note)
        self._facts = {track: facts for track, facts in self._facts.items() if track in self._visits}

    def finish(self) -> dict[str, Any]:
        if self._post is None:
            return {}
        for note in self._visits.end():
            self._tell(note)
        self._post = None
        files = {} if self._files is None else {"files": self._files.close()}
        return {
            **files,
            "events": dict(self._told),
            "brief": self._visits.brief,
            "repeated": self._visits.repeated,
            "left_out": self._visits.left_out,
            "untracked": self._untracked,
            "ranked_by": self._ranked_by,
        } | self._labels.facts()

    def close(self) -> None:
        self._post = None
        self._facts = {}
        if self._files is not None:
            self._files.close()
            self._files = None

    def _keep(self, frame: Frame, faces: Faces, row: int) -> TrackFacts | None:
        """Keep what a later event tells of this row; None where it is not followed, or not seen."""
        track = int(faces.tracks[row])
        if faces.interpolated[row] or (track not in self._facts and len(self._facts) >= self.most):
            return None
        facts = self._facts.setdefault(track, TrackFacts(frame))
        facts.see(frame, faces, row)
        return facts

    def _tell(self, note: Note) -> None:
        frame, station = self._clock.frame, self._target.station
        if self._post is None or frame is None:
            return
        self._told[note.kind] = self._told.get(note.kind, 0) + 1
        facts, number = self._facts[note.visit.track], str(note.visit.track)
        own = self._target.info.name if station is None else station.camera
        # By this machine's clock: that of a camera may be years off, and the log is kept by age.
        now = frame.arrived_utc_s
        self._post.send(
            Event(
                note.kind,
                camera=self.camera or own,
                utc_s=time.time() if now is None else now,
                time=frame.time,
                track=number if station is None else f"{station.session}-{number}",
                name=note.visit.name,
                details=MappingProxyType(facts.details(note, ranked_by=self._ranked_by)),
                picture=facts.portrait.jpeg,
            )
        )
