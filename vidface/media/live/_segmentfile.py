"""SegmentFile: a new file for PyAV to write into, which knows up to where it is whole."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from vidface.data.disk import sync_folder

_SYNC_S: Final = 5.0
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class SegmentFile:
    """A new file for PyAV to write into; nobody but the owner may read it.

    Attributes:
        whole: bytes that make up whole parts.
        parts: the head, and fragments.
    """

    def __init__(self, path: Path) -> None:
        self.whole = self.parts = 0
        self._fd = os.open(path, _NEW, 0o600)
        self._path = path
        self._end = 0
        self._synced: float | None = None
        self._refuses = False

    def write(self, data: bytes) -> int:
        """All of it."""
        if self._refuses:
            return len(data)
        done = 0
        while done < len(data):
            done += os.write(self._fd, data[done:])
        self._end = max(self._end, os.lseek(self._fd, 0, os.SEEK_CUR))
        return done

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of any file."""
        return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        """As of any file."""
        return os.lseek(self._fd, 0, os.SEEK_CUR)

    def settle(self) -> bool:
        """Is there more than before; then it is whole, and brought to the disk every few seconds."""
        if self._end == self.whole:
            return False
        self.whole = self._end
        self.parts += 1
        if self._synced is None:
            sync_folder(self._path.parent)
        if self._synced is None or time.monotonic() - self._synced > _SYNC_S:
            os.fdatasync(self._fd)
            self._synced = time.monotonic()
        return True

    def cut(self) -> None:
        """Keep what is whole, and take no more."""
        self._refuses = True
        os.truncate(self._path if self._fd < 0 else self._fd, self.whole)

    def close(self) -> None:
        """Bring it to the disk and let go of it; safe to call twice."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
