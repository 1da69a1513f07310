"""Audio of the input, copied packet by packet beside the new video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from vidface.media._audiolanes import (
    CopyLane,
    EncodeLane,
    Heard,
    in_part,
    listen,
    muxer_takes,
    name_layout,
    seek_to,
    time_of,
)
from vidface.media.clock import BACK_S
from vidface.media.cut import Cut
from vidface.media.opening import open_input

_TOLD: Final = ("language", "title", "name", "handler_name")
# QuickTime's list of languages has the older codes of ISO 639-2 (and its own of Swedish); others are dropped.
_OLDER: Final = {
    "sqi": "alb", "hye": "arm", "eus": "baq", "mya": "bur", "zho": "chi", "cze": "ces", "nld": "dut",
    "fre": "fra", "kat": "geo", "deu": "ger", "ell": "gre", "isl": "ice", "mkd": "mac", "msa": "may",
    "fas": "per", "rum": "ron", "slo": "slk", "bod": "tib", "cym": "wel", "swe": "sve",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AudioFrom:
    """Where sound is copied from.

    Attributes:
        cut: packets with start <= time < stop are taken, in seconds of the input's clock.
        lead: for a file that is not the input itself: seconds to add to its times. Its sound ends where
            the pictures do.
        nameless: of what streams say of themselves only the language goes along: names may be of people.
    """

    path: Path
    cut: Cut
    lead: Fraction | None = None
    nameless: bool = False

    def heard(self, container: str) -> Heard:
        """Where its sound begins, for an output in this container.

        mp4 and mov wait with all that they write for the first packet of each stream: there it is known
        for certain.

        Raises:
            InputError: the file cannot be read any more.
        """
        cut = self.cut.earlier(self.lead or Fraction(0))
        return listen(self.path, cut, patient=container in ("mp4", "mov"))


class AudioTrack:
    """Copies every audio stream of a file; one that the container cannot hold is encoded anew.

    Copied packets are bit-identical. AAC is what takes over in mp4, mov and mkv, Opus in webm. Streams
    without sound in the part are left out.

    Args:
        output: where the streams are added; no header may be written yet.
        container: "mp4", "mov", "mkv" or "webm".
        what: the file, the part of it, and its place in time.
        heard: what `AudioFrom.heard` says of it.

    Raises:
        InputError: the input cannot be read any more.
    """

    def __init__(self, output: OutputContainer, container: str, what: AudioFrom, heard: Heard) -> None:
        self._foreign = what.lead is not None
        self._lead = what.lead or Fraction(0)
        self._cut = what.cut.earlier(self._lead)
        self._output = output
        self._told = _TOLD[:1] if what.nameless else _TOLD
        self._input = open_input(what.path)
        self._lanes: dict[int, CopyLane | EncodeLane] = {}
        self.notes: Counter[str] = Counter()
        self._shift: Fraction | None = None
        self._heard: Fraction | None = None
        self._seen: Fraction | None = None
        for stream in self._input.streams.audio:
            self._add(stream, container, heard.silent)
        self._packets = self._read()
        self._waiting: Packet[Any] | None = None

    def advance(self, time: Fraction | None, shift: Fraction = Fraction(0)) -> None:
        """Write what sounds up to `time` seconds of the input's clock; None writes the rest.

        `shift` is what the video's times are moved by at present. Where the clock leaps, sound from before
        the leap keeps the shift from before, and sound from after it waits for the video. Sound that lies
        within a leap ahead has no place any more.
        """
        self._shift = shift if self._shift is None else self._shift
        if self._foreign and time is not None:
            time += shift - self._shift
        seen, self._seen = self._seen, time
        while True:
            packet = self._waiting or next(self._packets, None)
            self._waiting = None
            if packet is None:
                return
            at = (time_of(packet) or Fraction(0)) + self._lead
            video_leapt = shift != self._shift and not self._foreign
            leaps = self._heard is not None and at < self._heard - BACK_S
            if video_leapt and shift < self._shift and seen is not None and time is not None:  # ahead
                leaps = at >= time - BACK_S
                if not leaps and at > seen + BACK_S:
                    self.notes["sound within a leap of the pictures' times was left out"] += 1
                    continue
            if time is not None and not video_leapt and (leaps or at > time):
                self._waiting = packet
                return
            if leaps:
                self._shift = shift
            self._heard = at
            for made in self._lanes[packet.stream.index].take(packet):
                self._mux(made, self._shift)

    def finish(self, end: Fraction, shift: Fraction = Fraction(0)) -> str:
        """Write the rest (up to `end` from a file that is not the input); a phrase: "copied 1 stream"."""
        self.advance(end if self._foreign else None, shift)
        for lane in self._lanes.values():
            for made in lane.rest():
                self._mux(made, self._shift or shift)
        copied = sum(isinstance(lane, CopyLane) for lane in self._lanes.values())
        encoded = len(self._lanes) - copied
        parts = [
            f"{word} {n} stream{'s' if n > 1 else ''}"
            for word, n in (("copied", copied), ("re-encoded", encoded))
            if n
        ]
        return " and ".join(parts) or "none"

    def close(self) -> None:
        """Give back the input."""
        self._packets.close()
        self._input.close()

    def _add(self, stream: AudioStream, container: str, silent: frozenset[int]) -> None:
        context: Any = stream.codec_context
        if context is None:
            self.notes["an audio stream of unknown coding was left out"] += 1
            return
        name = context.name
        if stream.index in silent or not context.sample_rate:
            self.notes[f"an audio stream ({name}) without sound was left out"] += 1
            return
        copied: Any
        # As 24-bit PCM in mp4 FFmpeg before 6, and what is made with it, plays noise.
        deep = container == "mp4" and name.startswith("pcm_s24")
        if not deep and muxer_takes(stream, self._output.format.name):
            copied = self._output.add_stream_from_template(stream)
            name_layout(copied)
            self._lanes[stream.index] = CopyLane(stream, copied, container)
        else:
            codec = "libopus" if container == "webm" else "alac" if deep else "aac"
            lane = EncodeLane(stream, self._output, codec=codec)
            self._lanes[stream.index], copied = lane, lane.stream
            mixed = f", {lane.mixed}" if lane.mixed else ""
            text = f"{container} does not hold {name} audio: it was encoded anew{mixed}"
            if deep:
                how = mixed.removeprefix(", ") or "without loss"
                text = f"{name} audio in mp4 is noise to older players: it was encoded as ALAC, {how}"
            self.notes[text] += 1
        # Which language a stream is in, and which a player begins with, is no part of its coding.
        told = {key: stream.metadata[key] for key in self._told if key in stream.metadata}
        if container == "mov" and "language" in told:
            told["language"] = _OLDER.get(told["language"], told["language"])
        copied.metadata.update(told)
        copied.disposition = stream.disposition

    def _read(self) -> Generator[Packet[Any], None, None]:
        streams = tuple(self._input.streams[index] for index in self._lanes)
        if not streams:
            return
        try:
            seek_to(self._input, self._cut)
            for packet in self._input.demux(*streams):
                at = time_of(packet)
                if packet.size and at is not None and in_part(at, self._cut):
                    yield packet
        except av.error.FFmpegError as error:
            self.notes[f"the audio ends early ({(error.strerror or 'unknown').lower()})"] += 1

    def _mux(self, packet: Packet[Any], shift: Fraction) -> None:
        shift += self._lead
        if shift and packet.pts is not None and packet.dts is not None:
            units = round(shift / packet.time_base)
            packet.pts, packet.dts = packet.pts + units, packet.dts + units
        try:
            self._output.mux_one(packet)
        except av.error.ArgumentError:
            if not packet.is_discard:  # nobody was to hear that one
                self.notes["audio packets whose times go back were left out"] += 1
