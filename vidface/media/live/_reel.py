"""Reel: which packets of a camera go into which file."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import av

from vidface.errors import InputError
from vidface.media.live._diskreason import NO_SIZE, disk_reason, look_for_room
from vidface.media.live._headers import renewed
from vidface.media.live._ring import Ring
from vidface.media.live._segment import Segment
from vidface.media.live._tally import Tally
from vidface.media.live._times import Times
from vidface.media.live.recordings import Recordings
from vidface.media.live.recordsettings import RecordSettings
from vidface.media.live.wire import Coded, Heard, Opened

MOST_TO_KEY: Final = 300  # as in Connection: a stream that renews its picture bit by bit has no key frames
_AGAIN_S: Final = 60.0


class Reel:
    """Puts packets into segments; belongs to one thread.

    A segment begins at a key frame: the first after `segment_s`, after a change of the headers (another
    resolution), after a leap of the stream's clock; and with each connection.

    Args:
        name: of the camera, for sentences.
        tell: is told, in one sentence each, when recording stops and when it goes on.
        deleted: is handed what was deleted, see `Recordings.sweep`.
    """

    def __init__(
        self,
        recordings: Recordings,
        settings: RecordSettings,
        name: str,
        tell: Callable[[str], None],
        *,
        deleted: Callable[[Sequence[Mapping[str, Any]]], None],
    ) -> None:
        self.tally = Tally()
        self.trouble: str | None = None
        self._recordings, self._settings = recordings, settings
        self._name, self._tell, self._deleted = name, tell, deleted
        self._opened: Opened | None = None
        self._times: Times | None = None
        self._running = self._keyless = False
        self._before_key = 0
        self._segment: Segment | None = None
        self._happened: Counter[str] = Counter()
        self._gap = self._gap_before = 0
        self.waiting = Ring(settings.before_s, lambda text: tell(f"{name}: {text}"))
        self._until = float("-inf")
        self._present: set[str] = set()
        self._again = 0.0
        self._refused: Opened | None = None
        self._silent: str | None = None

    @property
    def recording(self) -> bool:
        """A file is open."""
        return self._segment is not None

    def opened(self, opened: Opened) -> None:
        """Another connection begins."""
        self.ended()
        self._opened, self._times = opened, Times(opened)

    def ended(self) -> None:
        """The connection is over."""
        if self._times is not None:
            for timed in self._times.flush():
                self._sort(timed)
        self._finish()
        self._opened = self._times = None
        self._running = self._keyless = False
        self._before_key = 0

    def missed(self, packets: int) -> None:
        """Packets were left out before these, as this was too slow: go on at a key frame."""
        self._lose(packets)
        self._finish()
        self._running = self._keyless

    def take(self, packet: Coded | Heard) -> None:
        """The next packet of pictures, or of sound, which goes where the pictures around it go."""
        if self._times is not None:
            for timed in self._times.feed(packet):
                self._sort(timed)

    def happened(self, kind: str, track: str | None, now: float) -> None:
        """An event of this kind, at this time of arrivals."""
        settings = self._settings
        if track is not None and kind == "track_left":
            self._present.discard(track)
        if kind not in settings.on:
            return
        self._until = max(self._until, now + settings.after_s)
        if track is not None and kind != "track_left":
            self._present.add(track)
        self._happened[kind] += 1
        self.waiting.forget(now, last=self._opened is None)
        for group in self.waiting.take():
            for place, packet in enumerate(group.packets):
                if isinstance(packet, Coded):
                    self._record(group.opened, packet, begins=place == 0)
                elif self._segment is not None:
                    self._hear(self._segment, packet)
        if self._opened is None:
            self._finish()
            self._happened.clear()

    def nobody(self) -> None:
        """Those who are here will never be told to leave: who tells it has ended."""
        self._present.clear()

    def keep(self, settings: RecordSettings) -> None:
        """For how long segments are kept counts as stands here, from the next sweep on."""
        kept = {"keep_h": settings.keep_h, "keep_gb": settings.keep_gb}
        self._settings = self._settings.model_copy(update=kept)

    def sweep(self) -> None:
        """Delete what is too old or too much."""
        self._remember()
        try:
            gone = self._recordings.sweep(self._settings.keep_h, self._settings.keep_gb)
            self._deleted(gone)
        except OSError as error:
            self._tell(f"{self._name}: old recordings could not be deleted ({disk_reason(error)}).")
            return
        self.tally.deleted += len(gone)

    def close(self) -> None:
        """Finish the open segment."""
        self._remember()
        self.ended()

    def _sort(self, packet: Coded | Heard) -> None:
        """Into a file, or among those that wait for an event."""
        opened = self._opened
        if opened is None:
            return
        if isinstance(packet, Heard):
            if self._segment is not None:
                self._hear(self._segment, packet)
            elif self._settings.when == "events":
                self.waiting.add(opened, packet, begins=False)
            return
        if packet.key:
            opened = self._opened = renewed(opened, packet)
        begins = packet.key or self._keyless
        if not self._running and not begins:
            self._before_key += 1
            self._keyless = self._before_key >= MOST_TO_KEY
            self.tally.early += 1
            return
        self._running = True
        if self._wanted(packet.arrival) or (self._segment is not None and not begins):
            self._record(opened, packet, begins=begins)
            return
        self._finish()
        self.waiting.add(opened, packet, begins=begins)
        self.waiting.forget(packet.arrival, last=False)

    def _wanted(self, now: float) -> bool:
        if self._settings.when == "always":
            return True
        return bool(self._present) or now <= self._until

    def _record(self, opened: Opened, packet: Coded, *, begins: bool) -> None:
        if self._segment is not None and self._over(self._segment, opened, begins=begins):
            self._finish()
        if self._segment is None and begins:
            self._segment = self._begin(opened, packet)
        segment = self._segment
        if segment is None:
            self._lose(1)
            return
        try:
            segment.write(packet)
        except (OSError, av.error.FFmpegError) as error:
            self._stop(error)
            self._lose(1)
            return
        if segment.safe:
            self._go_on()

    def _hear(self, segment: Segment, packet: Heard) -> None:
        try:
            segment.hear(packet)
        except (OSError, av.error.FFmpegError) as error:
            self._stop(error)

    def _over(self, segment: Segment, opened: Opened, *, begins: bool) -> bool:
        aged = segment.leapt or segment.age_s >= self._settings.segment_s
        return segment.opened is not opened or (begins and aged)

    def _begin(self, opened: Opened, packet: Coded) -> Segment | None:
        if opened is self._refused or time.monotonic() < self._again:
            return None
        if not all(opened.size):
            self._say(NO_SIZE, "it begins with the first that come")
            return None
        utc_s = time.time() - (time.monotonic() - packet.arrival)
        try:
            stem = self._recordings.stem(utc_s)
            self._remember()
            look_for_room(self._recordings.folder, self._settings.free_gb, self.sweep)
            segment = Segment(stem, opened, packet, utc_s=utc_s)
        except InputError as error:
            self._refused = opened
            self.trouble = str(error)
            self._tell(f"{self._name}: is watched, but not recorded: {error}.")
            return None
        except (OSError, av.error.FFmpegError) as error:
            self._stop(error)
            return None
        self._gap_before, self._gap = self._gap, 0
        if segment.silent is not None and segment.silent != self._silent:
            self._tell(f"{self._name}: is recorded without its sound: {segment.silent}.")
        self._silent = segment.silent
        return segment

    def _remember(self) -> None:
        """Beside the index, for when this camera is watched no more; a full disk keeps nothing from going."""
        with contextlib.suppress(OSError):
            self._recordings.remember(self._settings.keep_h, self._settings.keep_gb)

    def _finish(self) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        try:
            segment.close()
        except (OSError, av.error.FFmpegError) as error:
            self._segment = segment
            self._stop(error)
            return
        self._go_on()
        self._enter(segment)

    def _stop(self, error: OSError | av.error.FFmpegError) -> None:
        """Keep what is whole of the open segment; try again later; say so once."""
        segment, self._segment = self._segment, None
        if segment is not None:
            self._lose(segment.abandon())
            if segment.packets:
                self._enter(segment)
        self._again = time.monotonic() + _AGAIN_S
        self._say(disk_reason(error), f"recording is tried again every {_AGAIN_S:.0f} s")

    def _say(self, trouble: str, then: str) -> None:
        """Once, until something has reached the disk."""
        if self.trouble is None:
            self.trouble = trouble
            self._tell(f"{self._name}: recording stops: {trouble}; watching goes on, and {then}.")

    def _go_on(self) -> None:
        """Something has reached the disk."""
        if self.trouble is not None:
            self.trouble = None
            self._tell(f"{self._name}: recording goes on.")

    def _enter(self, segment: Segment) -> None:
        """Into the index, and the count."""
        with contextlib.suppress(OSError):  # the disk is full: it is found again at the next start
            row = segment.row()
            why = {
                "why": self._settings.when,
                "events": dict(self._happened),
                "lost_before": self._gap_before,
            }
            self._recordings.append(row | why)
            self.tally.bytes += row["bytes"]
        self.tally.segments += 1
        self.tally.packets += segment.packets
        self.tally.moved += segment.moved
        self.tally.heard += segment.heard
        self._happened.clear()
        if self._recordings.bytes > (self._settings.keep_gb or float("inf")) * 1e9:
            self.sweep()

    def _lose(self, packets: int) -> None:
        self.tally.lost += packets
        self._gap += packets
