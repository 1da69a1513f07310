"""Folder lock: one run at a time writes into a folder; the system lets go of it when the process dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from vidface.errors import OutputExistsError


class FolderLock:
    """Holds a folder for this run until `release`. Nothing is written: the folder itself is locked.

    File systems that know no locks (some of networks) are written without.

    Raises:
        OutputExistsError: another run holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._fd: int | None = None
        with contextlib.suppress(OSError):
            self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if self._fd is None:
            return
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise OutputExistsError(
                f"another run is writing into the output folder {folder}; wait for it, or give another one"
            ) from None
        except OSError:
            self.release()

    def release(self) -> None:
        """Let the next run in; safe to call twice."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def __del__(self) -> None:
        self.release()
