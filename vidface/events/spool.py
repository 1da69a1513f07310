"""Spool: letters that wait on disk until somebody far away has taken them; they survive a restart."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vidface.data.disk import OURS, write_whole
from vidface.data.times import NEVER_SET_S, passed_s
from vidface.errors import UsageError

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_LETTER: Final = re.compile(r"(\d{16})\.letter")
_DRAFT: Final = re.compile(r"\.\d{16}\.letter\.part|probe")
LEFT: Final = re.compile(rf"{_LETTER.pattern}|\.{_LETTER.pattern}\.part")
"""What a spool leaves of letters, whole ones and pieces."""
MOST_S: Final = 7 * 86_400.0
"""For so long a letter waits where nothing else is said."""


@dataclass(frozen=True, slots=True, eq=False)
class _Letter:
    """Waits since `since_s` of `passed_s`; `data` is None where it stands on disk under its number."""

    number: int
    size: int
    since_s: float
    data: bytes | None = None


class Spool:
    """First in, first out; when there is no room the oldest letter makes room, and is counted.

    Letters hold names and faces, so none is kept longer than `most_s`, whoever wants it.

    Where the disk takes no more, letters wait in memory under the same limits; those do not survive a
    restart. May be used from several threads; a folder belongs to one process at a time.

    Args:
        folder: made with mode 0700 where it is not there; letters that wait in it are taken over.
        most: letters.
        most_bytes: of all of them together.
        most_s: seconds that a letter may wait; however the clock is set meanwhile.
        clock: gives the time of day by which letters of an earlier process have waited.

    Attributes:
        overflowed: letters that had to make room.
        expired: letters that waited too long.
        unreadable: letters that were there and could not be read.
        trouble: why the newest letter waits in memory; None where it is on disk.

    Raises:
        UsageError: the folder cannot be made, read or written; a full disk is no reason.
    """

    def __init__(
        self,
        folder: Path,
        *,
        most: int = 10_000,
        most_bytes: int = 100_000_000,
        most_s: float = MOST_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.overflowed = 0
        self.expired = 0
        self.unreadable = 0
        self.trouble: str | None = None
        self._folder = folder
        self._most, self._most_bytes, self._most_s = most, most_bytes, most_s
        self._lock = threading.Lock()
        self._letters = deque[_Letter]()
        try:
            folder.mkdir(mode=OURS, parents=True, exist_ok=True)
            self._letters.extend(self._waiting(clock()))
            write_whole(folder / "probe", b"can letters be written here?")
            (folder / "probe").unlink()
        except OSError as error:
            self.trouble = error.strerror or str(error)
            if error.errno not in _FULL:  # until there is room they wait in memory
                raise UsageError(f"events that wait cannot be kept in {folder}: {self.trouble}") from error
        self._next = self._letters[-1].number + 1 if self._letters else 1
        self._bytes = sum(letter.size for letter in self._letters)

    def __len__(self) -> int:
        return len(self._letters)

    def put(self, data: bytes) -> None:
        """Take a letter."""
        with self._lock:
            number, self._next = self._next, self._next + 1
            kept, self.trouble = None, None
            try:
                self._folder.mkdir(mode=OURS, parents=True, exist_ok=True)
                write_whole(self._path(number), data)
            except OSError as error:
                kept, self.trouble = data, error.strerror or str(error)
            self._letters.append(_Letter(number, len(data), passed_s(), kept))
            self._bytes += len(data)
            self._expire()
            while len(self._letters) > self._most or (
                self._bytes > self._most_bytes and len(self._letters) > 1
            ):
                self._remove(self._letters[0])
                self.overflowed += 1

    def first(self) -> tuple[int, bytes] | None:
        """Number and content of the oldest letter; None where none waits."""
        with self._lock:
            self._expire()
            while self._letters:
                letter = self._letters[0]
                if letter.data is not None:
                    return letter.number, letter.data
                with contextlib.suppress(OSError):
                    return letter.number, self._path(letter.number).read_bytes()
                # Its file stays, if there is one: the next start may be able to read it.
                self._forget(letter)
                self.unreadable += 1
            return None

    def drop(self, number: int) -> None:
        """The oldest letter is no longer wanted, if it has this number: it may have had to make room."""
        with self._lock:
            if self._letters and self._letters[0].number == number:
                self._remove(self._letters[0])

    def _waiting(self, utc_s: float) -> list[_Letter]:
        """What an earlier process left; pieces of letters are removed.

        One that seems to come from the future, or from before computers had vidface, was written on a clock
        that was wrong, and waits from now on; its file is dated so, else each start would begin anew.
        """
        found, now = [], passed_s()
        for path in self._folder.iterdir():
            if _DRAFT.fullmatch(path.name):
                path.unlink()
            match = _LETTER.fullmatch(path.name)
            if match is not None and path.is_file():
                facts = path.stat()
                waited_s = utc_s - facts.st_mtime
                if utc_s > NEVER_SET_S and not (facts.st_mtime > NEVER_SET_S and waited_s >= 0):
                    with contextlib.suppress(OSError):
                        os.utime(path, (utc_s, utc_s))
                    waited_s = 0.0
                found.append(_Letter(int(match[1]), facts.st_size, now - max(0.0, waited_s)))
        return sorted(found, key=lambda letter: letter.number)

    def _expire(self) -> None:
        oldest = passed_s() - self._most_s
        while self._letters and self._letters[0].since_s < oldest:
            self._remove(self._letters[0])
            self.expired += 1

    def _forget(self, letter: _Letter) -> None:
        self._letters.popleft()
        self._bytes -= letter.size

    def _remove(self, letter: _Letter) -> None:
        self._forget(letter)
        if letter.data is None:
            with contextlib.suppress(OSError):
                self._path(letter.number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:016d}.letter"
