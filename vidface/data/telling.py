"""Telling: sentences for people, said by threads that outlive what cannot be said."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress


def unfailing(tell: Callable[[str], None]) -> Callable[[str], None]:
    """The same, but what cannot be written is dropped: the disk of a log is full, a pipe has no reader.

    Whoever watches cameras or carries events must not end for a sentence about them.
    """

    def told(text: str) -> None:
        with suppress(OSError, ValueError):  # of a file that was closed: ValueError
            tell(text)

    return told
