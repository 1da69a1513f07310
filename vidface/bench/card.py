"""What the driver's own tool says of the first card: its name, and the memory in use on it."""

from __future__ import annotations

import shutil
import subprocess

_TIMEOUT_S = 5.0


def card_name() -> str | None:
    """Name and driver of the cards; None where there is none, or no `nvidia-smi`."""
    rows = _ask("name,driver_version,memory.total")
    return "; ".join(rows) or None


def card_memory_mb() -> float | None:
    """MiB in use on the first card, by all programs; None where there is none."""
    rows = _ask("memory.used")
    try:
        return float(rows[0].split()[0]) if rows else None
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
