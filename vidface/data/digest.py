"""SHA-256 of files, whole and by blocks."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

BLOCK = 8 * 2**20
"""Bytes of a block of `blocks_of`: a change in a large file is found to within this."""


def sha256_of(path: Path) -> str:
    """Of a file, lower-case hex.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def digests_in(folder: Path, *, cancel: threading.Event | None = None) -> dict[str, str | None] | None:
    """SHA-256 of every file in a folder by its name, hidden ones left out; None for one that cannot be read.

    None for all where `cancel` was set.

    Raises:
        OSError: the folder cannot be read.
    """
    found: dict[str, str | None] = {}
    for path in sorted(visible(folder.iterdir())):
        if cancel is not None and cancel.is_set():
            return None
        if path.is_file():
            found[path.name] = readable_sha256(path)
    return found


def visible(paths: Iterable[Path]) -> Iterator[Path]:
    """Those that are not hidden: what a folder of pictures shows, and what is hashed of it."""
    return (path for path in paths if not path.name.startswith("."))


def readable_sha256(path: Path) -> str | None:
    """`sha256_of`; None where the file is not there or cannot be read."""
    try:
        return sha256_of(path)
    except OSError:
        return None
