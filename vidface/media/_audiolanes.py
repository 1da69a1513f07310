"""What becomes of one audio stream: its packets as they are, or sound that is encoded anew."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, Final, cast

import av
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.packet import Packet

from vidface.media.cut import Cut
from vidface.media.opening import open_input
from vidface.media.reshape import Reshaper

PARSED: Final = frozenset({"ac3", "eac3"})
"""Codecs of which mp4 and mov need a packet before they can say what the stream is."""

_OPUS_RATE = 48000
_LAYOUTS: Final = frozenset({"mono", "stereo", "3.0", "quad", "5.0", "5.1"})
_USUAL: Final = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 8: "7.1"}
"""Channels -> layout, where the input says only how many there are."""
_LOOK_S = 10  # streams of a file lie interleaved; what is this far apart belongs to no common moment


class CopyLane:
    """Packets as they are; AAC as broadcast (each packet with its own header) loses that header in mp4.

    Sound that the input hides (an edit list cuts it off) stays hidden in mp4 and mov. Matroska has no word
    for that: there it is left out, but for the packet before the first that is heard, without which
    codecs with overlapping packets cannot begin.
    """

    def __init__(self, source: AudioStream, stream: Any, container: str) -> None:
        self._stream = stream
        context = source.codec_context
        bare = context.name == "aac" and not context.extradata and container in ("mp4", "mov")
        # FFmpeg would insert the filter by itself, but not into a fragmented file.
        self._filter = BitStreamFilterContext("aac_adtstoasc", source) if bare else None
        self._hides = container in ("mp4", "mov")
        self._overlaps = not context.codec.lossless
        self._before: Packet[Any] | None = None
        self._heard = False

    def take(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """The packets to write now."""
        packets = self._filter.filter(packet) if self._filter is not None else self._not_hidden(packet)
        for made in packets:
            made.stream = self._stream
        return packets

    def rest(self) -> list[Packet[Any]]:
        """Nothing is held back."""
        return []

    def _not_hidden(self, packet: Packet[Any]) -> list[Packet[Any]]:
        if self._hides:
            return [packet]
        if packet.is_discard:
            self._before = None if self._heard or not self._overlaps else packet
            return []
        before, self._before, self._heard = self._before, None, True
        return [packet] if before is None else [before, packet]


class EncodeLane:
    """Sound decoded and encoded anew.

    Args:
        codec: "aac", "libopus", or "alac", which loses nothing of 24 bits.

    Attributes:
        stream: of the output.
        mixed: "mixed down from 7.1 to stereo" where the encoder does not take the layout; else "".
    """

    def __init__(self, source: AudioStream, output: OutputContainer, *, codec: str) -> None:
        context: Any = source.codec_context
        rate = {"libopus": _OPUS_RATE, "aac": _aac_rate(context.sample_rate)}.get(codec, context.sample_rate)
        self.stream = cast(Any, output.add_stream(codec, rate=rate))
        if codec == "alac":
            self.stream.codec_context.format = "s32p"
        layout, self.mixed = _layout(context)
        self._decoder = context
        self.stream.codec_context.layout = layout
        self.stream.codec_context.time_base = Fraction(1, rate)
        self._shape = (layout, rate)
        self._tools: tuple[Reshaper, AudioResampler] | None = None

    def take(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """The packets to write now."""
        try:
            frames: list[Any] = packet.decode()
        except av.error.FFmpegError:
            return []  # a damaged packet of sound costs that packet, not the run
        reshaper, _ = self._opened()
        return [made for frame in frames for made in self._encoded(reshaper.take(frame))]

    def rest(self) -> list[Packet[Any]]:
        """What decoder and encoder still hold."""
        reshaper, framer = self._opened()
        frames: list[Any] = []
        with contextlib.suppress(av.error.FFmpegError):
            frames = self._decoder.decode(None)
        made = [packet for frame in frames for packet in self._encoded(reshaper.take(frame))]
        made += self._encoded(reshaper.rest())
        made += [packet for part in framer.resample(None) for packet in self.stream.encode(part)]
        return [*made, *self.stream.encode(None)]

    def _opened(self) -> tuple[Reshaper, AudioResampler]:
        if self._tools is None:
            context = self.stream.codec_context
            context.open(strict=False)
            layout, rate = self._shape
            # The second one changes nothing but the length of the frames, which encoders prescribe.
            framer = AudioResampler(context.format, layout, rate, context.frame_size or 1024)
            self._tools = Reshaper(context.format, layout, rate), framer
        return self._tools

    def _encoded(self, frames: Iterable[Any]) -> list[Packet[Any]]:
        made: list[Packet[Any]] = []
        _, framer = self._opened()
        unit = Fraction(1, self._shape[1])
        for frame in frames:
            if frame.pts is not None:  # in one unit, whatever the reshaper had to do
                frame.pts = round(frame.pts * frame.time_base / unit)
            frame.time_base = unit
            made += [packet for part in framer.resample(frame) for packet in self.stream.encode(part)]
        return made


def muxer_takes(stream: AudioStream, muxer: str) -> bool:
    """FFmpeg's muxer of this name takes the stream as it is.

    Only its header tells: mp4 refuses TrueHD and slow MP3, mov FLAC and Opus, though both list the codecs.
    """
    trial = av.open(BytesIO(), "w", format=muxer)
    try:
        name_layout(trial.add_stream_from_template(stream))
        trial.start_encoding()
    except (ValueError, av.error.FFmpegError):
        return False
    finally:
        with contextlib.suppress(av.error.FFmpegError):
            trial.close()
    return True


def name_layout(stream: AudioStream) -> None:
    """State the usual layout of so many channels where the input states none.

    mp4 refuses "2 channels" of PCM, which WAV and AVI hold, and says so only when its trailer is written.
    """
    context: Any = stream.codec_context
    if context.layout.name.endswith(" channels") and context.layout.nb_channels in _USUAL:
        context.layout = _USUAL[context.layout.nb_channels]


@dataclass(frozen=True, slots=True)
class Heard:
    """Where the sound of a file begins.

    Attributes:
        silent: indices of the audio streams without a packet in the part.
        late: there is sound, and that of every stream begins later than in the first seconds.
    """

    silent: frozenset[int] = frozenset()
    late: bool = False


def listen(path: Path, cut: Cut, *, patient: bool) -> Heard:
    """Look for the first sound of each stream of a part.

    Args:
        path: the file.
        cut: the part of it.
        patient: streams are looked for up to the end of the part. Otherwise the first seconds are enough: a
            stream that begins later is taken to have sound.

    Raises:
        InputError: the file cannot be read any more.
    """
    with open_input(path) as container:
        streams = container.streams.audio
        waiting = {stream.index for stream in streams}
        # Of these FFmpeg writes no header before their first packet.
        late = not any(_name(stream) in PARSED for stream in streams)
        latest: Fraction | None = None
        with contextlib.suppress(av.error.FFmpegError):
            seek_to(container, cut)
            for packet in container.demux():
                at = time_of(packet)
                if not packet.size or at is None:
                    continue
                if latest is None:
                    latest = max(at, at if cut.start is None else cut.start) + _LOOK_S
                if packet.stream.index in waiting and in_part(at, cut):
                    waiting.discard(packet.stream.index)
                    late = late and at > latest
                if not waiting or (cut.stop is not None and at > cut.stop + _LOOK_S):
                    break
                long = cut.stop is None or cut.stop > latest
                if at > latest and long and not patient:
                    return Heard()
        return Heard(frozenset(waiting), late and len(waiting) < len(streams))


def seek_to(container: Any, cut: Cut) -> None:
    """Go to where the part begins, or a little before."""
    if cut.start is not None:
        container.seek(int(max(Fraction(0), cut.start) * av.time_base), backward=True)


def in_part(at: Fraction, cut: Cut) -> bool:
    """The moment lies in the part."""
    return not cut.before(at) and not cut.behind(at)


def time_of(packet: Packet[Any]) -> Fraction | None:
    """Seconds of the file's clock."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None else stamp * packet.time_base


def _name(stream: AudioStream) -> str | None:
    """Its codec, where FFmpeg found any sound of it."""
    context: Any = stream.codec_context
    return context.name if context is not None and context.sample_rate else None


def _layout(context: Any) -> tuple[str, str]:
    """Channels to encode, as of the input where AAC and Opus take them, and what is said where not."""
    name = str(context.layout.name)
    if name.endswith(" channels"):
        name = _USUAL.get(context.channels, name)
    plain = name.removesuffix("(side)")
    if plain in _LAYOUTS:
        return plain, ""
    if context.channels > 2:
        return "stereo", f"mixed down from {name} to stereo"
    return "mono" if context.channels == 1 else "stereo", ""


def _aac_rate(rate: int) -> int:
    """The rate itself, the next higher one that AAC knows, or its highest."""
    known = sorted(av.Codec("aac", "w").audio_rates or [rate])
    return next((one for one in known if one >= rate), known[-1])
