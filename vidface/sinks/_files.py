"""What the file-writing sinks share: private files, whole lines, exact times, plain errors."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from vidface.errors import OutputError

PRIVATE = 0o600
"""Faces and their places are biometric data: nobody but the owner reads them unless he says so."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError into a sentence that names `path`.

    Raises:
        OutputError: the file could not be written.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{path} could not be written: {reason}; what was written before is complete. "
            "Make room or choose another output folder"
        ) from error


def open_private(path: Path) -> int:
    """Descriptor of a new, empty file that only the owner may read and write."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        # The mode above counts only for a file that was not there, and less the umask.
        os.fchmod(fd, PRIVATE)
    return fd


def write_private(path: Path, data: bytes) -> None:
    """Write a whole private file.

    Raises:
        OutputError: it could not be written; nothing of it is left.
    """
    with writing(path):
        try:
            with os.fdopen(open_private(path), "wb") as file:
                file.write(data)
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()
            raise


class LineFile:
    """A private text file (UTF-8) of whole lines, also on a full disk; a kill can cut only the line at work.

    Raises:
        OutputError: from every method, where the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = 0
        self._whole = 0
        with writing(path):
            # Unbuffered: each line is one write, so that a kill finds all lines before it in the file.
            self._file = os.fdopen(open_private(path), "wb", buffering=0)

    def write(self, line: str) -> None:
        """Append a line; `line` comes without its end."""
        data = memoryview(line.encode() + b"\n")
        with writing(self.path):
            done = 0
            try:
                while done < len(data):
                    done += self._file.write(data[done:])
            except OSError:
                self._cut()
                raise
        self._whole += len(data)
        self.lines += 1

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with writing(self.path):
            self._file.close()

    def _cut(self) -> None:
        """Take back the part of a line that still went in."""
        with contextlib.suppress(OSError):
            self._file.truncate(self._whole)
            self._file.seek(self._whole)
