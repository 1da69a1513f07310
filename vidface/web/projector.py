"""Projector: JPEGs of what is looked at, each made once for all viewers, and only while there are any."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import cv2

from vidface.data.comments import with_comment
from vidface.errors import OutputError
from vidface.web.board import Board, Shown

WIDTHS: Final = (320, 480, 640, 960, 1280, 1920)
"""Widths in which pictures are served; others would be encoded again for each viewer."""
SMALL: Final = 640
LARGE: Final = 1280
_TICK_S: Final = 0.02
_MOST_KEPT: Final = 64

Key = tuple[str, int]
"""Camera and width."""


@dataclass(frozen=True, slots=True)
class Still:
    """A picture of a camera as JPEG; `utc_s` is when it was taken, where that is known."""

    camera: str
    number: int
    utc_s: float | None
    made: float
    jpeg: bytes = field(repr=False)


class Projector:
    """Belongs to one event loop; pictures are encoded in one thread, which rests as long as it works.

    A camera's picture is encoded at most `rate` times a second, less often where the thread has more to do,
    and shared by all who look at it in that width. Nobody looking costs nothing. What a viewer has not
    fetched when the next picture comes, it never gets: slow ones see fewer pictures, not old ones.
    """

    def __init__(self, board: Board, *, rate: float = 10.0, quality: int = 80) -> None:
        self.encoded = 0
        self.failed = 0
        self._worked_s = 0.0
        self._board = board
        self._pause_s = 1 / rate
        self._quality = quality
        self._wanted: Counter[Key] = Counter()
        self._stills: dict[Key, Still] = {}
        self._changed = asyncio.Event()
        self._one_by_one = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="page-encode")

    @property
    def closed(self) -> bool:
        """Streams should end."""
        return self._closed

    @property
    def viewers(self) -> int:
        """Pairs of a viewer and a camera."""
        return self._wanted.total()

    @contextmanager
    def looking(self, keys: Iterable[Key]) -> Iterator[None]:
        """Somebody looks at these until the block is left."""
        wanted = Counter(set(keys))
        self._wanted.update(wanted)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._project())
        try:
            yield
        finally:
            self._wanted -= wanted

    def newer(self, keys: Iterable[Key], seen: MutableMapping[Key, int]) -> Iterator[Still]:
        """The newest pictures that are not in `seen`, which is kept up; each as it is when it is taken."""
        for key in keys:
            still = self._stills.get(key)
            if still is not None and still.number != seen.get(key):
                seen[key] = still.number
                yield still

    async def change(self, within_s: float) -> None:
        """Return with the next picture of any camera, or after this time."""
        try:
            await asyncio.wait_for(self._changed.wait(), within_s)
        except TimeoutError:
            return

    async def still(self, key: Key) -> Still | None:
        """One picture, not older than the pause between two; None where there is none."""
        async with self._one_by_one:
            await self._make([key])
        return self._stills.get(key)

    def close(self) -> None:
        """Let streams end, and the thread; safe to call twice."""
        self._closed = True
        self._wake()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _project(self) -> None:
        while self._wanted and not self._closed:
            worked_s = self._worked_s
            if await self._make(list(self._wanted)):
                self._wake()
            # As much rest as work: cameras are looked at by programs first, by people second.
            await asyncio.sleep(max(_TICK_S, self._worked_s - worked_s))
        if not self._wanted:
            self._stills.clear()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _make(self, keys: Iterable[Key]) -> bool:
        """Encode what is new and due; tells whether something was."""
        due: dict[Key, Shown] = {}
        for key in keys:
            shown = self._board.shown(key[0])
            if shown is None:
                self._stills.pop(key, None)
            elif self._due(self._stills.get(key), shown) and not self._closed:
                due[key] = shown
        loop, made = asyncio.get_running_loop(), time.monotonic()
        works = [loop.run_in_executor(self._thread, self._coded, due[key], key[1]) for key in due]
        # A picture that cannot be converted is one that nobody sees; the stream goes on.
        for key, done in zip(due, await asyncio.gather(*works, return_exceptions=True), strict=True):
            if isinstance(done, BaseException):
                self.failed += 1
                continue
            self.encoded += 1
            self._keep(key, Still(key[0], due[key].number, due[key].frame.utc_s, made, done))
        return bool(due)

    def _keep(self, key: Key, still: Still) -> None:
        while len(self._stills) >= _MOST_KEPT and key not in self._stills and not self._wanted:
            del self._stills[next(iter(self._stills))]
        self._stills[key] = still

    def _coded(self, shown: Shown, width: int) -> bytes:
        """In the thread; counts its processor time, which on a busy machine is far less than what passes."""
        before = time.thread_time()
        try:
            return jpeg(shown, width, self._quality)
        finally:
            self._worked_s += time.thread_time() - before

    def _due(self, still: Still | None, shown: Shown) -> bool:
        if still is None:
            return True
        return still.number != shown.number and time.monotonic() - still.made >= self._pause_s


def jpeg(shown: Shown, width: int, quality: int) -> bytes:
    """The picture at this width, or at its own if that is less, with its comment.

    Raises:
        OutputError: OpenCV cannot encode it.
    """
    bgr = shown.frame.bgr(min(width, shown.frame.size[0]))
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise OutputError("a picture for the live page could not be encoded as JPEG")
    return with_comment(data.tobytes(), shown.comment) if shown.comment else data.tobytes()


def snapped(width: int) -> int:
    """The least of `WIDTHS` that is not below."""
    return next((one for one in WIDTHS if one >= width), WIDTHS[-1])
