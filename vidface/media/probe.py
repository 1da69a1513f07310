"""What an input is, before a frame is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidface.data.planes import Matrix
from vidface.data.source import SourceInfo
from vidface.errors import InputError
from vidface.media.colour import UNSPECIFIED, Colour, colour_of, matrix_by_name, misread
from vidface.media.opening import open_input, raw_format, shown_name, video_stream
from vidface.media.orient import UPRIGHT, Turn, turn_of
from vidface.media.planar import has_alpha

# A stream may begin with packets that need an earlier picture; this many are tried before giving up.
_MAX_PACKETS_TO_FIRST_PICTURE = 1000
STILL_CODECS = frozenset({"png", "apng", "gif", "bmp", "tiff", "webp", "pgm", "ppm", "pam", "targa"})
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
FALLBACK_RATE = Fraction(25)
ALPHA_BESIDE = "dropped: VP8 and VP9 code it beside the pictures, which alone are decoded"


@dataclass(frozen=True, slots=True)
class _Look:
    container: InputContainer
    stream: VideoStream
    frame: VideoFrame


def probe(path: str | Path, *, colorspace: str | None = None, turned: Turn = UPRIGHT) -> SourceInfo:
    """Read the headers and the first picture of a video file.

    Args:
        path: file or address.
        colorspace: "bt601", "bt709" or "bt2020" to override what the tags say.
        turned: beyond what the file asks for.

    Raises:
        InputError: it cannot be read, or holds no picture.
        UsageError: `colorspace` is none of the three.
    """
    override = matrix_by_name(colorspace) if colorspace else None
    with open_input(path) as container:
        stream = video_stream(container, path)
        frame = _first_picture(container, stream)
        if frame is None:
            raise InputError(f"{shown_name(path)}: has a video stream, but no picture in it can be decoded.")
        return _info(shown_name(path), _Look(container, stream, frame), override, turned)


def _first_picture(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    stream.thread_count = 1
    tried = 0
    try:
        for packet in container.demux(stream):
            tried += 1
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                frames = []
            if frames:
                return frames[0]
            if tried >= _MAX_PACKETS_TO_FIRST_PICTURE:
                break
    except av.error.FFmpegError:
        return None
    return None


def _info(name: str, look: _Look, override: Matrix | None, turned: Turn) -> SourceInfo:
    container, stream, frame = look.container, look.stream, look.frame
    turn = turn_of(frame).then(turned)
    codec = canonical_codec(stream)
    colour = colour_of(frame, override=override, still=codec in STILL_CODECS)
    width, height = turn.size(frame.width, frame.height)
    base = stream.time_base or Fraction(1, 90000)
    return SourceInfo(
        name=name,
        container=container.format.name,
        codec=codec,
        pixel_format=frame.format.name,
        width=width,
        height=height,
        rotation=turn.rotation,
        time_base=base,
        rate=_rate(container, stream),
        duration=_duration(container, stream),
        start=_start(stream, base),
        frames=promised_packets(container, stream),
        matrix=colour.matrix,
        full_range=colour.full_range,
        colour_source=colour.source,
        audio=tuple(_audio(track) for track in container.streams.audio),
        extra=_extra(look, colour),
    )


def canonical_codec(stream: Any) -> str:
    """The coding's own name: "av1", whichever library decodes it."""
    name = str(stream.codec_context.codec.canonical_name)
    return name or str(stream.codec_context.name)


def promised_packets(container: InputContainer, stream: VideoStream) -> int | None:
    """How many packets the container's index lists, after its edit list; None where it has none up front."""
    if not stream.frames or not container.format.name.startswith(("mov", "avi")):
        return None
    return len(stream.index_entries) or stream.frames


def promised_end(container: InputContainer, stream: VideoStream, *, part: bool = False) -> Fraction | None:
    """Seconds at which a Matroska file says that its video ends; None where nothing is promised.

    The file's own length counts only where there is no sound that could outlast the pictures.

    Args:
        part: only a part is read, so that packets cannot be counted (`promised_packets`): MP4 promises too.
    """
    if part and container.format.name.startswith("mov") and stream.duration and stream.time_base:
        return ((stream.start_time or 0) + stream.duration) * stream.time_base
    if not container.format.name.startswith("matroska"):
        return None
    tag = _duration_tag(stream)
    if tag is None and container.duration is not None and len(container.streams) == 1:
        tag = Fraction(container.duration, av.time_base)
    return tag


def _duration_tag(stream: VideoStream) -> Fraction | None:
    text = next((v for k, v in stream.metadata.items() if k.upper() == "DURATION"), None)
    if text is None or not re.fullmatch(r"\d+:\d+:\d+(\.\d+)?", text):
        return None
    hours, minutes, seconds = (Fraction(part) for part in text.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def _rate(container: InputContainer, stream: VideoStream) -> Fraction | None:
    # Bare streams know their rate only from inside; the container's 25 is a guess of FFmpeg's.
    rates = [stream.average_rate, stream.guessed_rate]
    if raw_format(container):
        rates.reverse()
    if container.format.name == "avi":
        rates.insert(0, _avi_rate(stream))
    return next((rate for rate in rates if rate), None)


def _avi_rate(stream: VideoStream) -> Fraction | None:
    """Pictures a second where some of an AVI's ticks have none: its header tells of ticks."""
    ticks, pictures, tick = stream.duration, len(stream.index_entries), stream.time_base
    if not ticks or tick is None or not 0 < pictures < ticks:
        return None
    return Fraction(pictures) / (ticks * tick)


def _start(stream: VideoStream, base: Fraction) -> Fraction | None:
    return None if stream.start_time is None else stream.start_time * base


def _duration(container: InputContainer, stream: VideoStream) -> Fraction | None:
    if stream.duration is not None and stream.time_base is not None:
        return Fraction(stream.duration * stream.time_base)
    end = _duration_tag(stream)
    if end is not None:  # Matroska counts from zero, not from the first frame
        return max(Fraction(0), end - (_start(stream, stream.time_base or Fraction(1, 1000)) or 0))
    if container.duration is not None:
        return Fraction(container.duration, av.time_base)
    return None


def _audio(track: Any) -> dict[str, Any]:
    context = track.codec_context
    return {
        "codec": canonical_codec(track) if context is not None else "unknown",
        "rate_hz": getattr(context, "sample_rate", None),
        "channels": getattr(context, "channels", None),
        "language": track.language,
    }


def _extra(look: _Look, colour: Colour) -> dict[str, Any]:
    stream, frame = look.stream, look.frame
    context = stream.codec_context
    facts: dict[str, Any] = {}
    if context.profile:
        facts["profile"] = context.profile
    if context.bit_rate:
        facts["bit_rate"] = context.bit_rate
    if frame.interlaced_frame:
        facts["interlaced"] = True
    if has_alpha(frame):
        facts["alpha"] = "dropped"
    elif stream.metadata.get("alpha_mode") == "1":
        facts["alpha"] = ALPHA_BESIDE
    wrong = misread(colour)
    if wrong:
        facts["colours"] = wrong
    ratio = stream.sample_aspect_ratio
    if ratio and ratio != 1:
        facts["sample_aspect_ratio"] = f"{ratio.numerator}:{ratio.denominator}"
    if frame.color_trc in _HDR_TRANSFERS:
        facts["hdr"] = _HDR_TRANSFERS[frame.color_trc]
    tags = (frame.color_primaries, frame.color_trc)
    if tags != (UNSPECIFIED, UNSPECIFIED):
        facts["primaries"], facts["transfer"] = tags
    if raw_format(look.container):
        facts["timestamps"] = "none in the stream: counted from its frame rate"
    elif look.container.format.name == "avi":
        facts["timestamps"] = "AVI stores no presentation times: chunk times in display order"
    others = len(look.container.streams.video) - 1
    if others:
        facts["other_video_streams"] = others
    return facts
