"""Feed: the decode thread. It reads frames, marks where segments begin, and hands over chunks.

A live source decodes in a thread of its own and drops what nobody takes: no thread stands between it and
the graph, where frames would wait and grow old.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter, thread_time

import numpy as np
from numpy.typing import NDArray

from vidface.data.frame import Frame
from vidface.data.source import Live, Source
from vidface.graph.channel import Channel
from vidface.graph.report import Ledger, NodeCost
from vidface.graph.stage import Watch
from vidface.vision import scenecut

CHUNK_BYTES = 8 * 2**20
MAX_CHUNK = 8
_MORE_ON_CARD = 8
_MOST_ON_CARD = 24
SIGNATURE_WIDTH = 64
QUEUE_FRAMES = 4
"""Decoded frames that may wait; with fewer, a detector at work on one frame in three starves the decoder."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame as it comes from the decoder, and whether a new segment begins with it."""

    frame: Frame
    new_segment: bool


def chunk_length(width: int, height: int, *, on_card: bool = False) -> int:
    """Frames per chunk so that a chunk holds at most CHUNK_BYTES of planar 4:2:0 pictures.

    Args:
        on_card: pictures lie on a card, whose networks are quick only on several at a time: eight times as
            many.
    """
    room, most = (CHUNK_BYTES * _MORE_ON_CARD, _MOST_ON_CARD) if on_card else (CHUNK_BYTES, MAX_CHUNK)
    return max(1, min(most, room // max(1, width * height * 3 // 2)))


class Feed:
    """Runs a source in a thread of its own (a live one in the caller's); iterate to get chunks of arrivals.

    Args:
        chunk: frames a chunk; the engine's results do not depend on it.
        cuts: also look for hard scene cuts.

    Attributes:
        idle_s: seconds spent on getting frames from the source; of a live one, on waiting for them.
    """

    def __init__(self, source: Source, ledger: Ledger, *, chunk: int, cuts: bool, watch: Watch) -> None:
        self.cost = NodeCost("decode", source.info.decoder)
        self.idle_s = 0.0
        self._source = source
        self._live = source if isinstance(source, Live) else None
        self._ledger = ledger
        self._chunk = chunk
        self._cuts = cuts
        self._watch = watch
        self._channel: Channel[list[Arrival]] = Channel(max(1, QUEUE_FRAMES // chunk))
        self._thread = threading.Thread(target=self._work, name="decode", daemon=True)
        self._epoch = 0
        self._signature: NDArray[np.float32] | None = None

    def __iter__(self) -> Iterator[list[Arrival]]:
        if self._live is not None:
            yield from self._chunks()
            return
        self._thread.start()
        yield from self._channel

    def stop(self) -> None:
        """Ask the thread to end, wait for it, then give the source back."""
        self._channel.abandon()
        if self._thread.ident is not None:
            self._thread.join()
        self._source.close()

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            self._read()
        except BaseException as raised:  # noqa: BLE001 - carried to the other thread, raised there
            error = raised
        self._channel.close(error)

    def _read(self) -> None:
        for chunk in self._chunks():
            if not self._channel.put(chunk):
                return

    def _chunks(self) -> Iterator[list[Arrival]]:
        frames = self._source.frames()
        chunk: list[Arrival] = []
        while True:
            begin, used = perf_counter(), thread_time()
            frame = next(frames, None)
            self.idle_s += perf_counter() - begin
            if frame is None:
                break
            chunk.append(Arrival(frame, self._begins(frame)))
            self.cost.cpu_s += thread_time() - used
            self._account(frame, begin)
            if len(chunk) >= self._chunk:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _account(self, frame: Frame, begin: float) -> None:
        end = perf_counter()
        self._ledger.decoded += 1
        self.cost.frames += 1
        self.cost.calls += 1
        # A camera's frames are waited for, which costs nothing.
        self.cost.seconds = self.cost.seconds + end - begin if self._live is None else self._live.decode_s
        self._watch("decode", begin, end, frame.index)

    def _begins(self, frame: Frame) -> bool:
        """Does a segment begin here: at the first frame, behind a gap, at a cut."""
        gap = frame.epoch != self._epoch
        self._epoch = frame.epoch
        if gap:
            self._ledger.gap(frame.index)
        if not self._cuts:
            return gap or frame.index == 0
        before, self._signature = self._signature, scenecut.signature(frame.luma(width=SIGNATURE_WIDTH))
        cut = before is not None and not gap and scenecut.is_cut(before, self._signature)
        if cut:
            self._ledger.cut(frame.index)
        return gap or cut or before is None
