"""WatchFolder: where everything of one `vidface watch` is written, and its account, watch.json."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from vidface.data import oncejson
from vidface.errors import OutputError, UsageError

ACCOUNT: Final = "watch.json"
_LOCK: Final = "watch.lock"


class WatchFolder:
    """Makes the folder (0700), and keeps a second program out of it as long as this one runs.

    Raises:
        UsageError: the folder cannot be made or written, or somebody writes there already.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(f"the folder {folder} cannot be made or written: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise UsageError(
                f"another vidface watch writes to {folder}; end it first, or name another folder (out:)"
            ) from None

    def told_lost(self) -> dict[str, float]:
        """Cameras that the program before this one told to be lost, and since when, by its watch.json.

        What is no such account names none.
        """
        try:
            rows = dict(oncejson.read((self.path / ACCOUNT).read_bytes())["cameras"])
        except (OSError, ValueError, TypeError, KeyError):
            return {}
        found = {}
        for name, row in rows.items():
            with contextlib.suppress(ValueError, TypeError, KeyError):
                found[name] = datetime.fromisoformat(row["told_lost"]).timestamp()
        return found

    def write(self, account: dict[str, Any]) -> None:
        """Replace watch.json as a whole; the owner alone may read it.

        Raises:
            OutputError: it cannot be written; the one before stays.
        """
        path = self.path / ACCOUNT
        part = path.with_suffix(".json.part")
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(account, file, indent=2)
                file.write("\n")
            part.replace(path)
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """Let others in."""
        os.close(self._lock)
