"""Link: the parent's end of a camera's child process. It waits with time-outs, and kills what hangs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO, cast

from vidface.media.live.options import Tap, silent
from vidface.media.live.wire import Coded, Heard, Message, Order, Trouble, receive

_GRACE_S = 0.5
_MOST_WAITING_BYTES = 64 * 2**20
_LET_GO = Trouble("lost", "it was let go of")


class Backlog:
    """Messages that wait for the decoder; the pipe is always emptied, so that times of arrival stay true.

    Args:
        hear: is handed each message first, and that nothing more comes; sound goes nowhere else.
    """

    def __init__(self, hear: Callable[[Message], None] = silent) -> None:
        self._hear = hear
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False

    def put(self, message: Message) -> bool:
        """Add, waiting for room where far too much waits; False once nobody listens."""
        with self._changed:
            if not self._closed:
                self._hear(message)
            if isinstance(message, Heard):
                return not self._closed
            self._changed.wait_for(lambda: self._closed or self._bytes < _MOST_WAITING_BYTES)
            self._waiting.append(message)
            self._bytes += _size(message)
            self._changed.notify_all()
            return not self._closed

    def get(self, timeout_s: float) -> Message | None:
        """The next one; None where none comes in time, or at all."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout_s)
            if not self._waiting:
                return None
            message = self._waiting.popleft()
            self._bytes -= _size(message)
            self._changed.notify_all()
            return message

    def skip(self, older_than: float) -> int:
        """Where the next packet came before this time: go on at the last key frame that waits.

        Returns:
            Packets left out; 0 where there is no key frame to go on from.
        """
        with self._changed:
            if not self._waiting or not _older(self._waiting[0], older_than):
                return 0
            last = 0
            for place, message in enumerate(self._waiting):
                if not isinstance(message, Coded):
                    break
                last = place if message.key else last
            for _ in range(last):
                self._bytes -= _size(self._waiting.popleft())
            self._changed.notify_all()
            return last

    def close(self) -> None:
        """Wake everybody; nothing more comes."""
        with self._changed:
            if not self._closed:
                self._hear(_LET_GO)
            self._closed = True
            self._changed.notify_all()


class Link:
    """One child process at a time; after `kill` the next order starts another.

    `order`, `next` and `skip` belong to one thread; `kill` may be called from any.

    Attributes:
        tap: is handed what the child sends, as it comes; None where nobody wants it.
    """

    def __init__(self) -> None:
        self.tap: Tap | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._backlog = Backlog()
        self._said: IO[bytes] | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the child; None where none runs."""
        return None if self._process is None else self._process.pid

    def order(self, order: Order) -> bool:
        """Tell the child what to open; starts it where needed. False once closed."""
        with self._lock:
            if self._closed:
                return False
            if self._process is None or self._process.poll() is not None:
                self._end(_GRACE_S)
                self._start()
            process = cast("subprocess.Popen[bytes]", self._process)
            pipe = cast("IO[bytes]", process.stdin)
        try:
            pipe.write(order.line())
            pipe.flush()
        except (OSError, ValueError):
            return False
        return True

    def next(self, timeout_s: float) -> Message | None:
        """The next message; None where nothing comes in time."""
        return self._backlog.get(timeout_s)

    def skip(self, older_than: float) -> int:
        """See `Backlog.skip`."""
        return self._backlog.skip(older_than)

    def kill(self, *, grace_s: float = _GRACE_S) -> None:
        """End the child: SIGTERM, then SIGKILL where it does not go; what it sent before is forgotten."""
        with self._lock:
            self._end(grace_s)

    def close(self) -> None:
        """Kill, and start no more."""
        with self._lock:
            self._closed = True
        self.kill()

    def _end(self, grace_s: float) -> None:
        process, self._process = self._process, None
        reader, self._reader = self._reader, None
        self._backlog.close()
        if process is None or reader is None:
            return
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join()  # its pipe has come to its end
        for pipe in (process.stdin, self._said):
            if pipe is not None:
                _close(pipe)

    def _hear(self, message: Message) -> None:
        if self.tap is not None:
            self.tap.take(message)

    def _start(self) -> None:
        self._backlog = Backlog(self._hear)
        self._said = _scratch()
        root = str(Path(__file__).resolve().parents[3])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vidface.media.live._child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C in the terminal is for the parent, which ends the child in order
        )
        self._reader = threading.Thread(
            target=_drain, args=(self._process, self._backlog, self._said), name="camera", daemon=True
        )
        self._reader.start()


def _scratch() -> IO[bytes]:
    """A file for last words; in memory where the system can: the disk may be full when a camera is lost."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("said"), "w+b", buffering=0)
    return tempfile.TemporaryFile()  # closed with the child


def _drain(process: subprocess.Popen[bytes], backlog: Backlog, said: IO[bytes]) -> None:
    pipe = cast("BinaryIO", process.stdout)
    with pipe:
        try:
            while (message := receive(pipe)) is not None:
                if not backlog.put(message):
                    return
        except ValueError as error:
            backlog.put(Trouble("lost", f"the process that reads it sent what cannot be read ({error})"))
            return
    backlog.put(Trouble("lost", f"the process that reads it ended{_last_line(said)}"))


def _last_line(said: IO[bytes]) -> str:
    """Its last words on standard error."""
    try:
        said.seek(0)
        lines = said.read()[-2000:].decode(errors="replace").strip().splitlines()
    except (OSError, ValueError):
        return ""
    return f" ({lines[-1].strip()})" if lines else ""


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:  # an order that it did not take any more
        return


def _size(message: Message) -> int:
    return len(message.data) if isinstance(message, Coded) else 0


def _older(message: Message, than: float) -> bool:
    return isinstance(message, Coded) and message.arrival < than


def now() -> float:
    """Seconds on the clock of arrivals."""
    return time.monotonic()
