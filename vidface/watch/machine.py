"""What this process takes of the machine at present; for watch.json, where growth over days shows."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any


def process_facts() -> dict[str, Any]:
    """Resident memory, threads and open files of this process; None where the system does not tell."""
    return {"memory_mb": _memory_mb(), "threads": threading.active_count(), "open_files": _open_files()}


def _memory_mb() -> float | None:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def _open_files() -> int | None:
    try:
        return len(list(Path("/proc/self/fd").iterdir()))
    except OSError:
        return None
