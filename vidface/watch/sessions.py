"""Sessions: a folder for each time a camera's graph begins, under a name that never comes again."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from vidface.data.disk import write_whole
from vidface.errors import OutputError
from vidface.graph.custody import MANIFEST, SIGNATURE

_KEPT: Final = 20
_AHEAD: Final = timedelta(days=1)
_ONLY_ACCOUNTS: Final = frozenset({MANIFEST, SIGNATURE})
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_ACCOUNT_BYTES: Final = 1 << 16
"""There is room for an account, and for the same once more while it is replaced."""
_MEMORY: Final = "/dev/shm"


class Sessions:
    """FOLDER/sessions/20261121T184316Z/, one a begin of the graph; holds run.json and what outputs write.

    Of sessions whose outputs left no files the newest twenty stay, the older ones are deleted: a camera
    that comes and goes would leave thousands of accounts. The one that began last stays, and those of a time
    that is yet to come, as the clock was ahead then, are none of the newest.

    Where the disk is full, a graph that writes no files of its own is begun all the same, with its account in
    memory: what it tells of goes to others.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "sessions"
        self._begun: str | None = None
        self._in_memory = False
        # By a name of its own: what a killed process left is found again, and is no more memory lost.
        name = hashlib.sha256(os.fsencode(self._folder.absolute())).hexdigest()[:24]
        self._spare = Path(_MEMORY) / f"vidface-{name}"

    @property
    def in_memory(self) -> bool:
        """The account of the session that began last is written nowhere, as the disk is full."""
        return self._in_memory

    def begin(self, *, only_account: bool = False) -> tuple[str, Path]:
        """Name and folder of a new session; the folder is made, 0700.

        Args:
            only_account: nothing but run.json will be written.

        Raises:
            OutputError: it cannot be made.
        """
        self._forget_spare()
        try:
            return self._on_disk()
        except OSError as error:
            if only_account and error.errno in _FULL:
                with contextlib.suppress(OSError):
                    self._spare.mkdir(mode=0o700)
                    self._in_memory = True
                    return self._next_name(), self._spare
            raise OutputError(f"{self._folder} cannot be made: {error.strerror}") from error

    def tidy(self) -> None:
        """Delete old sessions that hold nothing but their account."""
        self._forget_spare()
        to_come = f"{datetime.now(UTC) + _AHEAD:%Y%m%dT%H%M%SZ}"
        with contextlib.suppress(OSError):
            found = sorted(self._folder.iterdir(), key=lambda path: (path.name < to_come, path.name))
            for folder in found[:-_KEPT]:
                if folder.is_symlink() or not folder.is_dir() or folder.name == self._begun:
                    continue
                held = list(folder.iterdir())
                if {path.name for path in held} <= _ONLY_ACCOUNTS:
                    for path in held:
                        path.unlink()
                    folder.rmdir()

    def _on_disk(self) -> tuple[str, Path]:
        for part in (self._folder.parent, self._folder):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            name = self._next_name()
            with contextlib.suppress(FileExistsError):
                folder = self._folder / name
                folder.mkdir(mode=0o700)
                _look_for_room(folder)
                return name, folder
            time.sleep(0.2)

    def _next_name(self) -> str:
        """The time, but none that was just given."""
        while (name := f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}") == self._begun:
            time.sleep(0.2)  # twice in one second
        self._begun = name
        return name

    def _forget_spare(self) -> None:
        self._in_memory = False
        shutil.rmtree(self._spare, ignore_errors=True)


def _look_for_room(folder: Path) -> None:
    """See that an account can be written; else the folder goes.

    Raises:
        OSError: it cannot.
    """
    probe = folder / "probe"
    try:
        write_whole(probe, bytes(_ACCOUNT_BYTES))
        probe.unlink()
    except OSError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise
