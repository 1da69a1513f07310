"""Memory of this process, as the system counts it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")


def resident_mb() -> float | None:
    """What it has in memory now, in MiB; None where the system does not tell."""
    return _field("VmRSS")


def peak_mb() -> float:
    """The most it ever had, in MiB.

    Where Linux tells, of this program alone: `ru_maxrss` counts the one that started it, too.
    """
    told = _field("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20 if told is None else told


def _field(name: str) -> float | None:
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = next((line for line in lines if line.startswith(f"{name}:")), None)
    return None if found is None else int(found.split()[1]) / 1024
