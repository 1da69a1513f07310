"""disk_reason: why a recording could not be written, in words; and whether there is room for it."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import av

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
NO_SIZE: Final = (
    "the camera sends no headers that say how large its pictures are, without which no file can begin; set "
    "it to send them (SPS and PPS) before each key frame"
)


def disk_reason(error: OSError | av.error.FFmpegError) -> str:
    """The middle of a sentence: "the disk is full"."""
    if error.errno in _FULL:
        return "the disk is full" if "free" not in str(error) else f"the disk is full ({error.strerror})"
    if isinstance(error, av.error.FFmpegError) and error.errno == errno.EINVAL:
        return (
            "the file does not take what the camera sends (invalid argument); set the camera to plain H.264 "
            "or H.265, with headers before each key frame"
        )
    return (error.strerror or str(error)).lower()


def look_for_room(folder: Path, least_gb: float, sweep: Callable[[], None]) -> None:
    """See that so much of the disk is free; what is too old goes first.

    Raises:
        OSError: it is not.
    """
    least = least_gb * 1e9
    if shutil.disk_usage(folder).free >= least:
        return
    sweep()
    if shutil.disk_usage(folder).free < least:
        raise OSError(errno.ENOSPC, f"less than {least_gb:g} GB are free")
