"""Container: a file that takes packets as a camera coded them."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import av
from av.container import OutputContainer

from vidface.errors import InputError
from vidface.media.live.wire import Opened, SoundTrack
from vidface.media.orient import turn_by_matrix

SUFFIXES: Final = {"mp4": ".mp4", "mov": ".mov", "matroska": ".mkv"}
"""FFmpeg's names of the containers, best first; QuickTime takes the G.711 sound of many cameras."""
_FRAGMENT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Choice:
    """The container for a stream, and why its sound stays outside.

    Attributes:
        name: FFmpeg's name.
        picture, sound: streams of the codings that were never coded, to make others like them.
        silent: why the sound that comes stays outside; None where it does not, or where none comes.
    """

    name: str
    picture: Any
    sound: Any = None
    silent: str | None = None

    @property
    def suffix(self) -> str:
        """Of the file."""
        return SUFFIXES[self.name]

    def open(self, file: Any, opened: Opened) -> tuple[OutputContainer, Any, Any]:
        """The container, its stream of pictures, and its stream of sound or None."""
        output = av.open(file, "w", format=self.name, container_options=_options(self.name, opened.time_base))
        picture = _pictures(output, self.picture, opened)
        if self.sound is None or opened.sound is None:
            return output, picture, None
        return output, picture, _sounds(output, self.sound, opened.sound)


def choose(opened: Opened) -> Choice:
    """The best container that takes pictures and sound, or the pictures alone.

    Raises:
        InputError: none takes the pictures.
    """
    name = _named(opened.codec)
    if name == "rawvideo":
        raise InputError("its video is not compressed, which would fill any disk")
    sound, silent = opened.sound, None
    if sound is not None and _named(sound.codec) == "aac" and not sound.extradata:
        sound, silent = None, "its AAC sound comes as broadcast, with a header in each packet"
    plain = {container: _streams(container, name, None) for container in ("mp4", "matroska")}
    if sound is not None:
        for container in ("mp4", "mov", "matroska") if plain["mp4"] else ("matroska",):
            if (both := _streams(container, name, sound)) is not None:
                return Choice(container, *both)
        silent = f"no container takes {name} together with {_named(sound.codec)}"
    for container, streams in plain.items():
        if streams is not None:
            return Choice(container, *streams, silent=silent)
    raise InputError(f"no container takes {name} as it comes")


def _streams(container: str, name: str, sound: SoundTrack | None) -> tuple[Any, Any] | None:
    """Streams of the codings in a container that is never written; None where it does not take them."""
    with contextlib.suppress(ValueError), av.open(io.BytesIO(), "w", format=container) as scratch:
        picture = scratch.add_stream(name)
        if sound is None:
            return picture, None
        return picture, scratch.add_stream(_named(sound.codec), rate=sound.rate_hz)
    return None


def _named(codec: str) -> str:
    """The coding's own name, whichever decoder was named."""
    try:
        return av.Codec(codec, "r").canonical_name
    except ValueError:
        return codec


def _pictures(output: OutputContainer, template: Any, opened: Opened) -> Any:
    stream: Any = output.add_stream_from_template(template)
    context = stream.codec_context
    context.extradata = opened.extradata or None
    context.width, context.height = opened.size
    context.pix_fmt = opened.pixel_format or context.pix_fmt
    if context.name in ("hevc", "libx265") and output.format.name != "matroska":
        context.codec_tag = "hvc1"  # the tag that Apple's players insist on
    stream.time_base = opened.time_base
    if opened.matrix:
        # PyAV's angle is the one that brings the picture upright, counter-clockwise; ours how it lies.
        stream.set_display_rotation(-turn_by_matrix(opened.matrix).rotation % 360)
    return stream


def _sounds(output: OutputContainer, template: Any, track: SoundTrack) -> Any:
    stream: Any = output.add_stream_from_template(template)
    context = stream.codec_context
    context.extradata = track.extradata or None
    context.sample_rate = track.rate_hz
    context.layout = {1: "mono", 2: "stereo"}.get(track.channels, f"{track.channels}c")
    stream.time_base = track.time_base
    return stream


def _options(name: str, base: Fraction) -> dict[str, str]:
    # Pictures do not wait for sound that stays out for longer than this.
    common = {"flush_packets": "1", "max_interleave_delta": "500000"}
    if name == "matroska":
        return common | {"cluster_time_limit": str(round(_FRAGMENT_S * 1000))}
    scale = str(base.denominator)
    return common | {
        "avoid_negative_ts": "disabled",
        # Decoding begins at 0, so there is nothing to edit; the muxer would end the edit before the last
        # picture where that is not the last one to be decoded.
        "use_editlist": "0",
        "movflags": "delay_moov+default_base_moof+hybrid_fragmented",
        "frag_duration": str(round(_FRAGMENT_S * 1e6)),
        "video_track_timescale": scale,
        "movie_timescale": scale,
    }
