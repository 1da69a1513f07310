"""Segment: packets of one camera in one file, as they came; whatever stops it, what was written plays."""

from __future__ import annotations

import contextlib
import io
import os
import time
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.container import OutputContainer
from av.packet import Packet

from vidface.data.digest import sha256_of
from vidface.data.times import time_of_day
from vidface.errors import InputError
from vidface.media.live.wire import Coded, Opened
from vidface.media.orient import turn_by_matrix
from vidface.media.probe import FALLBACK_RATE

SUFFIXES: Final = {"mp4": ".mp4", "matroska": ".mkv"}
_FRAGMENT_S, _SYNC_S = 1.0, 5.0
_FORWARD_S, _BACK_S = 5.0, 1.0  # as in Timeline: less is disorder
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class SegmentFile:
    """A new file for PyAV to write into; nobody but the owner may read it.

    Attributes:
        whole: bytes that make up whole parts.
        parts: the head, and fragments.
    """

    def __init__(self, path: Path) -> None:
        self.whole = self.parts = 0
        self._fd = os.open(path, _NEW, 0o600)
        self._path = path
        self._end = 0
        self._synced: float | None = None
        self._refuses = False

    def write(self, data: bytes) -> int:
        """All of it."""
        if self._refuses:
            return len(data)
        done = 0
        while done < len(data):
            done += os.write(self._fd, data[done:])
        self._end = max(self._end, os.lseek(self._fd, 0, os.SEEK_CUR))
        return done

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of any file."""
        return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        """As of any file."""
        return os.lseek(self._fd, 0, os.SEEK_CUR)

    def settle(self) -> bool:
        """Is there more than before; then it is whole, and brought to the disk every few seconds."""
        if self._end == self.whole:
            return False
        self.whole = self._end
        self.parts += 1
        if self._synced is None:
            _sync_folder(self._path.parent)
        if self._synced is None or time.monotonic() - self._synced > _SYNC_S:
            os.fdatasync(self._fd)
            self._synced = time.monotonic()
        return True

    def cut(self) -> None:
        """Keep what is whole, and take no more."""
        self._refuses = True
        os.truncate(self._path if self._fd < 0 else self._fd, self.whole)

    def close(self) -> None:
        """Bring it to the disk and let go of it; safe to call twice."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            try:
                os.fsync(fd)
            finally:
                os.close(fd)


class Segment:
    """One file of a recording, opened with its first packet.

    Packets come with both times, see `Times`; these are moved so that decoding begins at 0. A leap of the
    stream's clock (more than 5 s forward, 1 s back) is taken out: the file goes on without it, and `leapt`
    asks for another file.

    MP4 grows in fragments of a second, and becomes a plain, indexed file when it is closed; what MP4 cannot
    hold goes into Matroska.

    Args:
        stem: path without suffix.

    Raises:
        InputError: no container takes this coding.
        OSError: the file cannot be written; from `write` and `close` as well.

    Attributes:
        packets, keys, moved: counts; `moved` of those whose times would have run backwards.
        begin: decoding time of the first packet in the stream's own units, which is 0 in the file.
    """

    def __init__(self, stem: Path, opened: Opened, first: Coded, *, utc_s: float) -> None:
        self.opened, self.first, self.last = opened, first, first
        self.utc_s = utc_s
        self.packets, self.keys, self.moved, self.leapt = 0, 0, 0, False
        self._step = max(1, round(1 / ((opened.rate or FALLBACK_RATE) * opened.time_base)))
        self.begin = first.dts or 0
        self._shift = self._due = self.begin
        self._placed = -1
        self._kept = 0, 0, first, self.begin
        name, template = _template(opened)
        self.path = stem.with_suffix(stem.suffix + SUFFIXES[name])
        self._file = SegmentFile(self.path)
        with contextlib.ExitStack() as undo:
            undo.callback(self.path.unlink, missing_ok=True)
            undo.callback(self._file.close)
            options = _options(name, opened.time_base)
            self._output = av.open(self._file, "w", format=name, container_options=options)
            self._stream = _stream(self._output, template, opened)
            self._output.metadata["creation_time"] = datetime.fromtimestamp(utc_s, UTC).isoformat()
            undo.pop_all()

    @property
    def age_s(self) -> float:
        """Seconds between its first packet and its last, by the clock of arrivals."""
        return self.last.arrival - self.first.arrival

    @property
    def safe(self) -> bool:
        """Something that plays is in the file."""
        return self._file.parts > 1

    @property
    def end(self) -> int:
        """Decoding time right behind the last packet, in the stream's own units."""
        return self._due

    def write(self, packet: Coded) -> None:
        """Add a packet."""
        before = self.packets, self.keys, self.last, self._due
        pts, dts = self._stamp(packet)
        made: Packet[Any] = Packet(packet.data)
        made.pts, made.dts = pts, dts
        made.duration = packet.duration or self._step
        made.time_base = self.opened.time_base
        made.is_keyframe = packet.key
        made.stream = self._stream
        self._output.mux_one(made)
        if self._file.settle() and self._file.parts > 1:
            self._kept = before  # a fragment is written when the packet behind it comes
        self.packets += 1
        self.keys += packet.key
        self.last = packet

    def close(self) -> None:
        """Make a plain file of it."""
        self._output.close()
        self._file.close()

    def abandon(self) -> int:
        """Close it without another byte, after a failure; the fragments before play.

        Returns:
            Packets that were not in them, and are lost; a file without fragments is gone.
        """
        with contextlib.suppress(OSError):
            self._file.cut()
        with contextlib.suppress(OSError, av.error.FFmpegError):
            self._output.close()
        with contextlib.suppress(OSError):
            self._file.close()
        lost = self.packets - self._kept[0]
        self.packets, self.keys, self.last, self._due = self._kept
        if not self.packets:
            self.path.unlink(missing_ok=True)
        return lost

    def row(self) -> dict[str, Any]:
        """The line of a closed file in the index.

        Raises:
            OSError: it cannot be read.
        """
        first, last = self.first, self.last
        lasts_s = self.age_s + float((last.duration or self._step) * self.opened.time_base)
        return {
            "file": self.path.name,
            "first": time_of_day(self.utc_s),
            "last": time_of_day(self.utc_s + lasts_s),
            "camera_first": None if first.utc_us is None else time_of_day(first.utc_us / 1e6),
            "pts": first.pts,
            "dts": self.begin,
            "end": self.end,
            "time_base": str(self.opened.time_base),
            "duration_s": round(lasts_s, 3),
            "packets": self.packets,
            "keys": self.keys,
            "moved": self.moved,
            "bytes": self.path.stat().st_size,
            "sha256": sha256_of(self.path),
            "codec": self.opened.codec,
            "size": list(self.opened.size),
        }

    def _stamp(self, packet: Coded) -> tuple[int, int]:
        """Presentation and decoding time in the file."""
        dts = self._due if packet.dts is None else packet.dts
        late_s = float((dts - self._due) * self.opened.time_base)
        if self.packets and not -_BACK_S <= late_s <= _FORWARD_S:
            self.leapt = True
            self._shift += dts - self._due
        self._due = dts + (packet.duration or self._step)
        placed = dts - self._shift
        pts = placed if packet.pts is None else packet.pts - self._shift
        if placed <= self._placed or pts < placed:
            self.moved += 1
        self._placed = max(placed, self._placed + 1)
        return max(pts, self._placed), self._placed


def _template(opened: Opened) -> tuple[str, Any]:
    """The container, and a stream of the coding that was never coded."""
    try:
        name = av.Codec(opened.codec, "r").canonical_name
    except ValueError:
        name = opened.codec
    if name == "rawvideo":
        raise InputError("its video is not compressed, which would fill any disk")
    for container in SUFFIXES:
        with contextlib.suppress(ValueError), av.open(io.BytesIO(), "w", format=container) as scratch:
            return container, scratch.add_stream(name)
    raise InputError(f"no container takes {name} as it comes")


def _stream(output: OutputContainer, template: Any, opened: Opened) -> Any:
    stream: Any = output.add_stream_from_template(template)
    context = stream.codec_context
    context.extradata = opened.extradata or None
    context.width, context.height = opened.size
    context.pix_fmt = opened.pixel_format or context.pix_fmt
    if context.name in ("hevc", "libx265") and output.format.name == "mp4":
        context.codec_tag = "hvc1"  # the tag that Apple's players insist on
    stream.time_base = opened.time_base
    if opened.matrix:
        stream.set_display_rotation(turn_by_matrix(opened.matrix).rotation)
    return stream


def _options(name: str, base: Fraction) -> dict[str, str]:
    if name != "mp4":
        return {"flush_packets": "1", "cluster_time_limit": str(round(_FRAGMENT_S * 1000))}
    scale = str(base.denominator)
    return {
        "avoid_negative_ts": "disabled",
        # Decoding begins at 0, so there is nothing to edit; the muxer would end the edit before the last
        # picture where that is not the last one to be decoded.
        "use_editlist": "0",
        "flush_packets": "1",
        "movflags": "delay_moov+default_base_moof+hybrid_fragmented",
        "frag_duration": str(round(_FRAGMENT_S * 1e6)),
        "video_track_timescale": scale,
        "movie_timescale": scale,
    }


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
