"""What torch and the driver's own tool say of a card: its name, and the memory in use on it."""

from __future__ import annotations

import shutil
import subprocess

from vidface.infer.devices import memory_used

_TIMEOUT_S = 5.0


def card_name() -> str | None:
    """Name and driver of the cards; None where there is none, or no `nvidia-smi`."""
    rows = _ask("name,driver_version,memory.total")
    return "; ".join(rows) or None


def card_memory_mb(index: int = 0) -> float | None:
    """MiB in use on a card, by all programs; None where there is none.

    Asked of torch where it sees the card, whose numbers are CUDA's; else of the driver's tool.
    """
    used = memory_used(index)
    if used is not None:
        return used / 2**20
    rows = _ask("memory.used")
    try:
        return float(rows[index].split()[0]) if index < len(rows) else None
    except ValueError:
        return None


def _ask(what: str) -> list[str]:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    words = [tool, f"--query-gpu={what}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if not done.returncode else []
