"""Losses: every packet read is either a picture, or accounted for as a hole."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from vidface.data.source import Hole

CONCEALED = "decoder concealed damage"
NOT_DECODED = "packet could not be decoded"
NO_PICTURE = "packets gave no picture (they build on pictures that are missing)"
DATA_LOST = "the input lost data here"
ENDS_EARLY = "input ends early"


_EVEN = Fraction(3, 2)  # a step up to so many times the shortest one skips no picture
_NEAR_S = (
    1  # pictures are stored in another order than shown: lost data may miss later or earlier than marked
)


@dataclass(slots=True)
class _Fault:
    """Something met while packets were read, whose place among the pictures shows when they come out.

    Attributes:
        first: the pts of the first picture that does not lie before it; None where packets state none.
        time: pts to tell.
        after: index of the last picture before it, once that is known.
        widest, gap: the longest step between pictures that came since it was met, and the index before it.
    """

    cause: str
    frames: int | None
    first: int | None
    time: int | None
    after: int | None = None
    widest: int = 0
    gap: int = -1

    def see(self, pts: int | None, step: int | None, index: int) -> None:
        """A picture with this time comes next, so long after that of this index."""
        if self.after is None and (pts is None or self.first is None or self.first <= pts):
            self.after = index
        if step is not None and step > self.widest:
            self.widest, self.gap = step, index


@dataclass(slots=True)
class Losses:
    """Counts what goes into the decoder and what comes out.

    Attributes:
        time_base: seconds per unit of the times that packets state.
        read: packets of the video stream that hold data.
        hidden: those of them that an edit list keeps from being shown.
        pictures: frames that came out.
        skipped: those of them that lie before the part that is wanted.
        strict: one packet is one picture. Not so for interlaced video, where two fields may share a
            picture, nor for VP8, which sends pictures that are never shown, nor where chunks may say "as
            before": there only errors count.
        since: reading began by a seek, for a part that begins at this time: what is lost before it is nothing
            that was wanted, and packets before the first picture build on others that were not read.
    """

    time_base: Fraction
    read: int = 0
    hidden: int = 0
    pictures: int = 0
    skipped: int = 0
    strict: bool = True
    since: Fraction | None = None
    _lag: int | None = None
    _waiting: set[int] = field(default_factory=set)
    _faults: list[_Fault] = field(default_factory=list)
    _fed: int | None = None
    _last: int | None = None
    _step: int | None = None
    _holes: list[Hole] = field(default_factory=list)
    _damaged: list[tuple[int, int, Fraction]] = field(default_factory=list)

    @property
    def after_index(self) -> int:
        """Index of the last frame given out, -1 before the first."""
        return max(-1, self.pictures - self.skipped - 1)

    def feed(self, pts: int | None, *, hidden: bool, damaged: bool) -> None:
        """A packet goes to the decoder; `damaged` where the container itself marks it so."""
        self.read += 1
        self.hidden += hidden
        if pts is not None and not hidden:
            self._waiting.add(pts)
            self._fed = pts if self._fed is None else max(self._fed, pts)
        if damaged:
            self._met(DATA_LOST, None, pts)

    def failed(self, cause: str, pts: int | None) -> None:
        """A packet raised an error in the decoder."""
        if pts is not None:
            self._waiting.discard(pts)
        self._met(f"{NOT_DECODED}: {cause}", 1, pts)

    def came(self, pts: int | None) -> None:
        """A picture came out. They come in order of time: what waits with an earlier one will not come."""
        if self._lag is None:
            self._lag = self.read - self.hidden
        if pts is not None:
            self._waiting.discard(pts)
            self._place(pts)
            if self.since is not None and not self.pictures:
                self._waiting = {late for late in self._waiting if late > pts}
            self._give_up(pts)
        self.pictures += 1

    def concealed(self, index: int, time: Fraction) -> None:
        """Frame `index` is marked as damaged by the decoder itself; it is kept."""
        if self._damaged and self._damaged[-1][1] == index - 1:
            first, _, since = self._damaged[-1]
            self._damaged[-1] = (first, index, since)
        else:
            self._damaged.append((index, index, time))

    def ends_early(self, cause: str = "") -> None:
        """The demuxer met the end, or time ran out, before the container's promise was kept."""
        causes = [one.cause for one in self._holes] + [one.cause for one in self._faults]
        told = any(cause.startswith(ENDS_EARLY) for cause in causes)
        if not told:
            first = None if self._fed is None else self._fed + 1
            said = f"{ENDS_EARLY} ({cause})" if cause else ENDS_EARLY
            self._faults.append(_Fault(said, None, first, None))

    def finish(self, promised: int | None) -> None:
        """The whole input is read: settle how many pictures are missing.

        Args:
            promised: how many packets the container says there are, None where it does not.
        """
        self._give_up(None)
        self._place(None)
        if self.since is not None:
            return
        absent = max(0, promised - self.read) if promised is not None else 0
        if absent:
            self.ends_early()
            self._place(None)
            at = next(i for i, hole in enumerate(self._holes) if hole.cause.startswith(ENDS_EARLY))
            self._holes[at] = replace(self._holes[at], frames=absent)
        if self.strict:
            self._settle(max(0, self.read - self.hidden - self.pictures))

    def holes(self) -> tuple[Hole, ...]:
        """All of them, in order of the stream; damaged pictures that were kept count 0 frames."""
        damaged = [
            Hole(f"{CONCEALED} in frame{f's {a} to {b}' if b > a else f' {a}'}", 0, a - 1, time)
            for a, b, time in self._damaged
        ]
        open_ = [Hole(one.cause, one.frames, self.after_index, self._time(one.time)) for one in self._faults]
        found = [hole for hole in (*self._holes, *open_) if not self._before(hole)] + damaged
        return tuple(sorted(found, key=lambda hole: hole.after_index))

    def _before(self, hole: Hole) -> bool:
        """It lies before the part that is wanted."""
        return self.since is not None and hole.time is not None and hole.time < self.since

    def _met(self, cause: str, frames: int | None, pts: int | None) -> None:
        """A fault at a packet: the decoder still holds pictures that come before it."""
        if pts is None:
            self._lost(cause, frames, None)
        else:
            self._faults.append(_Fault(cause, frames, pts, pts))

    def _place(self, pts: int | None) -> None:
        """A picture with this time comes next (None: none any more): faults before it have their place."""
        step = None if pts is None or self._last is None else pts - self._last
        anew = pts is None or (step is not None and step < 0)  # what waits lies before a clock set anew
        waiting = []
        for one in self._faults:
            one.see(pts, None if anew else step, self.after_index)
            far = pts is not None and one.first is not None and pts > one.first + _NEAR_S / self.time_base
            if anew or (one.after is not None and (one.cause != DATA_LOST or far)):
                self._settle_fault(one)
            else:
                waiting.append(one)
        self._faults = waiting
        if step is not None and step > 0:
            self._step = step if self._step is None else min(self._step, step)
        self._last = self._last if pts is None else pts

    def _settle_fault(self, one: _Fault) -> None:
        """Lost data may have held whole pictures: where times run on evenly around it none is missing."""
        after = self.after_index if one.after is None else one.after
        if one.cause != DATA_LOST or self._step is None:
            self._lost(one.cause, one.frames, one.time, after)
        elif one.widest > _EVEN * self._step:
            self._lost(one.cause, None, one.time, one.gap)
        else:
            self._lost(one.cause, 0, one.time, after)

    def _time(self, pts: int | None) -> Fraction | None:
        return None if pts is None else pts * self.time_base

    def _give_up(self, before: int | None) -> None:
        """Nobody waits any longer for pictures with times below `before`; None: for none at all."""
        for late in sorted(t for t in self._waiting if before is None or t < before):
            self._waiting.discard(late)
            if self.strict:
                self._lost(NO_PICTURE, 1, late)

    def _lost(self, cause: str, frames: int | None, pts: int | None, after: int | None = None) -> None:
        after = self.after_index if after is None else after
        last = self._holes[-1] if self._holes else None
        if last is not None and (last.cause, last.after_index) == (cause, after):
            both = None if frames is None or last.frames is None else frames + last.frames
            self._holes[-1] = replace(last, frames=both)
            return
        self._holes.append(Hole(cause, frames, after, self._time(pts)))

    def _settle(self, missing: int) -> None:
        """An error costs a picture only as far as pictures are missing; the rest went without loss."""
        settled = []
        for hole in self._holes:
            if hole.cause.startswith((NOT_DECODED, NO_PICTURE)):
                taken = min(missing, hole.frames or 0)
                missing -= taken
                if taken or hole.cause != NO_PICTURE:
                    settled.append(replace(hole, frames=taken))
            else:
                settled.append(hole)
        self._holes = settled
        if missing:
            # Bare streams state no times: what was read before the first picture came tells the place.
            start = (self._lag or 0) > missing
            self._holes.append(Hole(NO_PICTURE, missing, -1 if start else self.after_index))
