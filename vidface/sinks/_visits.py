"""Visits: when the appearances of faces before a camera are worth telling; told once, late rather than twice.

Quick to doubt and slow to forget: a face must show for a while before it counts as there, and be out of sight
for much longer before it counts as gone. The same holds of a name, but who was unknown for as long as that
(who was forgotten meanwhile, say) is named no more. All times are seconds on a clock that
never runs backwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vidface.data.event import EventKind
from vidface.data.identity import Identity


@dataclass(frozen=True, slots=True)
class Rules:
    """When something is told.

    Attributes:
        appear_s: seconds for which a face must show before it has come.
        debounce_s: seconds out of sight after which it has left; and for which another name must hold.
        name_s: seconds for which its first name must hold.
        linger_s: seconds after which somebody nameless lingers; 0: never.
        most: faces that are followed at a time.
    """

    appear_s: float
    debounce_s: float
    name_s: float
    linger_s: float
    most: int


@dataclass(frozen=True, slots=True)
class Look:
    """A tracked row of a frame; `seen`: a detector saw the face; `identity` None where nobody asked."""

    track: int
    seen: bool = True
    identity: Identity | None = None


@dataclass(slots=True)
class Visit:
    """One appearance of a face.

    Attributes:
        first_s, last_s: when it was first and last seen.
        shown_s: seconds for which it showed, holes counted in part only.
        started: that it is there was told.
        name: who it is, once that has held.
        identity: the last decision; None where nobody asked.
        lingered: that it lingers was told.
    """

    track: int
    first_s: float
    last_s: float
    shown_s: float = 0.0
    started: bool = False
    name: str | None = None
    identity: Identity | None = None
    lingered: bool = False
    candidate: str | None = None
    candidate_s: float = 0.0
    unknown_s: float | None = None
    """Since when it is unknown, without a look in between that was not."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something to tell of a visit; `before`: the name it had; `cause`: why it ended, where out of turn."""

    kind: EventKind
    visit: Visit
    before: str | None = None
    cause: str | None = None


@dataclass(slots=True)
class Visits:
    """The faces before a camera.

    Attributes:
        brief: faces that were gone before they counted as there.
        repeated: names that were not told again so soon.
        left_out: rows that were not followed since there were too many faces.
    """

    rules: Rules
    brief: int = 0
    repeated: int = 0
    left_out: int = 0
    _open: dict[int, Visit] = field(default_factory=dict)
    _named: dict[str, float] = field(default_factory=dict)
    """Name -> when somebody told to be so was last seen."""

    def __contains__(self, track: int) -> bool:
        return track in self._open

    def look(self, now: float, looks: Iterable[Look]) -> Iterator[Note]:
        """Take in the rows of a frame; what is to be told, in order."""
        for look in looks:
            visit = self._visit(look, now)
            if visit is not None and look.seen:
                yield from self._see(visit, look, now)
        yield from self._part(now)

    def end(self) -> Iterator[Note]:
        """Nobody looks any more: whoever is there is told to have left, with that cause."""
        for visit in self._open.values():
            if visit.started:
                yield Note("track_left", visit, cause="watching ended")
            else:
                self.brief += 1
        self._open.clear()
        self._named.clear()

    def _visit(self, look: Look, now: float) -> Visit | None:
        visit = self._open.get(look.track)
        if visit is None and look.seen:
            if len(self._open) >= self.rules.most:
                self.left_out += 1
                return None
            visit = self._open[look.track] = Visit(look.track, now, now)
        return visit

    def _see(self, visit: Visit, look: Look, now: float) -> Iterator[Note]:
        # A hole counts for half of what is wanted at most: two glimpses far apart are no presence.
        visit.shown_s += min(now - visit.last_s, self.rules.appear_s / 2)
        visit.last_s = now
        visit.identity = look.identity
        if not visit.started and visit.shown_s >= self.rules.appear_s:
            visit.started = True
            yield Note("track_started", visit)
        yield from self._name(visit, now)
        if visit.name is not None:
            self._named[visit.name] = now
        yield from self._linger(visit)

    def _name(self, visit: Visit, now: float) -> Iterator[Note]:
        name = None if visit.identity is None else visit.identity.name
        self._forget(visit, now)
        if name is None or name == visit.name:
            visit.candidate = None
            return
        if name != visit.candidate:
            visit.candidate, visit.candidate_s = name, now
        holds_s = self.rules.name_s if visit.name is None else self.rules.debounce_s
        if not visit.started or now - visit.candidate_s < holds_s:
            return
        before, visit.name, visit.candidate = visit.name, name, None
        if name in self._named:
            self.repeated += 1
            return
        yield Note("track_identified", visit, before=before)

    def _forget(self, visit: Visit, now: float) -> None:
        """Doubt takes no name back, but nobody stays somebody whom nobody knows any more."""
        if visit.identity is None or visit.identity.state != "unknown":
            visit.unknown_s = None
        elif visit.unknown_s is None:
            visit.unknown_s = now
        elif now - visit.unknown_s >= self.rules.debounce_s:
            visit.name = None

    def _linger(self, visit: Visit) -> Iterator[Note]:
        rules, one = self.rules, visit.identity
        nameless = visit.name is None and one is not None and one.name is None
        long = rules.linger_s > 0 and visit.last_s - visit.first_s >= rules.linger_s
        if visit.started and nameless and long and not visit.lingered:
            visit.lingered = True
            yield Note("unknown_lingering", visit)

    def _part(self, now: float) -> Iterator[Note]:
        gone = [v for v in self._open.values() if now - v.last_s >= self.rules.debounce_s and now > v.last_s]
        for visit in gone:
            del self._open[visit.track]
            if visit.started:
                yield Note("track_left", visit)
            else:
                self.brief += 1
        old = [name for name, seen_s in self._named.items() if now - seen_s >= self.rules.debounce_s]
        for name in old:
            del self._named[name]
