"""EventLog: events on disk, one file of lines a day, best shots beside them.

    FOLDER/events-2026-11-21.jsonl                        one line an event, by the UTC day of the event
    FOLDER/shots/2026-11-21/103512345_door_track_left_7.jpg     named by "shot" in its line

A line is appended in one piece and only after its picture is there; both have reached the disk before the
next event is taken. Nobody but the owner may read any of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from vidface.data import oncejson
from vidface.data.disk import OURS, PRIVATE, write_whole
from vidface.data.event import Event
from vidface.errors import OutputError

DAY_FILE: Final = re.compile(r"events-(\d{4}-\d{2}-\d{2})\.jsonl")
"""Name of a file of lines; group 1 is its day."""
SHOTS: Final = "shots"
SHOT: Final = re.compile(r"shots/(\d{4}-\d{2}-\d{2})/[0-9]{9}_[A-Za-z0-9_-]{1,150}\.jpg")
"""What stands under "shot" in a line, below the folder of the log; group 1 is its day."""

_OPEN: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_LONGEST: Final = 40
_BLOCK: Final = 1 << 16


class EventLog:
    """Writes events; one thread at a time.

    Args:
        place: the folder; or what gives it for the name of a camera. Folders are made as needed, 0700.
    """

    def __init__(self, place: Path | Callable[[str], Path]) -> None:
        self._place = place
        self._written = 0

    def send(self, event: Event) -> None:
        """Write an event.

        Raises:
            OutputError: the picture or the line could not be written. A line without its picture, whose shot
                is null, is still tried.
        ValueError, OverflowError, TypeError: its time is none, or a detail is no plain value.
        """
        folder = self._place if isinstance(self._place, Path) else self._place(event.camera)
        shot = shot_name(event)
        trouble = None if shot is None else _saved(folder / shot, event.picture or b"")
        if trouble is not None:
            shot = None
        path = folder / f"events-{_day(event)}.jsonl"
        row = event.row() | {"shot": shot}
        line = json.dumps(row, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        try:
            _append(path, line)
        except OSError as error:
            raise _sentence(path, error) from error
        self._written += 1
        if trouble is not None:
            raise trouble

    def facts(self) -> dict[str, Any]:
        """Events written so far."""
        return {"written": self._written}

    def close(self) -> None:
        """Nothing is open between two events."""


def shot_name(event: Event) -> str | None:
    """Name of an event's picture below the folder of its log; None where it has none."""
    if event.picture is None:
        return None
    clock = datetime.fromtimestamp(event.utc_s, UTC)
    parts = (slug(event.camera), event.kind, slug(event.track or ""))
    stamp = f"{clock:%H%M%S}{clock.microsecond // 1000:03d}"
    return f"{SHOTS}/{_day(event)}/{stamp}_{'_'.join(part for part in parts if part)}.jpg"


def slug(text: str) -> str:
    """Letters, digits, - and _ of ASCII, at most 40: what is part of a file name whatever the name was."""
    return re.sub(r"[^A-Za-z0-9-]+", "_", text)[:_LONGEST]


def latest(folder: Path, count: int) -> list[dict[str, Any]]:
    """The last `count` events of a log, newest first; lines that a power loss has cut are left out."""
    found: list[dict[str, Any]] = []
    for path in sorted(_days(folder), reverse=True):
        for line in _backwards(path):
            with contextlib.suppress(ValueError):
                row = oncejson.loads(line)
                if isinstance(row, dict):
                    found.append(row)
            if len(found) >= count:
                return found
    return found


def shot_path(folder: Path, name: str) -> Path | None:
    """The file of a picture that a line names; None where the name is none, or no plain file is there."""
    if SHOT.fullmatch(name) is None:
        return None
    path = folder / name
    try:
        for part in (path.parent.parent, path.parent):
            if not stat.S_ISDIR(part.lstat().st_mode):
                return None
        return path if stat.S_ISREG(path.lstat().st_mode) else None
    except OSError:
        return None


def _days(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if DAY_FILE.fullmatch(path.name) and path.is_file()]
    except OSError:
        return []


def _day(event: Event) -> str:
    return datetime.fromtimestamp(event.utc_s, UTC).date().isoformat()


def _saved(path: Path, picture: bytes) -> OutputError | None:
    """Nothing, or why there is no picture."""
    try:
        for part in (path.parent.parent.parent, path.parent.parent, path.parent):
            part.mkdir(mode=OURS, parents=True, exist_ok=True)
        write_whole(path, picture)
    except OSError as error:
        return _sentence(path, error)
    return None


def _append(path: Path, line: str) -> None:
    """A whole line or none, on the disk; a line that was cut off before stays a line of its own."""
    path.parent.mkdir(mode=OURS, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, _OPEN, PRIVATE), "r+b", buffering=0) as file:
        end = os.fstat(file.fileno()).st_size
        torn = end > 0 and os.pread(file.fileno(), 1, end - 1) != b"\n"
        data = memoryview((b"\n" if torn else b"") + line.encode(errors="replace") + b"\n")
        try:
            done = 0
            while done < len(data):
                done += file.write(data[done:])
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file.fileno(), end)
            raise


def _backwards(path: Path) -> Iterator[bytes]:
    """The lines of a file, last one first, without reading more of it than is asked for."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        place, rest = file.seek(0, os.SEEK_END), b""
        while place > 0:
            size = min(_BLOCK, place)
            place -= size
            file.seek(place)
            rest, *lines = (file.read(size) + rest).split(b"\n")
            yield from (line for line in reversed(lines) if line)
        if rest:
            yield rest


def _sentence(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{path} could not be written: {error.strerror or error}")
