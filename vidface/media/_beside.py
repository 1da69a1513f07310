"""What a file holds beside pictures and sound, and what of that a written video keeps."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import av
from av.container import InputContainer
from av.sidedata.sidedata import Type
from av.video.stream import VideoStream

from vidface.errors import InputError
from vidface.media.opening import open_input, video_stream
from vidface.media.steps import Steps

_KEPT: Final[tuple[str, ...]] = ("title", "creation_time")
_TECHNICAL: Final = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "software"})
_STREAMS: Final = {"subtitle": "subtitle stream", "data": "data stream", "attachment": "attachment"}
_MASTERING: Final = (Type.MASTERING_DISPLAY_METADATA, Type.CONTENT_LIGHT_LEVEL)
_MOST_PACKETS: Final = 100  # a picture of HDR comes with the first few


@dataclass(frozen=True, slots=True)
class Beside:
    """What goes along and what does not.

    Attributes:
        tags: title and date of the input, for the output's container.
        notes: what was left out, in a sentence each.
        steps: of the input's times, where its unit does not tell enough.
    """

    tags: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    steps: Steps | None = None


def beside(path: Path, *, keep: bool, hdr: bool = False) -> Beside:
    """Look at an input that a video is about to be written of.

    Args:
        path: the file; of one that cannot be read any more nothing is said.
        keep: the output may tell title and date of the input: it shows all of it, and nobody was hidden.
        hdr: it may hold the light levels of its mastering; a picture is decoded to see.
    """
    with contextlib.suppress(InputError), open_input(path) as container:
        video = video_stream(container, path)
        tags = {key.lower(): text for key, text in container.metadata.items()}
        kept = {key: tags[key] for key in _KEPT if key in tags} if keep else {}
        counts = _counted(container, video)
        counts["tag"] = len(tags.keys() - _TECHNICAL - kept.keys())
        parts = [f"{n} {what}{'s' if n > 1 else ''}" for what, n in counts.items() if n]
        notes = [f"left out of what the input holds: {', '.join(parts)}"] if parts else []
        if hdr and any(_mastered(container, video)):
            notes.append("HDR10 mastering data (light levels of the display and the content) was left out")
        return Beside(kept, tuple(notes))
    return Beside()


def _counted(container: InputContainer, video: VideoStream) -> Counter[str]:
    counts: Counter[str] = Counter()
    for stream in container.streams:
        if stream.type == "video" and stream.index != video.index:
            cover = stream.disposition & av.stream.Disposition.attached_pic
            counts["cover picture" if cover else "further video stream"] += 1
        elif stream.type == "data" and "timecode" in stream.metadata:
            counts["timecode track"] += 1
        elif stream.type in _STREAMS:
            counts[_STREAMS[stream.type]] += 1
    chapters = len(container.chapters())
    if chapters and counts["data stream"] and "mp4" in container.format.name:
        counts["data stream"] -= 1  # there chapters lie in a stream of their own
    counts["chapter"] = chapters
    return counts


def _mastered(container: InputContainer, video: VideoStream) -> Iterator[bool]:
    """Whether the first picture says so."""
    with contextlib.suppress(av.error.FFmpegError):
        for _, packet in zip(range(_MOST_PACKETS), container.demux(video), strict=False):
            for picture in packet.decode():
                said: Any = picture.side_data
                yield any(said.get(kind) is not None for kind in _MASTERING)
                return
