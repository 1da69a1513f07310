"""One pass over a file for what its video stream is made of: packets, pictures, and texts of its encoder."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.codec.context import Flags2
from av.sidedata.encparams import VideoEncParams
from av.sidedata.sidedata import Type

from vidface.media.opening import open_input, other_videos, raw_format, video_stream
from vidface.media.probe import canonical_codec

_TEXT: Final = re.compile(rb"(x26[45](?: \(build \d+\))? - [\x20-\x7e]{10,4000})")
_HEAD: Final = 1 << 16
"""Bytes of a key frame's packet that are searched for its encoder's text."""
_MOST_TEXTS: Final = 8
_MOST_ERRORS: Final = 8
_SWEEP: Final = 8
"""Pictures between two sweeps: PyAV ties a picture with side data into a cycle, and they are large."""
_KINDS: Final = {1: "I", 2: "P", 3: "B"}


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of the video, in order of storage.

    Attributes:
        pts, dts, duration: in units of the time base; None where not stated.
        size: bytes.
        key: a decoder can begin here.
        shown: not hidden by an edit list.
    """

    pts: int | None
    dts: int | None
    duration: int | None
    size: int
    key: bool
    shown: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded picture, in order of presentation.

    Attributes:
        kind: "I", "P", "B" or "?".
        pts: in units of the time base; None where not stated.
        key: a decoder can begin here.
        qp: mean quantiser of its blocks; NaN where the decoder does not tell.
        intra: share of its area that is predicted from itself; NaN where not known.
    """

    kind: str
    pts: int | None
    key: bool
    qp: float
    intra: float


@dataclass(slots=True)
class Reading:
    """All that one pass gives; `seconds` are ends of the streams by their packets.

    Attributes:
        timed: packets state times; not so in bare streams.
        texts: what encoders wrote into the stream, each once.
        metadata: of the container and of each stream ("video 0: encoder").
        sound: begin and end of the first audio stream in seconds, by its packets that are not hidden.
        broken: packets that could not be read or decoded.
        index: of the stream in its file.
        others: the file's other video streams and covers, as phrases.
    """

    container: str
    codec: str
    time_base: Fraction
    timed: bool
    rate: Fraction | None
    metadata: dict[str, str]
    packets: list[Packet] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    sound: tuple[Fraction, Fraction] | None = None
    broken: int = 0
    index: int = 0
    others: tuple[str, ...] = ()


def read_stream(path: Path, *, most_pictures: int) -> Reading:
    """Read every packet, and decode the first `most_pictures` pictures.

    Raises:
        InputError: it cannot be read or holds no video.
    """
    with open_input(path) as container:
        stream = video_stream(container, path)
        metadata = {str(key): str(value) for key, value in container.metadata.items()}
        for one in container.streams:
            metadata |= {f"{one.type} {one.index}: {key}": str(value) for key, value in one.metadata.items()}
        found = Reading(
            container=container.format.name,
            codec=canonical_codec(stream),
            time_base=stream.time_base or Fraction(1, 90000),
            timed=not raw_format(container),
            rate=stream.average_rate or stream.guessed_rate,
            metadata=metadata,
            index=stream.index,
            others=other_videos(container, stream),
        )
        _texts_of(bytes(stream.codec_context.extradata or b""), found)
        with _swept():
            _read(container, stream, found, most_pictures)
    return found


@contextmanager
def _swept() -> Iterator[None]:
    """Leave all that is there already out of sweeps meanwhile, so that a whole one costs next to nothing."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _read(container: Any, stream: Any, found: Reading, most: int) -> None:
    context = stream.codec_context
    # Quantisers are read while the next picture is decoded where frames have threads: each run gave others.
    context.thread_type, context.thread_count = "NONE", 1
    context.options = {"export_side_data": "venc_params"}
    context.flags2 |= Flags2.export_mvs
    sound = next(iter(container.streams.audio), None)
    wanted = [stream] if sound is None else [stream, sound]
    for packet in _packets(container, wanted, found):
        if sound is not None and packet is not None and packet.stream.index == sound.index:
            _hear(packet, found)
            continue
        if packet is not None:
            _note(packet, found)
        if len(found.pictures) < most:
            _decode(context, packet, found, most)


def _packets(container: Any, wanted: list[Any], found: Reading) -> Iterator[Any]:
    """Packets that hold data, then None; read errors are stepped over."""
    for _ in range(_MOST_ERRORS):
        try:
            for packet in container.demux(wanted):
                if packet.size:
                    yield packet
            break
        except av.error.FFmpegError:
            found.broken += 1
    yield None


def _note(packet: Any, found: Reading) -> None:
    found.packets.append(
        Packet(
            packet.pts,
            packet.dts,
            packet.duration,
            packet.size,
            bool(packet.is_keyframe),
            not packet.is_discard,
        )
    )
    found.broken += bool(packet.is_corrupt)
    if packet.is_keyframe and len(found.texts) < _MOST_TEXTS:
        _texts_of(bytes(packet)[:_HEAD], found)


def _texts_of(data: bytes, found: Reading) -> None:
    for match in _TEXT.finditer(data):
        text = match[1].decode("ascii")
        if text not in found.texts and len(found.texts) < _MOST_TEXTS:
            found.texts.append(text)


def _hear(packet: Any, found: Reading) -> None:
    # After a cut without coding anew the sound before it is still there, hidden by an edit list.
    if packet.is_discard or packet.pts is None or packet.time_base is None:
        return
    start = packet.pts * packet.time_base
    end = start + (packet.duration or 0) * packet.time_base
    low, high = found.sound or (start, end)
    found.sound = min(low, start), max(high, end)


def _decode(context: Any, packet: Any, found: Reading, most: int) -> None:
    try:
        frames = context.decode(packet)
    except av.error.FFmpegError:
        found.broken += 1
        return
    due = (len(found.pictures) + len(frames)) // _SWEEP > len(found.pictures) // _SWEEP
    found.pictures.extend(map(_picture, frames[: most - len(found.pictures)]))
    if due:
        # What is held is not swept, and pictures that are swept late are many.
        del frames
        gc.collect()


def _picture(frame: Any) -> Picture:
    qp = intra = np.nan
    for data in frame.side_data:
        if isinstance(data, VideoEncParams):
            qp = float(np.mean(data.qp_map())) if data.nb_blocks else float(data.qp)
        elif data.type == Type.MOTION_VECTORS:
            intra = _intra(data.to_ndarray(), frame.width * frame.height)
    kind = _KINDS.get(int(frame.pict_type), "?")
    return Picture(kind, frame.pts, bool(frame.key_frame), qp, np.nan if kind == "I" else intra)


def _intra(vectors: Any, area: int) -> float:
    """Share of a picture that no motion vector points into; blocks with two count once."""
    place = vectors["dst_x"].astype(np.int64) * 65536 + vectors["dst_y"]
    _, first = np.unique(place, return_index=True)
    predicted = (vectors["w"][first].astype(np.int64) * vectors["h"][first]).sum()
    return float(np.clip(1 - predicted / area, 0, 1))
