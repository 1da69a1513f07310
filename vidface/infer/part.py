"""An unfinished download: locked against other processes, checked before it gets its name."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from vidface.errors import ModelMismatchError, OutputError, UsageError
from vidface.infer.digest import Digest, difference, measure
from vidface.infer.manifest import WeightFile


class Part:
    """The unfinished file: locked against other processes, opened for appending."""

    def __init__(self, target: Path, file: WeightFile) -> None:
        self.target = target
        self.file = file
        self.path = target.with_name(f"{target.name}.part")

    def __enter__(self) -> Part:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._check_room()
            self._stream = self.path.open("ab", buffering=0)
        except OSError as error:
            raise _no_room(self.path, error) from error
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held the lock may just have moved this very file into place: then hands off.
            ours = os.path.samestat(os.fstat(self._stream.fileno()), self.path.stat())
        except (BlockingIOError, FileNotFoundError):
            ours = False
        if not ours:
            self._stream.close()
            raise UsageError(f"{self.file.name} is being fetched by another vidface right now; wait for it.")
        if not self.file.verifiable or (self.file.size is not None and self.size() > self.file.size):
            self.empty()
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def size(self) -> int:
        """Bytes so far."""
        return os.fstat(self._stream.fileno()).st_size

    def append(self, block: bytes) -> int:
        """Write all of the block; returns its length."""
        rest = memoryview(block)
        try:
            while rest:
                rest = rest[self._stream.write(rest) :]
        except OSError as error:
            raise _no_room(self.path, error) from error
        return len(block)

    def empty(self) -> None:
        """Throw away what is there."""
        if self.size():
            try:
                self._stream.truncate(0)
            except OSError as error:
                raise _no_room(self.path, error) from error

    def accept(self) -> Digest:
        """Check the file and move it into place, or empty it."""
        digest = measure(self.path, self.file)
        fault = difference(self.file, digest)
        if fault:
            raise ModelMismatchError(
                f"What came for {self.file.name} is not what its manifest describes: {fault}. "
                "It was removed; the publisher may have replaced it, or the connection may be tampered with."
            )
        self.path.replace(self.target)
        return digest

    def _check_room(self) -> None:
        have = self.path.stat().st_size if self.path.exists() else 0
        room = shutil.disk_usage(self.path.parent).free
        if self.file.size is not None and self.file.size - have > room:
            raise OutputError(
                f"{self.path.parent} has {room} bytes free, and {self.file.name} needs "
                f"{self.file.size - have}: make room, or set VIDFACE_MODELS to another folder."
            )


def _no_room(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path} cannot be written ({error.strerror}): make room, or set VIDFACE_MODELS to another folder."
    )
