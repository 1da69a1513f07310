"""One writer at a time: a lock that the system takes back when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vidface.errors import OutputError, UsageError

_STEP_S: Final = 0.05


class WriterLock:
    """An exclusive flock on a file of its own; who holds it stands in the file.

    Raises:
        UsageError: another process holds it for longer than `wait_s`.
        OutputError: the folder may not be written.
    """

    def __init__(self, path: Path, *, wait_s: float) -> None:
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OutputError(f"{path} cannot be opened for writing: {error.strerror}") from error
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, self._fd)
            self._wait(path, wait_s)
            undo.pop_all()
        # Never the command line: a name may stand in it.
        now = datetime.now(UTC).isoformat(timespec="seconds")
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"process {os.getpid()} since {now}".encode(), 0)

    def close(self) -> None:
        """Let go; safe to call twice."""
        if self._fd >= 0:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1

    def _wait(self, path: Path, wait_s: float) -> None:
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= until:
                    break
                time.sleep(_STEP_S)
        holder = os.pread(self._fd, 200, 0).decode(errors="replace") or "another process"
        raise UsageError(
            f"{path.parent} is being written by {holder}, and was not free within {wait_s:g} s; "
            "wait until that is done, or end it"
        )
