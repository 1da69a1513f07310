"""LiveSource: a camera that is watched for days, as a source of frames."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

from vidface.data.frame import Frame
from vidface.data.planes import Matrix
from vidface.data.source import Hole, SourceInfo
from vidface.errors import InputError, UsageError
from vidface.media.colour import colour_of, matrix_by_name
from vidface.media.live._patience import Patience
from vidface.media.live.address import LiveAddress
from vidface.media.live.connection import Connection, Picture
from vidface.media.live.entry import Entrant, Entry, Gap
from vidface.media.live.gaps import GapBook
from vidface.media.live.line import Line
from vidface.media.live.options import LiveOptions
from vidface.media.live.wire import Coded, Message, Opened, Trouble
from vidface.media.orient import Turn, clockwise
from vidface.media.pixels import AvPixels

_SEGMENT_S = 20.0  # a server of segments may be late by two of them


class LiveSource:
    """A `vidface.data.source.Source` over a live address; it returns with the first picture.

    A lost connection (ended, silent, hanging in FFmpeg, its process dead) is tried again after 1 to 60 s
    (`Backoff`); where nobody listened, the camera's port is looked at each second, and its return cuts the
    wait short; one that does not answer is called again within 2 s. Waits begin anew once a connection has
    lasted for 30 s. The first connection is tried again like any other. A camera that falls silent after a
    few pictures may be a slow one: each time patience doubles, until they come steadily (`Patience`). Each
    new connection, each leap of the stream's clock (more than 5 s forward or 1 s back; less is disorder of
    single frames) and each change of the picture's size begins a new epoch, and a hole says why.

    A wrong password is not hammered on, since cameras answer that with a locked account: at the beginning it
    is an error at once; of a camera that was there before it is tried again every 30 to 60 s.

    Frames get indices when they are handed over, after those that were dropped; see `dropped`.

    Raises:
        InputError: the camera cannot be watched, and trying again is of no use or was given up.
        UsageError: an unknown colour matrix, or an angle that is no quarter turn.
    """

    def __init__(
        self,
        address: LiveAddress,
        options: LiveOptions | None = None,
        *,
        colorspace: str | None = None,
        lasts_s: float | None = None,
    ) -> None:
        self._address = address
        self._options = options or LiveOptions()
        self._override: Matrix | None = matrix_by_name(colorspace) if colorspace else None
        self._turned = clockwise(self._options.rotate)
        self._lasts_s = lasts_s
        self._patience = Patience(max(self._options.stall_s, _SEGMENT_S if address.segmented else 0.0))
        self._line = Line(address, self._options)
        if self._options.hangup is not None:
            self._options.hangup.attach(self._line.close)
        if address.protocol != "player":
            self._line.link.tap = self._options.recorder
        self._entry = Entry(self._options.staleness_s, rate=self._options.rate)
        self._book = GapBook()
        self._turns: dict[int, Turn] = {}
        self._thread = threading.Thread(target=self._work, name="camera-decode", daemon=True)
        self._info: SourceInfo | None = None
        self._begun = False
        self._clocks: Counter[str] = Counter()
        self._ended = "still running"
        self._forget()
        self._stream = self._entrants()
        try:
            first = next(self._stream, None)
        finally:
            if self._info is None:
                self.close()
        if first is None:
            raise InputError(f"{address.name}: ended before there was a picture.")
        if address.protocol == "player":
            return  # it is begun anew when somebody watches
        self._entry.put(first.frame, first.gaps)
        self._thread.start()

    def _forget(self) -> None:
        self._line.restart()
        self._epoch = 0
        self._given = 0
        self._connections = 0
        self._decode_s = 0.0
        self._connection: Connection | None = None
        self._size: tuple[int, int] | None = None

    @property
    def info(self) -> SourceInfo:
        """Of the first connection."""
        if self._info is None:
            raise InputError(f"{self._address.name}: ended before there was a picture.")
        return self._info

    @property
    def child(self) -> int | None:
        """Process id of what reads the camera at present."""
        return self._line.link.pid

    @property
    def dropped(self) -> Counter[str]:
        """Frames that were dropped at the entry so far, by cause."""
        return Counter(self._entry.dropped)

    @property
    def waits(self) -> bool:
        """Frames wait for room, as of a recording by HTTP."""
        return self._entry.lossless

    def thin(self, one_in: int) -> None:
        """Hand over one frame in so many from now on."""
        self._entry.thin(one_in)

    @property
    def decode_s(self) -> float:
        """Seconds spent on decoding so far."""
        return self._decode_s + (0.0 if self._connection is None else self._connection.decode_s)

    def facts(self) -> dict[str, Any]:
        """The account of the connection, for run.json."""
        return {
            "connections": self._connections,
            "transport": self._options.transport if self._address.protocol == "rtsp" else None,
            "clocks": dict(self._clocks),
            "lost_s": round(self._book.lost_s, 3),
            "longest_loss_s": round(self._book.longest_s, 3),
            "before_the_run": self._entry.early,
            "staleness_s": self._options.staleness_s,
            "ended": self._ended,
        }

    def frames(self) -> Iterator[Frame]:
        """Frames as they come, the newest first where there is a choice, until `finish` or the end."""
        if self._begun:
            raise UsageError(f"{self._address.name}: its frames can be read once; open it again.")
        self._begun = True
        if self._thread.ident is None:
            self._forget()
            self._line.link.tap = self._options.recorder  # of a player: what came before is played again
            self._stream = self._entrants()
            self._entry.open()
            self._thread.start()
        until = None if self._lasts_s is None else time.monotonic() + self._lasts_s
        index = 0
        try:
            while (entrant := self._take(until)) is not None:
                frame = replace(entrant.frame, index=index)
                self._book.note(entrant.gaps, index - 1, frame.time)
                self._clocks[frame.clock] += 1
                yield frame
                index += 1
        finally:
            self.close()
            self._book.note(self._entry.owed() + self._line.still_lost(), index - 1, None)

    def finish(self) -> None:
        """Let `frames` come to its end; may be called from a signal handler or another thread."""
        self._ended = "on request"
        self._line.closed.set()
        self._entry.end()

    def holes(self) -> tuple[Hole, ...]:
        """What is missing so far."""
        return self._book.holes()

    def close(self) -> None:
        """Let go of the camera; safe to call twice and from another thread."""
        self._entry.end()
        self._line.close()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _take(self, until: float | None) -> Entrant | None:
        left = None if until is None else until - time.monotonic()
        entrant = self._entry.take(left) if left is None or left > 0 else None
        if entrant is None and self._ended == "still running":
            self._ended = "with the input" if self._entry.ended else "in time"
        return entrant

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            for entrant in self._stream:
                self._entry.put(entrant.frame, entrant.gaps)
        except BaseException as raised:  # noqa: BLE001 - carried to the thread that takes frames, raised there
            error = raised
        self._entry.end(error)

    def _entrants(self) -> Iterator[Entrant]:
        """Every picture, connection after connection."""
        while not self._line.closed.is_set():
            answer = self._line.call()
            trouble: Message | None = answer if isinstance(answer, Trouble) else None
            if isinstance(answer, Opened):
                trouble = yield from self._watch(answer)
            if not isinstance(trouble, Trouble) or self._line.closed.is_set():
                return
            if not self._line.goes_on(trouble):
                return

    def _watch(self, opened: Opened) -> Generator[Entrant, None, Message | None]:
        """Pictures of one connection; returns why it ended."""
        try:
            options = self._options
            connection = Connection(opened, self._turns, turned=self._turned, threads=options.threads)
        except InputError as error:
            return Trouble("codec", str(error))
        self._decode_s, self._connection = self.decode_s, connection
        self._connections += 1
        self._line.began = opened.began
        first = True
        self._patience.begin()
        patience = self._options.open_s
        message = None
        while not self._line.closed.is_set():
            self._skip()
            message = self._line.link.next(patience)
            if not isinstance(message, Coded):
                break
            for picture in connection.feed(message):
                yield self._entrant(connection, picture, first)
                first = False
            self._patience.hear(message.arrival)
            if blind_s := self._patience.blind_s(time.monotonic(), self._given):
                self._line.link.kill()
                return Trouble("silent", f"packets came for {blind_s:.0f} s, but none could be decoded")
            patience = self._patience.lasts_s(connection.interval_s)
        if message is None:
            self._line.link.kill()
            self._patience.lost(connection.packets)
            return Trouble("silent", f"nothing came for {patience:.1f} s")
        for picture in connection.flush(time.monotonic()):
            yield self._entrant(connection, picture, first)
            first = False
        return message

    def _skip(self) -> None:
        if self._begun and not self._entry.lossless:
            self._entry.skipped(self._line.link.skip(time.monotonic() - self._options.staleness_s))

    def _entrant(self, connection: Connection, picture: Picture, first: bool) -> Entrant:
        """The frame of a picture, with what is missing before it."""
        frame, gaps = picture.frame, list(picture.gaps)
        turn = connection.turn(frame)
        size = turn.size(frame.width, frame.height)
        if first:
            gaps += self._line.back()
        elif picture.leap:
            gaps.append(Gap("the camera's clock leapt", 0))
        if self._size not in (None, size):
            gaps.append(Gap(f"the picture's size changed from {_times(self._size)} to {_times(size)}", 0))
        changed = self._size not in (None, size)
        if self._given and (first or picture.leap or changed):
            self._epoch += 1
        self._size = size
        if self._info is None:
            self._info = connection.info(self._address.name, frame, self._override)
            # A recording by HTTP comes as fast as it can; it waits as well as any file.
            recorded = connection.opened.duration is not None
            self._entry.lossless = recorded and self._address.protocol == "http"
        self._given += 1
        colour = colour_of(frame, override=self._override)
        utc, clock = _time_of_day(picture)
        made = Frame(
            index=0,
            pts=picture.pts,
            time_base=connection.opened.time_base,
            pixels=AvPixels(frame, colour=colour, turn=turn),
            duration=frame.duration or 0,
            epoch=self._epoch,
            arrival=picture.arrival,
            utc_s=utc,
            clock=clock,
        )
        return Entrant(made, tuple(gaps))


def _time_of_day(picture: Picture) -> tuple[float, Any]:
    """Seconds since 1970 at which the picture was taken, and whose clock says so."""
    if picture.utc_us is not None:
        return picture.utc_us / 1e6, "rtcp"
    return time.time() - (time.monotonic() - picture.arrival), "arrival"


def _times(size: tuple[int, int] | None) -> str:
    return "x".join(str(side) for side in size or ())
