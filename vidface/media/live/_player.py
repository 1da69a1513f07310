"""Play a clip as if it were a camera, with the faults of `chaos`; runs in the child."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import av

from vidface.media.live._demux import Post, opened, video_of
from vidface.media.live.chaos import Chaos
from vidface.media.live.wire import Coded, Ended, Order, Trouble

_SLEEP_S = 0.2


def play(order: Order, post: Post) -> Trouble | Ended | None:
    """Send a clip's packets when they are due, until its end; None where another order came."""
    chaos = Chaos.of(order.player or {})
    began = time.monotonic() if order.began is None else order.began
    since = (time.monotonic() - began) * chaos.speed
    if chaos.cut_for(since):
        return Trouble("refused", "nobody listens there (chaos: cut)")
    try:
        matrix = _matrix(chaos.clip)
        container = av.open(chaos.clip, "r", metadata_errors="replace")
    except (OSError, av.error.FFmpegError) as error:
        return Trouble("usage", f"the clip cannot be played ({(error.strerror or 'unreadable').lower()})")
    with container:
        stream, trouble = video_of(container)
        if trouble is not None:
            return trouble
        if order.began is None:
            began = time.monotonic()
        post.send(opened(container, stream, matrix=matrix, began=began))
        return _Playing(chaos, container, stream, began).run(post)


class _Playing:
    def __init__(self, chaos: Chaos, container: Any, stream: Any, began: float) -> None:
        self._chaos = chaos
        self._container = container
        self._stream = stream
        self._began = began
        self._since = (time.monotonic() - began) * chaos.speed
        self._base = stream.time_base
        self._first = stream.start_time or 0
        units = stream.duration or round((container.duration or 0) / av.time_base / self._base)
        self._units = max(1, units)

    def run(self, post: Post) -> Trouble | Ended | None:
        """Send packets until the clip's end, a cut, or another order."""
        for loop, packet in self._packets():
            place = (packet.dts if packet.dts is not None else packet.pts) - self._first
            seconds = float((loop * self._units + place) * self._base)
            while (wait := self._began + seconds / self._chaos.speed - time.monotonic()) > 0:
                if post.recalled(min(wait, _SLEEP_S)):
                    return None
            if post.recalled():
                return None
            # What stands between the last key frame and now is sent now, so now's faults go for it.
            moment = max(seconds, self._since)
            if self._chaos.cut_for(moment):
                return Trouble("lost", "the camera ended the connection")
            if not self._chaos.silent(moment):
                self._send(post, packet, loop, moment)
        return Ended()

    def _send(self, post: Post, packet: Any, loop: int, moment: float) -> None:
        place = f"{loop}:{packet.dts}:{packet.pts}"
        lost, damaged = self._chaos.hits(place)
        if lost:
            return
        moved = loop * self._units + round(self._chaos.leapt(moment) / self._base)
        data = bytes(packet)
        post.send(
            Coded(
                self._chaos.damaged(data, place) if damaged else data,
                None if packet.pts is None else packet.pts + moved,
                None if packet.dts is None else packet.dts + moved,
                duration=packet.duration or 0,
                arrival=time.monotonic(),
                key=packet.is_keyframe,
                hidden=packet.is_discard,
            )
        )

    def _packets(self) -> Iterator[tuple[int, Any]]:
        """Packets from where the camera is by now, or from the key frame before that, which comes at once."""
        loop, rest = divmod(int(self._since / self._base), self._units)
        if self._since > 1:  # at its beginning a clip is played whole
            self._container.seek(self._first + rest, stream=self._stream, backward=True)
        while not self._chaos.loops or loop < self._chaos.loops:
            for packet in self._container.demux(self._stream):
                if packet.size and (packet.dts, packet.pts) != (None, None):
                    yield loop, packet
            loop += 1
            self._container.seek(self._first, stream=self._stream, backward=True)


def _matrix(clip: str) -> bytes:
    """The clip's display matrix, which does not travel with packets; empty where it has none."""
    with av.open(clip, "r", metadata_errors="replace") as container:
        if not container.streams.video:
            return b""
        try:
            picture: Any = next(container.decode(container.streams.video[0]), None)
            data = None if picture is None or not picture.rotation else picture.side_data.get("DISPLAYMATRIX")
        except (ValueError, av.error.FFmpegError):
            return b""
        return b"" if data is None else bytes(data)
