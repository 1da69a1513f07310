"""Sessions: a folder for each time a camera's graph begins, under a name that never comes again."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from vidface.errors import OutputError
from vidface.graph.custody import MANIFEST, SIGNATURE

_KEPT: Final = 20
_AHEAD: Final = timedelta(days=1)
_ONLY_ACCOUNTS: Final = frozenset({MANIFEST, SIGNATURE})


class Sessions:
    """FOLDER/sessions/20261121T184316Z/, one a begin of the graph; holds run.json and what outputs write.

    Of sessions whose outputs left no files the newest twenty stay, the older ones are deleted: a camera
    that comes and goes would leave thousands of accounts. The one that began last stays, and those of a time
    that is yet to come, as the clock was ahead then, are none of the newest.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "sessions"
        self._begun: str | None = None

    def begin(self) -> tuple[str, Path]:
        """Name and folder of a new session; the folder is made, 0700.

        Raises:
            OutputError: it cannot be made.
        """
        try:
            for part in (self._folder.parent, self._folder):
                part.mkdir(mode=0o700, parents=True, exist_ok=True)
            while True:
                name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
                with contextlib.suppress(FileExistsError):
                    (self._folder / name).mkdir(mode=0o700)
                    self._begun = name
                    return name, self._folder / name
                time.sleep(0.2)  # twice in one second
        except OSError as error:
            raise OutputError(f"{self._folder} cannot be made: {error.strerror}") from error

    def tidy(self) -> None:
        """Delete old sessions that hold nothing but their account."""
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
