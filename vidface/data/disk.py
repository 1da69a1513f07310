"""Files that are whole or not there, also after a power loss."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
OURS: Final = 0o700
"""Mode of folders."""

_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


def write_whole(path: Path, data: bytes) -> None:
    """Write a private file; it gets its name once it is on the disk, and replaces what had it.

    Raises:
        OSError: it could not be written; nothing of it is left.
    """
    draft = path.with_name(f".{path.name}.part")
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, _FLAGS, PRIVATE), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Names that are new in a folder reach the disk.

    Raises:
        OSError: the folder cannot be opened.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
