"""Aside: what an earlier run wrote is kept out of the way until the next one has begun."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from vidface.errors import OutputError

_PREFIX: Final = ".earlier-"
"""Of a folder inside the run's own. One that is still there was left by a run that was killed as it began."""


class Aside:
    """Files of an earlier run, in a folder beside their places.

    Args:
        folder: the run's.
        files: resolved, within it.

    Raises:
        OutputError: they cannot be moved; all are where they were.
    """

    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        self._root = folder.resolve()
        self._moved: list[Path] = []
        self._others: frozenset[Path] = frozenset()
        self._place = self._root / _PREFIX
        try:
            self._place = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._root))
            for path in files:
                _move(path, self._place / path.relative_to(self._root))
                self._moved.append(path)
            self._others = frozenset(self._root.rglob("*"))
        except OSError as error:
            self.restore(())
            raise OutputError(
                f"what an earlier run wrote into {folder} cannot be replaced: {error.strerror}; choose "
                "another folder with -o"
            ) from None

    def restore(self, written: Iterable[Path]) -> None:
        """Put everything back.

        Args:
            written: by the run that did not begin; what stood there before it stays.

        Raises:
            OutputError: it cannot be put back; says where it is.
        """
        try:
            for path in written:
                if path not in self._others:
                    path.unlink(missing_ok=True)
            for path in self._moved:
                _move(self._place / path.relative_to(self._root), path)
            shutil.rmtree(self._place, ignore_errors=True)
        except OSError as error:
            raise OutputError(
                f"what an earlier run wrote cannot be put back ({error.strerror}): it lies in {self._place}"
            ) from None

    def drop(self) -> None:
        """Remove everything, also what killed runs left aside.

        Raises:
            OutputError: it cannot be removed.
        """
        try:
            for place in self._root.glob(f"{_PREFIX}*"):
                shutil.rmtree(place)
        except OSError as error:
            raise OutputError(
                f"what an earlier run wrote cannot be removed: {error.filename}: {error.strerror}"
            ) from None


def _move(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    path.replace(place)
