"""Events of a run on its own: lines and pictures in the run's folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from vidface.data import filenames
from vidface.data.event import Event
from vidface.node import Target
from vidface.sinks._files import LineFile, write_private, writing
from vidface.sinks.jsonl import compact

_PICTURE: Final = re.compile(r"[0-9]{6,}_[a-z_]+\.jpg")


class EventFiles:
    """An `EventPost` that writes `NAME.jsonl`, and pictures into `NAME/`; nobody but the owner may read them.

    Raises:
        OutputError: from every method, where a file cannot be written.
    """

    def __init__(self, target: Target) -> None:
        self._folder = target.folder / target.name
        self._live = target.info.live
        self._shots: list[str] = []
        self._lines = LineFile(target.folder / f"{target.name}.jsonl")
        with writing(self._folder):
            for path in self._folder.glob("*.jpg"):
                if _PICTURE.fullmatch(path.name):  # of an earlier run that is replaced
                    path.unlink()

    def send(self, event: Event) -> None:
        """Write the picture, then the line that names it."""
        shot = None if event.picture is None else self._save(event, event.picture)
        row = event.row() | {"shot": shot}
        if not self._live:
            row["at"] = None  # when the file was looked at says nothing of when it happened
        # Names of files need not be Unicode: what is not stands as "?".
        self._lines.write(compact(row).encode(errors="replace").decode())

    def close(self) -> list[str]:
        """Close the file; names of all that was written. Safe to call twice."""
        self._lines.close()
        return [self._lines.path.name, *self._shots]

    def _save(self, event: Event, picture: bytes) -> str:
        folder: Path = self._folder
        if not self._shots:
            with writing(folder):
                folder.mkdir(mode=0o700, exist_ok=True)
                folder.chmod(0o700)
        name = filenames.event(self._lines.lines + 1, event.kind)
        write_private(folder / name, picture)
        self._shots.append(f"{folder.name}/{name}")
        return self._shots[-1]
