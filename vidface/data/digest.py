"""SHA-256 of files, whole and by blocks."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

BLOCK = 8 * 2**20
"""Bytes of a block of `blocks_of`: a change in a large file is found to within this."""
_READ = 2**20


def sha256_of(path: Path, *, cancel: threading.Event | None = None) -> str | None:
    """Of a file, lower-case hex; None where `cancel` was set on the way.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ):
            if cancel is not None and cancel.is_set():
                return None
            digest.update(block)
    return digest.hexdigest()


def blocks_of(path: Path, *, cancel: threading.Event | None = None) -> tuple[str, tuple[str, ...]] | None:
    """SHA-256 of a file and of each of its blocks of `BLOCK` bytes; None where `cancel` was set.

    Raises:
        OSError: the file cannot be read.
    """
    whole, blocks = hashlib.sha256(), []
    with path.open("rb") as file:
        while data := file.read(BLOCK):
            if cancel is not None and cancel.is_set():
                return None
            whole.update(data)
            blocks.append(hashlib.sha256(data).hexdigest())
    return whole.hexdigest(), tuple(blocks)
