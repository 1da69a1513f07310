"""Sound of a file: decoded, mono, 16 kHz, every sample at its exact place in time."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from vidface.data.frame import Frame
from vidface.data.sound import AHEAD, PAST, SOUND_RATE, Sound, sample_at
from vidface.errors import InputError
from vidface.media.clock import BACK_S
from vidface.media.opening import open_input, shown_name
from vidface.media.reshape import Reshaper

_LEAP = BACK_S * SOUND_RATE
# Containers round times (Matroska to 1 ms) and encoders drift; sound is laid anew only beyond this.
_TOLERANCE = SOUND_RATE // 50
# Before a seek's aim: decoders with memory (MP3's bit reservoir, Opus' 80 ms) settle within this.
_PREROLL_S = 1
_MAX_READ_ERRORS = 8


@dataclass(frozen=True, slots=True)
class SoundFile:
    """A file that stands in for the input's own sound.

    Its beginning sounds with the beginning of the input, wherever both clocks start.

    Attributes:
        path: any file with sound, with or without pictures.
        begin: seconds of its own clock at which the file begins.
        duration: seconds from its beginning to the end of its sound.
        codec: of the sound track.
    """

    path: Path
    begin: Fraction
    duration: Fraction
    codec: str

    def lead(self, origin: Fraction) -> Fraction:
        """Seconds to add to its times to be on the clock of an input that begins at `origin`."""
        return origin - self.begin


@dataclass(slots=True)
class Block:
    """Samples in one piece, from place `first` on; `leap` where the track's clock was set back before it."""

    first: int
    samples: NDArray[np.float32]
    leap: bool = False

    @property
    def end(self) -> int:
        return self.first + len(self.samples)


class SoundReader:
    """A `vidface.data.sound.SoundSource` over the best sound track of a file.

    Decoded as far as the frames ask and forgotten behind them: a long file costs no more memory than a
    short one. Times are the track's own: a late start, a gap and a damaged part are zeros, and where times
    and sample count drift apart by over 20 ms the sound is laid anew. A file without track is silence, with
    a note. Where the frames' clock leaps back, the track is read on to where its own clock does.

    Args:
        path: the file.
        start: seconds of its clock; nothing much earlier will be asked for.
        lead: seconds to add to the file's times to be on the frames' clock.

    Raises:
        InputError: the file cannot be opened.
    """

    def __init__(self, path: Path, *, start: Fraction | None = None, lead: Fraction = Fraction(0)) -> None:
        self._name = shown_name(path)
        self._path = path
        self._lead = lead
        self.notes: Counter[str] = Counter()
        self._blocks: deque[Block] = deque()
        self._waiting: Block | None = None
        self._ended = False
        self._last: int | None = None
        self._container: InputContainer = open_input(path)
        self._stream: Any = best_track(self._container)
        if self._stream is None:
            self.notes[f"{self._name} has no sound, so every frame gets silence; --audio gives it some"] += 1
        self._source: Iterator[Block] = self._from(None if start is None else start - lead)

    def at(self, frame: Frame) -> Sound:
        """The sound around a frame; frames come in order."""
        now = sample_at(frame.time)
        if self._stream is None:
            return Sound.none(now)
        leapt = self._last is not None and now < self._last - _LEAP
        self._last = now
        first, end = now - PAST, now + AHEAD
        self._read(end, leapt=leapt)
        while self._blocks and self._blocks[0].end <= first - _LEAP:
            self._blocks.popleft()
        samples = np.zeros(end - first, np.float32)
        for block in self._blocks:
            low, high = max(first, block.first), min(end, block.end)
            if high > low:
                samples[low - first : high - first] = block.samples[low - block.first : high - block.first]
        return Sound(samples, first, now)

    def blocks(self) -> Iterator[Block]:
        """The whole track in pieces, for whoever wants no frames; instead of `at`, not beside it."""
        return self._source

    def facts(self) -> dict[str, Any]:
        """Where the sound came from, and what was odd."""
        told = [f"{text} ({n} times)" if n > 1 else text for text, n in self.notes.items()]
        track = None if self._stream is None else self._stream.codec_context.name
        return {"file": self._name, "track": track, "rate_hz": SOUND_RATE, "notes": told}

    def close(self) -> None:
        """Give back the file; safe to call twice."""
        self._ended = True
        self._container.close()

    def _read(self, end: int, *, leapt: bool) -> None:
        """Decode until `end` is reached; across a leap of the track's clock only if the frames leapt."""
        while not self._ended and (leapt or not self._blocks or self._blocks[-1].end < end):
            block = self._waiting or next(self._source, None)
            self._waiting = None
            if block is None:
                self._ended = True
            elif block.leap and not leapt:
                self._waiting = block
                return
            elif block.leap or not leapt:
                if block.leap:
                    self._blocks.clear()
                block.leap, leapt = False, False
                self._keep(block)

    def _keep(self, block: Block) -> None:
        """Append, and do not hold on to what lies behind every frame to come."""
        self._blocks.append(block)
        oldest = (self._last if self._last is not None else block.end) - PAST - _LEAP
        while self._blocks and self._blocks[0].end <= oldest:
            self._blocks.popleft()

    def _from(self, start: Fraction | None) -> Iterator[Block]:
        """Blocks from `start` (of the file's own clock) or a little earlier on."""
        if self._stream is None:
            return
        aim = None if start is None else start - Fraction(PAST, SOUND_RATE) - _PREROLL_S
        if aim is not None and aim > self._begin():
            self._container.seek(int(aim * av.time_base), backward=True)
            blocks = self._laid()
            head = next(blocks, None)
            # An index that leads behind the aim is not believed: better slow than deaf.
            if head is not None and head.first <= sample_at(aim + _PREROLL_S + self._lead):
                yield head
                yield from blocks
                return
            self._container.seek(int(self._begin() * av.time_base), backward=True)
        yield from self._laid()

    def _begin(self) -> Fraction:
        return Fraction(self._container.start_time or 0, av.time_base)

    def _laid(self) -> Generator[Block, None, None]:
        """Decoded pieces at their places: in one row while stated times agree with the count of samples."""
        place: int | None = None
        for time, samples in self._resampled():
            stated = None if time is None else round((time + self._lead) * SOUND_RATE)
            first = stated if place is None or stated is None else place
            leap = False
            if stated is not None and place is not None and abs(stated - place) > _TOLERANCE:
                leap = stated < place - _LEAP
                self.notes["the sound's times jump" if leap else "the sound has gaps or overlaps"] += 1
                first = stated
            block = Block(first or 0, samples, leap)
            place = block.end
            yield block

    def _resampled(self) -> Generator[tuple[Fraction | None, NDArray[np.float32]], None, None]:
        reshaper = Reshaper("fltp", "mono", SOUND_RATE)
        for frame in self._decoded():
            yield from _pieces(reshaper.take(frame))
        yield from _pieces(reshaper.rest())

    def _decoded(self) -> Generator[Any, None, None]:
        errors = 0
        while errors < _MAX_READ_ERRORS:
            try:
                for packet in self._container.demux(self._stream):
                    errors = 0 if packet.size else errors
                    yield from self._frames(packet)
                return
            except av.error.FFmpegError as error:
                errors += 1
                self.notes[f"the sound ends early ({(error.strerror or 'unknown').lower()})"] += 1

    def _frames(self, packet: Any) -> list[Any]:
        try:
            return list(packet.decode())
        except av.error.EOFError:
            return []
        except av.error.FFmpegError:
            self.notes["a piece of the sound is damaged and silent"] += 1
            return []


class Silence:
    """A `vidface.data.sound.SoundSource` without a track: zeros, and the reason."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def at(self, frame: Frame) -> Sound:
        """Silence around a frame."""
        return Sound.none(sample_at(frame.time))

    def facts(self) -> dict[str, Any]:
        """Why there is no sound."""
        return {"file": None, "track": None, "rate_hz": SOUND_RATE, "notes": [self._reason]}

    def close(self) -> None:
        """Nothing is held."""


def best_track(container: InputContainer) -> Any:
    """The sound track that FFmpeg would play, among those that it can decode; None where there is none."""
    usable = [stream for stream in container.streams.audio if stream.codec_context is not None]
    best = container.streams.best("audio")
    return next((s for s in usable if best is not None and s.index == best.index), next(iter(usable), None))


def sound_file(path: Path) -> SoundFile:
    """Look at a file whose sound is to go with an input.

    Its packets are counted once through: headers of streamed and raw files misstate their length.

    Raises:
        InputError: it cannot be read or has no sound.
    """
    with open_input(path) as container:
        track = best_track(container)
        if track is None:
            found = ", ".join(stream.type for stream in container.streams) or "no stream at all"
            raise InputError(f"{shown_name(path)}: wanted a file with sound, but found only {found}.")
        begin = Fraction(container.start_time or 0, av.time_base)
        end, codec = begin, str(track.codec_context.name)
        try:
            for packet in container.demux(track):
                if packet.pts is not None and packet.size:
                    end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
        except av.error.FFmpegError:
            pass  # what can be read is what there is
    if end <= begin:
        raise InputError(f"{shown_name(path)}: has a sound track, but nothing in it can be read.")
    return SoundFile(path, begin, end - begin, codec)


def _pieces(frames: Any) -> Iterator[tuple[Fraction | None, NDArray[np.float32]]]:
    for frame in frames:
        samples = np.clip(frame.to_ndarray()[0], -1, 1).astype(np.float32, copy=False)
        yield (None if frame.pts is None else frame.pts * frame.time_base), samples
