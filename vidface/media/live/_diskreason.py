"""disk_reason: why a recording could not be written, in words."""

from __future__ import annotations

import errno
from typing import Final

import av

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def disk_reason(error: OSError | av.error.FFmpegError) -> str:
    """The middle of a sentence: "the disk is full"."""
    if error.errno in _FULL:
        return "the disk is full" if "free" not in str(error) else f"the disk is full ({error.strerror})"
    return (error.strerror or str(error)).lower()
