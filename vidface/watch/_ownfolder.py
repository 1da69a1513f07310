"""OwnFolder: a folder below the program's own, opened step by step so that no link is followed."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Self

_STEP: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ABSENT: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class OwnFolder:
    """An open folder; empty where a part of its path is missing, a file, or a link.

    Args:
        top: may be a link, as the user chose it.
        parts: below it.

    Raises:
        OSError: it is there and cannot be read; from every method as well.
    """

    def __init__(self, top: Path, *parts: str) -> None:
        self._fd: int | None = None
        try:
            fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            for part in parts:
                above, fd = fd, _below(fd, part)
                os.close(above)
            self._fd = fd
        except OSError as error:
            if error.errno not in _ABSENT:
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:
            os.close(self._fd)

    def files(self) -> dict[str, os.stat_result]:
        """The plain files in it."""
        return {name: facts for name, facts in self._held() if stat.S_ISREG(facts.st_mode)}

    def folders(self) -> list[str]:
        """The folders in it, by name; no links to folders."""
        return sorted(name for name, facts in self._held() if stat.S_ISDIR(facts.st_mode))

    def open(self, name: str) -> BinaryIO:
        """A file in it, for reading."""
        return os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._fd), "rb")

    def date(self, name: str, utc_s: float) -> None:
        """Say that a file was last written at this time."""
        os.utime(name, (utc_s, utc_s), dir_fd=self._fd, follow_symlinks=False)

    def delete(self, name: str) -> None:
        """Delete a file."""
        os.unlink(name, dir_fd=self._fd)

    def delete_empty(self, name: str) -> None:
        """Delete a folder in it, if that is empty."""
        with contextlib.suppress(OSError):
            os.rmdir(name, dir_fd=self._fd)

    def _held(self) -> Iterator[tuple[str, os.stat_result]]:
        if self._fd is None:
            return
        with os.scandir(self._fd) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    yield entry.name, entry.stat(follow_symlinks=False)


def _below(fd: int, part: str) -> int:
    try:
        return os.open(part, _STEP, dir_fd=fd)
    except OSError:
        os.close(fd)
        raise
