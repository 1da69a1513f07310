"""Segment: packets of one camera in one file, as they came; whatever stops it, what was written plays."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import av
from av.packet import Packet

from vidface.data.digest import sha256_of
from vidface.data.times import time_of_day
from vidface.media.live._container import choose
from vidface.media.live._segmentfile import SegmentFile
from vidface.media.live.wire import Coded, Heard, Opened
from vidface.media.probe import FALLBACK_RATE

_SILENCE: Final = {"pcm_mulaw": b"\xff", "pcm_alaw": b"\xd5"}
_FORWARD_S, _BACK_S = 5.0, 1.0  # as in Timeline: less is disorder


class Segment:
    """One file of a recording, opened with its first packet.

    Packets come with both times, see `Times`; these are moved so that decoding begins at 0. A leap of the
    stream's clock (more than 5 s forward, 1 s back) is taken out: the file goes on without it, and `leapt`
    asks for another file.

    MP4 grows in fragments of a second, and becomes a plain, indexed file when it is closed; what MP4 cannot
    hold goes into QuickTime or Matroska.

    Args:
        stem: path without suffix.

    Raises:
        InputError: no container takes this coding.
        OSError: the file cannot be written; from `write` and `close` as well.

    Attributes:
        packets, keys, moved: counts; `moved` of those that would be shown before they are decoded.
        heard: packets of sound; `silent` why there are none although the camera sends some.
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
        choice = choose(opened)
        self.silent = choice.silent
        self.heard = 0
        self._heard_due = 0
        self.path = stem.with_suffix(stem.suffix + choice.suffix)
        self._file = SegmentFile(self.path)
        with contextlib.ExitStack() as undo:
            undo.callback(self.path.unlink, missing_ok=True)
            undo.callback(self._file.close)
            self._output, self._stream, self._sound = choice.open(self._file, opened)
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

    def hear(self, packet: Heard) -> None:
        """Add a packet of sound; one without a time, or from behind a leap, is left out."""
        track, at = self.opened.sound, packet.dts if packet.pts is None else packet.pts
        if self._sound is None or track is None or at is None:
            return
        placed = round((at * track.time_base - self._shift * self.opened.time_base) / track.time_base)
        ahead_s = float(placed * track.time_base - (self._due - self._shift) * self.opened.time_base)
        if ahead_s > _FORWARD_S:
            return
        # Without edit lists a track, so its first packet, begins at 0; PCM cannot pause: silence fills it.
        silence = _SILENCE.get(track.codec)
        placed = max(placed, self._heard_due) if self.heard or silence is not None else 0
        filled = b"" if silence is None else silence * (track.channels * (placed - self._heard_due))
        made: Packet[Any] = Packet(filled + packet.data)
        made.pts = made.dts = placed if silence is None else self._heard_due
        made.duration, made.time_base = packet.duration, track.time_base
        samples = 1 if silence is None else len(packet.data) // track.channels
        self._heard_due = placed + max(1, samples)
        made.is_keyframe = True
        made.stream = self._sound
        self._output.mux_one(made)
        self.heard += 1

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
            "sound": None if self.opened.sound is None or not self.heard else self.opened.sound.codec,
            "size": list(self.opened.size),
        }

    def _stamp(self, packet: Coded) -> tuple[int, int]:
        """Presentation and decoding time in the file."""
        dts = self._due if packet.dts is None else packet.dts
        late_s = float((dts - self._due) * self.opened.time_base)
        leaps = not self.opened.by_arrival and not -_BACK_S <= late_s <= _FORWARD_S
        if self.packets and leaps:
            self.leapt = True
            self._shift += dts - self._due
        self._due = dts + (packet.duration or self._step)
        placed = dts - self._shift
        pts = placed if packet.pts is None else packet.pts - self._shift
        self._placed = max(placed, self._placed + 1)
        self.moved += pts < self._placed
        return max(pts, self._placed), self._placed
