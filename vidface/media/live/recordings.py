"""Recordings: the folder of one camera's segments, its index, and what leaves it with time.

FOLDER/20261121T183612.345Z.mp4    named by the UTC time of its first packet
FOLDER/index.jsonl                 one line for each segment that is there
FOLDER/keep.json                   for how long they are kept: {"keep_h": 24.0, "keep_gb": 20.0}
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Set
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import av

from vidface.data import oncejson
from vidface.data.digest import sha256_of
from vidface.data.disk import write_whole
from vidface.data.times import time_of_day
from vidface.media.live._condemned import condemned
from vidface.media.live._diskreason import disk_reason
from vidface.media.live.options import silent
from vidface.media.live.recordsettings import RecordSettings

INDEX: Final = "index.jsonl"
KEEP: Final = "keep.json"
SEGMENT: Final = re.compile(r"(\d{8}T\d{6}\.\d{3})Z(-\d+)?\.(mp4|mov|mkv)")
_SUFFIXES: Final = (".mp4", ".mov", ".mkv")
_LEAST_BYTES: Final = 4096
"""More than a head alone: a kill in the first second leaves no more than that."""
_STAMP: Final = "%Y%m%dT%H%M%S.%f"
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Recordings:
    """The segments of one camera. Files of other names, links and folders are never touched.

    Several of these may stand over one folder, in several threads and processes.

    Args:
        folder: made as needed, 0700.
        clock: gives the time by which segments are old.

    Attributes:
        bytes: of what was there at the last sweep, and of what was put into the index since.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._clock = clock
        self.bytes = 0

    def stem(self, utc_s: float) -> Path:
        """Path of a new segment without its suffix."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = datetime.fromtimestamp(utc_s, UTC).strftime(_STAMP)[:-3] + "Z"
        number, stem = 0, name
        while any(os.path.lexists(self.folder / f"{stem}{suffix}") for suffix in _SUFFIXES):
            number, stem = number + 1, f"{name}-{number + 1}"
        return self.folder / stem

    def rows(self) -> list[dict[str, Any]]:
        """The index, oldest first; lines that a power loss has cut are left out."""
        return sorted((row for row, _ in self._lines()), key=_place)

    def _lines(self) -> list[tuple[dict[str, Any], bytes]]:
        """What stands in the index, understood and as it stands there."""
        try:
            lines = (self.folder / INDEX).read_bytes().splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):
                row = oncejson.loads(line)
                if isinstance(row, dict) and SEGMENT.fullmatch(str(row.get("file"))):
                    found.append((row, line))
        return found

    def remember(self, keep_h: float | None, keep_gb: float | None) -> None:
        """Say beside the segments for how long they are kept, where there are any.

        Raises:
            OSError: it cannot be written.
        """
        if not self.folder.is_dir():
            return
        kept = {"keep_h": keep_h, "keep_gb": keep_gb}
        with self._locked():
            with contextlib.suppress(OSError):
                if self.remembered() == (keep_h, keep_gb):
                    return
            write_whole(self.folder / KEEP, json.dumps(kept).encode() + b"\n")

    def remembered(self) -> tuple[float | None, float | None] | None:
        """What `remember` was told last: hours and 10^9 bytes; None where nothing was.

        Raises:
            OSError: it cannot be read, so nobody knows what may be deleted.
        """
        path = self.folder / KEEP
        try:
            said = RecordSettings.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            raise OSError(
                f"{path} does not say for how long; delete it, or write keep_h and keep_gb"
            ) from None
        return said.keep_h, said.keep_gb

    def append(self, row: dict[str, Any]) -> None:
        """Add a line to the index."""
        with self._locked(), os.fdopen(os.open(self.folder / INDEX, _APPEND, 0o600), "r+b", 0) as file:
            end = os.fstat(file.fileno()).st_size
            torn = end > 0 and os.pread(file.fileno(), 1, end - 1) != b"\n"
            data = (b"\n" if torn else b"") + _line(row)
            try:
                if file.write(data) != len(data):
                    raise OSError(f"{INDEX} took a part of a line only")
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), end)
                raise
        self.bytes += int(row.get("bytes", 0))

    def recover(self, tell: Callable[[str], None] = silent) -> list[dict[str, Any]]:
        """Put segments into the index that a power loss kept out of it; those that hold nothing go.

        To be called while nobody records here.

        Args:
            tell: is told of those that cannot be read, in a sentence each; they stay as they are.

        Returns:
            The lines that were added.
        """
        if not self.folder.is_dir():
            return []
        known, files = {row["file"] for row in self.rows()}, self._files()
        if known - files.keys():
            with self._locked():
                self._leave_out(known - files.keys())
        added = []
        for name in sorted(files.keys() - known, key=_order):
            try:
                row = _found(self.folder / name)
            except (OSError, av.error.FFmpegError) as error:
                reason = disk_reason(error)
                tell(f"{self.folder / name} could not be read ({reason}); it stays, but not in the index.")
                continue
            if row is None:
                (self.folder / name).unlink(missing_ok=True)
                continue
            self.append(row)
            added.append(row)
        return added

    def sweep(self, keep_h: float | None, keep_gb: float | None) -> list[dict[str, Any]]:
        """Delete the oldest segments: older than `keep_h` hours, or more than `keep_gb` (10^9 bytes) in all.

        For its size, what was recorded first goes first, however the clock was set since.

        Returns:
            What was deleted: file, bytes, because.
        """
        if not self.folder.is_dir():
            return []
        with self._locked() as here:
            files = self._files()
            gone = []
            for name, size, because in condemned(files, self._recorded, (keep_h, keep_gb), self._clock()):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=here)
                del files[name]
                gone.append({"file": name, "bytes": size, "because": because})
            self.bytes = sum(size for size, _ in files.values())
            if gone:
                self._leave_out({str(row["file"]) for row in gone})
        return gone

    def _recorded(self) -> list[str]:
        """Names in the index, in the order in which they came there."""
        return [str(row["file"]) for row, _ in self._lines()]

    def _leave_out(self, names: Set[str]) -> None:
        """Take lines out of the index; see `_locked`."""
        lines = self._lines()
        kept = [line + b"\n" for row, line in lines if row["file"] not in names]
        if len(kept) < len(lines):
            write_whole(self.folder / INDEX, b"".join(kept))

    def _files(self) -> dict[str, tuple[int, float]]:
        """Name -> bytes and time of the last change, of the segments that are plain files."""
        found = {}
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    facts = entry.stat(follow_symlinks=False)
                    if SEGMENT.fullmatch(entry.name) and stat.S_ISREG(facts.st_mode):
                        found[entry.name] = facts.st_size, facts.st_mtime
        return found

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        """One writer of the index at a time; gives the open folder."""
        here = os.open(self.folder, _FOLDER)
        try:
            fcntl.flock(here, fcntl.LOCK_EX)
            yield here
        finally:
            os.close(here)


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _place(row: dict[str, Any]) -> tuple[str, int]:
    return _order(str(row["file"]))


def _order(name: str) -> tuple[str, int]:
    match = SEGMENT.fullmatch(name)
    return (match[1], int((match[2] or "-0")[1:])) if match else (name, 0)


def _found(path: Path) -> dict[str, Any] | None:
    """What a segment says of itself; None where it is too small to hold a packet.

    Raises:
        OSError, FFmpegError: it cannot be read, now or at all.
    """
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream: Any = container.streams.best("video")
            context, base = (None, None) if stream is None else (stream.codec_context, stream.time_base)
            times = [
                (packet.dts or 0, packet.duration or 0, packet.is_keyframe)
                for packet in (container.demux(stream) if stream is not None else ())
                if packet.size
            ]
    except (av.error.InvalidDataError, ValueError):  # damage: a coding, a year that there is not
        times, context, base = [], None, None
    match = SEGMENT.fullmatch(path.name)
    if not times or context is None or base is None or match is None:
        if path.stat().st_size < _LEAST_BYTES:
            return None
        raise OSError(errno.EINVAL, "it is damaged, and shows no pictures")
    lasts_s = float((times[-1][0] + times[-1][1] - times[0][0]) * base)
    begin = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC).timestamp()
    return {
        "file": path.name,
        "first": time_of_day(begin),
        "last": time_of_day(begin + lasts_s),
        "duration_s": round(lasts_s, 3),
        "packets": len(times),
        "keys": sum(key for _, _, key in times),
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
        "codec": context.name,
        "size": [context.width, context.height],
        "why": "recovered: its recording was cut off",
    }
