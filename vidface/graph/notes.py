"""Notes: what reviewers thought, in OUT/notes.jsonl: added, never changed; each holds the hash of the last.

A note's hash is SHA-256(previous hash || its line as JSON without `hash`, keys sorted, no spaces, UTF-8). The
first note's previous hash is `run_sha256` of run.json, so that notes belong to one run. Whoever may write
the file can also write all of it anew: what a chain shows is that nobody did so in part. Nor can it show
that the last notes were cut off; the head and the count that `vidface verify` prints can.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from vidface.data.oncejson import once, read
from vidface.errors import InputError, OutputError, UsageError
from vidface.graph.custody import MANIFEST, NOTES, RUN_DIGEST

_KEYS: Final = ("when", "by", "track", "text", "decision", "previous")


@dataclass(frozen=True, slots=True)
class Note:
    """One reviewer's note.

    Attributes:
        when: UTC, ISO 8601.
        by: who wrote it.
        track: the face that it is about; None for the whole run.
        text: what was thought.
        decision: the reviewer's own, for example "authentic"; None for a remark.
        previous, hash: lower-case hex; see the module.
    """

    when: str
    by: str
    track: int | None
    text: str
    decision: str | None
    previous: str
    hash: str

    def to_json(self) -> dict[str, Any]:
        """A line of notes.jsonl."""
        return {key: getattr(self, key) for key in (*_KEYS, "hash")}


def add_note(
    folder: Path, text: str, *, by: str | None = None, track: int | None = None, decision: str | None = None
) -> Note:
    """Append a note to a run's folder; several processes may do so at a time.

    Args:
        by: the user's login name where None.

    Raises:
        UsageError: nothing is said, or not in UTF-8; the folder holds no finished run, or its notes were
            changed.
        OutputError: the note cannot be written.
    """
    if not text.strip():
        raise UsageError("a note needs a text")
    by = by or _login()
    _check_text("text", text)
    _check_text("author", by)
    _check_text("decision", decision or "")
    said = {
        "by": by,
        "track": track,
        "text": text.strip(),
        "decision": decision,
    }
    first = _anchor(folder)
    with _locked(folder / NOTES) as fd:
        content = os.pread(fd, os.fstat(fd).st_size, 0)
        notes, faults = _read(content, first)
        if faults:
            raise UsageError(
                f"{folder / NOTES}: {faults[0]}. No note was added: this file is evidence of that"
            )
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        row: dict[str, Any] = {"when": when, **said, "previous": notes[-1].hash if notes else first}
        note = Note(**row, hash=_hash(row))
        os.write(fd, _line(note.to_json()) + b"\n")
        os.fsync(fd)
    return note


def read_notes(folder: Path) -> tuple[Note, ...]:
    """Every whole note of a folder, in order; none where there is no file.

    Raises:
        InputError: the file cannot be read.
    """
    return _read(_content(folder / NOTES), None)[0]


def check_notes(folder: Path, first: str) -> tuple[tuple[Note, ...], tuple[str, ...]]:
    """The notes, and what is wrong with their chain, as phrases that name the line.

    Args:
        first: `run_sha256` of run.json.

    Raises:
        InputError: the file cannot be read.
    """
    return _read(_content(folder / NOTES), first)


def _check_text(what: str, text: str) -> None:
    """Bytes that are no UTF-8 come in as surrogates, which no other program would read from the file."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"the note's {what} is not UTF-8 at character {error.start + 1}; no note was added: write it "
            "anew, in a terminal set to UTF-8"
        ) from None


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user has a number, but no name
        return f"user {os.getuid()}"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _anchor(folder: Path) -> str:
    try:
        facts = once((folder / MANIFEST).read_text(encoding="utf-8"))
        digest = facts[RUN_DIGEST]
    except FileNotFoundError:
        raise UsageError(f"{folder} is no folder of a run: it has no {MANIFEST}") from None
    except OSError as error:
        raise UsageError(f"{folder / MANIFEST} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{folder / MANIFEST} is not that of a finished run; notes belong to one") from None
    return str(digest)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file, open for reading and appending, for this process alone."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield fd
        finally:
            os.close(fd)
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror or error}") from None


def _read(content: bytes, first: str | None) -> tuple[tuple[Note, ...], tuple[str, ...]]:
    """Whole notes, and faults; `first` None leaves the beginning of the chain open."""
    notes: list[Note] = []
    faults: list[str] = []
    wanted = first
    lines = content.split(b"\n")
    if lines.pop():
        faults.append(f"line {len(lines) + 1} is cut off")
    for number, line in enumerate(lines, start=1):
        note = _note(line)
        if note is None:
            faults.append(f"line {number} is not a note any more")
            wanted = None
            continue
        # The hash is of what was read, and the same can be written in other ways: a key twice, for one.
        if line != _line(note.to_json()) or note.hash != _hash({key: getattr(note, key) for key in _KEYS}):
            faults.append(f"line {number} was changed after it was written")
        elif wanted is not None and note.previous != wanted:
            faults.append(_loose(number))
        notes.append(note)
        wanted = note.hash
    return tuple(notes), tuple(faults)


def _loose(number: int) -> str:
    if number == 1:
        return (
            "line 1 does not belong to this run.json: notes before it were taken out, or run.json was changed"
        )
    return (
        f"line {number} does not follow line {number - 1}: lines between them were taken out, put in or moved"
    )


def _note(line: bytes) -> Note | None:
    try:
        row = read(line)
        return Note(**row) if set(row) == {*_KEYS, "hash"} else None
    except (ValueError, TypeError):
        return None


def _hash(row: dict[str, Any]) -> str:
    return hashlib.sha256(str(row["previous"]).encode() + _line(row)).hexdigest()


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )
