"""What this process takes of the machine at present; for watch.json, where growth over days shows."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from vidface.data.memory import resident_mb


def process_facts() -> dict[str, Any]:
    """Resident memory, threads and open files of this process; None where the system does not tell."""
    memory = resident_mb()
    return {
        "memory_mb": None if memory is None else round(memory, 1),
        "threads": threading.active_count(),
        "open_files": _open_files(),
    }


def _open_files() -> int | None:
    try:
        return len(list(Path("/proc/self/fd").iterdir()))
    except OSError:
        return None
