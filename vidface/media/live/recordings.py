"""Recordings: the folder of one camera's segments, its index, and what leaves it with time.

FOLDER/20261121T183612.345Z.mp4    named by the UTC time of its first packet
FOLDER/index.jsonl                 one line for each segment that is there
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import av

from vidface.data.digest import sha256_of
from vidface.data.disk import write_whole
from vidface.data.times import time_of_day

INDEX: Final = "index.jsonl"
_NAME: Final = re.compile(r"(\d{8}T\d{6}\.\d{3})Z(-\d+)?\.(mp4|mov|mkv)")
_STAMP: Final = "%Y%m%dT%H%M%S.%f"
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Recordings:
    """The segments of one camera. Files of other names, links and folders are never touched.

    Several of these may stand over one folder, in several threads and processes.

    Args:
        folder: made as needed, 0700.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stem(self, utc_s: float) -> Path:
        """Path of a new segment without its suffix."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = datetime.fromtimestamp(utc_s, UTC).strftime(_STAMP)[:-3] + "Z"
        taken = {path.name.rpartition(".")[0] for path in self.folder.iterdir()}
        number, stem = 0, name
        while stem in taken:
            number, stem = number + 1, f"{name}-{number + 1}"
        return self.folder / stem

    def rows(self) -> list[dict[str, Any]]:
        """The index, oldest first; lines that a power loss has cut are left out."""
        try:
            lines = (self.folder / INDEX).read_bytes().splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict) and _NAME.fullmatch(str(row.get("file"))):
                    found.append(row)
        return sorted(found, key=_place)

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

    def recover(self) -> list[dict[str, Any]]:
        """Put segments into the index that a power loss kept out of it; those that hold nothing go.

        To be called while nobody records here.

        Returns:
            The lines that were added.
        """
        if not self.folder.is_dir():
            return []
        known = {row["file"] for row in self.rows()}
        added = []
        for name in sorted(set(self._files()) - known, key=_order):
            row = _found(self.folder / name)
            if row is None:
                (self.folder / name).unlink(missing_ok=True)
                continue
            self.append(row)
            added.append(row)
        return added

    def sweep(self, keep_h: float | None, keep_gb: float | None) -> list[dict[str, Any]]:
        """Delete the oldest segments: older than `keep_h` hours, or more than `keep_gb` (10^9 bytes) in all.

        Returns:
            What was deleted: file, bytes, because.
        """
        if not self.folder.is_dir():
            return []
        with self._locked() as here:
            gone = []
            for name, size, because in self._condemned(keep_h, keep_gb):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=here)
                gone.append({"file": name, "bytes": size, "because": because})
            rows = self.rows()
            kept = [row for row in rows if (self.folder / row["file"]).exists()]
            if len(kept) < len(rows):
                self._rewrite(kept)
        return gone

    def _condemned(self, keep_h: float | None, keep_gb: float | None) -> list[tuple[str, int, str]]:
        now = time.time()
        files = self._files()
        # What is not in the index yet is being written, or was cut off and is found again at the next start.
        known = {row["file"] for row in self.rows()}
        room = None if keep_gb is None else keep_gb * 1e9
        total = sum(size for size, _ in files.values())
        found = []
        for name in sorted(files, key=_order):
            size, written = files[name]
            old = keep_h is not None and now - written > keep_h * 3600
            much = room is not None and total > room and name in known
            if old or much:
                total -= size
                because = f"older than {keep_h:g} h" if old else f"more than {keep_gb:g} GB in all"
                found.append((name, size, because))
        return found

    def _files(self) -> dict[str, tuple[int, float]]:
        """Name -> bytes and time of the last change, of the segments that are plain files."""
        found = {}
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    facts = entry.stat(follow_symlinks=False)
                    if _NAME.fullmatch(entry.name) and stat.S_ISREG(facts.st_mode):
                        found[entry.name] = facts.st_size, facts.st_mtime
        return found

    def _rewrite(self, rows: list[dict[str, Any]]) -> None:
        write_whole(self.folder / INDEX, b"".join(_line(row) for row in rows))

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
    match = _NAME.fullmatch(name)
    return (match[1], int((match[2] or "-0")[1:])) if match else (name, 0)


def _found(path: Path) -> dict[str, Any] | None:
    """What a segment says of itself; None where it holds no packet."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            times = [
                (packet.dts or 0, packet.duration or 0, packet.is_keyframe)
                for packet in container.demux(stream)
                if packet.size
            ]
            base, context = stream.time_base, stream.codec_context
    except (OSError, IndexError, av.error.FFmpegError):
        return None
    match = _NAME.fullmatch(path.name)
    if not times or match is None or base is None:
        return None
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
