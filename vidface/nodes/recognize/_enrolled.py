"""Enrolled: the people of a gallery, as they were at the start or as they are now."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from vidface.errors import VidfaceError
from vidface.gallery import Gallery, Reference
from vidface.gallery._base import DATABASE

_LOOK_EVERY_S: Final = 5.0
_SETTLED_S: Final = 2.0
"""A file that was changed less than so long ago may change once more without a later time."""


class Enrolled:
    """A gallery to compare with, which others may change meanwhile.

    Args:
        folder: of the gallery.

    Raises:
        UsageError: there is no gallery in it.
        InputError: it is damaged.

    Attributes:
        reference: as read last; None once the gallery is gone or of another embedder, since then nobody is
            known.
        trouble: why what was read last may not be what is there now, in a sentence.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder).expanduser()
        self._due = time.monotonic() + _LOOK_EVERY_S
        mark = self._mark()
        self.trouble: str | None = None
        now = self._read()
        self._fingerprint = now.fingerprint
        self.reference: Reference | None = now
        self._seen = _settled(mark)

    def renewed(self) -> bool:
        """Look whether the gallery has changed, every few seconds; whether `reference` is another one now."""
        if time.monotonic() < self._due:
            return False
        self._due = time.monotonic() + _LOOK_EVERY_S
        mark, before = self._mark(), self.reference
        if mark is None:
            self.reference = self._seen = None
            self.trouble = f"the gallery {self._folder} is gone, so nobody is known any more"
            return before is not None
        if mark == self._seen:
            return False
        try:
            now = self._read()
        except VidfaceError as error:
            self.trouble = f"the gallery {self._folder} has changed, and its people are as before: {error}"
            return False
        self._seen = _settled(mark)
        if now.fingerprint != self._fingerprint:  # who was forgotten meanwhile must not stay named
            self.reference = None
            self.trouble = (
                f"the gallery {self._folder} holds vectors of {now.fingerprint} now, so nobody is known any "
                f"more; begin anew with a graph that embeds with it"
            )
            return before is not None
        self.reference, self.trouble = now, None
        return True

    def _read(self) -> Reference:
        with Gallery.open(self._folder) as gallery:
            return gallery.reference()

    def _mark(self) -> tuple[int, ...] | None:
        """Another one after every change; None where there is no gallery.

        The file is not opened: closing it would cost SQLite in another thread its locks on it.
        """
        try:
            facts = (self._folder / DATABASE).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return (0,)
        return facts.st_ino, facts.st_size, facts.st_ctime_ns, facts.st_mtime_ns


def _settled(mark: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """What a later look is compared with; None where that would not tell a change."""
    return mark if mark is not None and time.time_ns() - mark[-1] > _SETTLED_S * 1e9 else None
