"""DeletionLog: what was deleted since its time was over, without names of people."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from vidface.data.times import time_of_day

LOG: Final = "deleted.jsonl"
_OLDER_LOG: Final = "deleted.1.jsonl"
_MOST_LOG_BYTES: Final = 4 * 2**20


class DeletionLog:
    """OUT/deleted.jsonl: appended only, 0600; begun anew at 4 MiB, with the one before beside it.

    Safe from any thread.
    """

    def __init__(self, out: Path) -> None:
        self._path = out / LOG
        self._lock = threading.Lock()

    def note(self, place: str, gone: Sequence[Mapping[str, Any]]) -> None:
        """Files that were deleted below `place`.

        Raises:
            OSError: it cannot be written.
        """
        if not gone:
            return
        at = time_of_day(time.time())
        lines = "".join(
            json.dumps({"at": at, **row, "file": f"{place}/{row['file']}"}, separators=(",", ":")) + "\n"
            for row in gone
        )
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with self._lock:
            with contextlib.suppress(FileNotFoundError):
                if self._path.lstat().st_size > _MOST_LOG_BYTES:
                    self._path.replace(self._path.with_name(_OLDER_LOG))
            with os.fdopen(os.open(self._path, flags, 0o600), "w", encoding="utf-8") as file:
                file.write(lines)
