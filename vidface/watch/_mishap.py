"""mishap: what ended a camera's session unforeseen, in a sentence: the machine's trouble, or a bug."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path
from typing import Final

_FILES: Final = (errno.EMFILE, errno.ENFILE)


def mishap(error: Exception) -> RuntimeError:
    """The error to tell of; a machine that gives no more files, threads or room is no bug of anybody."""
    if isinstance(error, OSError) and error.errno in _FILES:
        return RuntimeError(
            "too many files are open; raise the limit (LimitNOFILE= in systemd's unit, or ulimit -n), or "
            "watch fewer cameras in one program"
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RuntimeError("the disk is full; make room, or write elsewhere (out: of cameras.yaml, TMPDIR)")
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return RuntimeError(
            "the machine has no more memory; watch fewer cameras, or smaller pictures of them"
        )
    if isinstance(error, BlockingIOError) or "can't start new thread" in str(error):
        return RuntimeError(
            "the machine gives no more threads or processes; raise the limit (TasksMax= in systemd's unit, "
            "or ulimit -u), or watch fewer cameras in one program"
        )
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return RuntimeError(f"this is a bug in vidface: {type(error).__name__}: {error} ({where})")
