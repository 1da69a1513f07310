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
        if damaged:
            self._lost(DATA_LOST, None, pts)

    def failed(self, cause: str, pts: int | None) -> None:
        """A packet raised an error in the decoder."""
        if pts is not None:
            self._waiting.discard(pts)
        self._lost(f"{NOT_DECODED}: {cause}", 1, pts)

    def came(self, pts: int | None) -> None:
        """A picture came out. They come in order of time: what waits with an earlier one will not come."""
        if self._lag is None:
            self._lag = self.read - self.hidden
        if pts is not None:
            self._waiting.discard(pts)
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
        told = any(hole.cause.startswith(ENDS_EARLY) for hole in self._holes)
        if not told:
            self._lost(f"{ENDS_EARLY} ({cause})" if cause else ENDS_EARLY, None, None)

    def finish(self, promised: int | None) -> None:
        """The whole input is read: settle how many pictures are missing.

        Args:
            promised: how many packets the container says there are, None where it does not.
        """
        self._give_up(None)
        if self.since is not None:
            return
        absent = max(0, promised - self.read) if promised is not None else 0
        if absent:
            self.ends_early()
            last = self._holes[-1]
            self._holes[-1] = replace(last, frames=absent)
        if self.strict:
            self._settle(max(0, self.read - self.hidden - self.pictures))

    def holes(self) -> tuple[Hole, ...]:
        """All of them, in order of the stream; damaged pictures that were kept count 0 frames."""
        damaged = [
            Hole(f"{CONCEALED} in frame{f's {a} to {b}' if b > a else f' {a}'}", 0, a - 1, time)
            for a, b, time in self._damaged
        ]
        found = [hole for hole in self._holes if not self._before(hole)] + damaged
        return tuple(sorted(found, key=lambda hole: hole.after_index))

    def _before(self, hole: Hole) -> bool:
        """It lies before the part that is wanted."""
        return self.since is not None and hole.time is not None and hole.time < self.since

    def _give_up(self, before: int | None) -> None:
        """Nobody waits any longer for pictures with times below `before`; None: for none at all."""
        for late in sorted(t for t in self._waiting if before is None or t < before):
            self._waiting.discard(late)
            if self.strict:
                self._lost(NO_PICTURE, 1, late)

    def _lost(self, cause: str, frames: int | None, pts: int | None) -> None:
        after = self.after_index
        last = self._holes[-1] if self._holes else None
        if last is not None and (last.cause, last.after_index) == (cause, after):
            both = None if frames is None or last.frames is None else frames + last.frames
            self._holes[-1] = replace(last, frames=both)
            return
        time = None if pts is None else pts * self.time_base
        self._holes.append(Hole(cause, frames, after, time))

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
