"""Recorder: keeps what a camera sends, as it came, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from vidface.data.event import Event
from vidface.media.live._reel import MOST_TO_KEY, Reel
from vidface.media.live.options import silent
from vidface.media.live.recordings import Recordings
from vidface.media.live.recordsettings import RecordSettings
from vidface.media.live.wire import Coded, Ended, Heard, Message, Opened, Trouble
from vidface.media.orient import UPRIGHT, Turn, clockwise, matrix_of, turn_by_matrix

_MOST_WAITING_BYTES: Final = 64 * 2**20
_MOST_WAITING: Final = 20_000
_SWEEP_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class _Happened:
    kind: str
    track: str | None
    at: float


@dataclass(frozen=True, slots=True)
class _Missed:
    packets: int


@dataclass(frozen=True, slots=True)
class _Nobody:
    """Nobody is told to be here any more."""


class Recorder:
    """Records one camera; outlives its connections, and the sources that are opened over it one by one.

    Give it to `LiveOptions.recorder` (it takes what the camera's process sends) and its events to `send`.
    Nothing here waits for the disk but the recorder's own thread; where that falls behind by 64 MiB, packets
    are left out up to the next key frame, and counted.

    Sound is recorded where the settings ask for it, and where a container takes it as it comes.

    Args:
        folder: of the segments; see `Recordings`. What a power loss left there is put into the index.
        settings: `when` must not be "off".
        name: of the camera, for sentences.
        tell: is told when recording stops and when it goes on.
        deleted: is handed what was deleted by age or size: file, bytes, because.
        clock: gives the time by which segments are old.
    """

    def __init__(
        self,
        folder: Path,
        settings: RecordSettings,
        *,
        name: str = "camera",
        tell: Callable[[str], None] = silent,
        deleted: Callable[[Sequence[Mapping[str, Any]]], None] = silent,
        rotate: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._turned = clockwise(rotate)
        self.recordings = Recordings(folder, clock)
        self._settings = settings
        self._name, self._tell = name, tell
        self._reel = Reel(self.recordings, settings, name, tell, deleted=deleted)
        self._queue: deque[Message | _Happened | _Missed | _Nobody] = deque()
        self._bytes = 0
        self._missed = self._without_key = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=f"record-{name}", daemon=True)
        self._thread.start()

    @property
    def sound(self) -> bool:
        """The sound is to be recorded as well."""
        return self._settings.sound

    def take(self, message: Message) -> None:
        """What the camera's process sent; returns at once."""
        with self._changed:
            if self._closed:
                return
            if isinstance(message, Coded | Heard) and self._left_out(message):
                self._missed += isinstance(message, Coded)
                return
            if self._missed and isinstance(message, Coded | Opened):
                self._queue.append(_Missed(self._missed))
                self._missed = self._without_key = 0
            self._queue.append(message)
            self._bytes += _size(message)
            self._changed.notify()

    def send(self, event: Event) -> None:
        """An event of this camera; returns at once."""
        self._tell_reel(_Happened(event.kind, event.track, time.monotonic()))

    def nobody(self) -> None:
        """Whoever told of faces has ended, and will tell of no leaving: nobody is here. Returns at once."""
        self._tell_reel(_Nobody())

    def keep(self, settings: RecordSettings) -> None:
        """For how long segments are kept counts as stands here from now on; the rest of it does not."""
        self._reel.keep(settings)

    def facts(self) -> dict[str, Any]:
        """The account of the recording: `state` is recording, waiting or stopped.

        `held_s`, where events are recorded: seconds before now that an event would find.
        """
        trouble = self._reel.trouble
        if not self._closed and not self._thread.is_alive():
            trouble = "its thread has failed"
        state = "stopped" if trouble else "recording" if self._reel.recording else "waiting"
        tally = asdict(self._reel.tally)
        tally["lost"] += self._missed
        held = {"held_s": round(self._reel.waiting.held_s, 1)} if self._settings.when == "events" else {}
        return {
            "when": self._settings.when,
            "state": state,
            "cause": trouble,
            "sound": self.sound,
            **held,
            **tally,
        }

    def close(self, *, within_s: float = 10.0) -> None:
        """Write what waits and finish the segment; safe to call twice."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not threading.current_thread():
            self._thread.join(within_s)

    def _tell_reel(self, item: _Happened | _Nobody) -> None:
        with self._changed:
            # There is room that packets may not take: a face whose leaving is missed would never leave.
            if not self._closed and len(self._queue) < 2 * _MOST_WAITING:
                self._queue.append(item)
                self._changed.notify()

    def _left_out(self, packet: Coded | Heard) -> bool:
        """No room, or no key frame since there was none; a stream that has none is not waited for."""
        if self._bytes + len(packet.data) > _MOST_WAITING_BYTES or len(self._queue) >= _MOST_WAITING:
            return True
        if not self._missed:
            return False
        if isinstance(packet, Heard):
            return True
        self._without_key += 1
        return not packet.key and self._without_key <= MOST_TO_KEY

    def _work(self) -> None:
        done = False
        try:
            self._record()
            done = True
        finally:
            if not done:
                self._tell(
                    f"{self._name}: recording has failed, which is a bug in vidface, and ends here until the "
                    "camera is watched anew; watching goes on."
                )

    def _record(self) -> None:
        try:
            self.recordings.recover(lambda text: self._tell(f"{self._name}: {text}"))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self._tell(f"{self._name}: what stands in {self.recordings.folder} could not be read ({reason}).")
        self._reel.sweep()
        swept = time.monotonic()
        while (item := self._next()) is not None:
            if not isinstance(item, float):
                self._serve(item)
            if time.monotonic() - swept > _SWEEP_S:
                self._reel.sweep()
                swept = time.monotonic()
        self._reel.close()

    def _next(self) -> Message | _Happened | _Missed | _Nobody | float | None:
        """What waits; None at the end; a number where nothing came for long."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed, _SWEEP_S)
            if not self._queue:
                return None if self._closed else 0.0
            item = self._queue.popleft()
            self._bytes -= _size(item)
            return item

    def _serve(self, item: Message | _Happened | _Missed | _Nobody) -> None:
        if isinstance(item, Coded | Heard):
            self._reel.take(item)
        elif isinstance(item, Opened):
            self._reel.opened(_upright(item, self._turned))
        elif isinstance(item, Trouble | Ended):
            self._reel.ended()
        elif isinstance(item, _Happened):
            self._reel.happened(item.kind, item.track, item.at)
        elif isinstance(item, _Nobody):
            self._reel.nobody()
        else:
            self._reel.missed(item.packets)


def _size(item: object) -> int:
    return len(item.data) if isinstance(item, Coded | Heard) else 0


def _upright(opened: Opened, turned: Turn) -> Opened:
    """Players are told to turn what is recorded as the picture is turned that is looked at."""
    if turned.upright:
        return opened
    own = turn_by_matrix(opened.matrix) if opened.matrix else UPRIGHT
    return replace(opened, matrix=matrix_of(own.then(turned)))
