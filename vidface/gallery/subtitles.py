"""Reading subtitles: SubRip (.srt), as well formed as it may be."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vidface.errors import InputError, UsageError

LARGEST: Final = 32 << 20
_CLOCK: Final = r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2})(?:[,.](\d{1,6}))?"
_TIMES: Final = re.compile(rf"^\s*{_CLOCK}\s*-+>\s*{_CLOCK}(?:\s.*)?$")
_BEGINS: Final = re.compile(r"^\s*-?\d")
_VOICE: Final = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]+)>", re.IGNORECASE)
_TAGS: Final = re.compile(r"</?[A-Za-z][^<>]*>|\{\\[^{}]*\}|\{[A-Za-z]:[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Caption:
    """One caption: seconds from the beginning of the film, and its lines without tags."""

    start: float
    end: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subtitles:
    """What a file holds.

    Attributes:
        captions: by start; they may overlap.
        notes: what was odd about the file, a sentence each.
    """

    captions: tuple[Caption, ...]
    notes: tuple[str, ...] = ()


def read_srt(path: Path, *, encoding: str | None = None) -> Subtitles:
    """Read a file, and whatever of it can be understood.

    Numbers may be missing, times may have a dot in place of the comma (".5" is half a second), no hours or
    no milliseconds, lines may end as they like, text may be UTF-8, UTF-16 or Windows-1252. Tags are taken
    off; the speaker in WebVTT's `<v Ann>` becomes a label `Ann:`, its notes and styles are left out.

    Args:
        encoding: of the text, as Python calls it; None to find out.

    Raises:
        InputError: there is no such file, it is no text, or there is no caption in it.
        UsageError: there is no such encoding.
    """
    text, notes = _text(path, encoding)
    reader = _Reader(web=text.startswith("WEBVTT"))
    for number, line in enumerate(text.splitlines(), 1):
        reader.take(number, line)
    reader.end(before_times=False)
    found = [caption for caption in reader.captions if any(caption.lines)]
    if not found:
        why = "".join(f"; {note}" for note in reader.notes())
        raise InputError(
            f"{path}: there are no captions in it{why}; wanted SubRip (.srt), with lines such as "
            "00:01:02,500 --> 00:01:04,000"
        )
    found.sort(key=lambda caption: (caption.start, caption.end))
    return Subtitles(tuple(found), (*notes, *reader.notes()))


@dataclass(slots=True)
class _Reader:
    """Goes by the lines of times alone: all that follows one is its text, up to the next one's number.

    In WebVTT (`web`) the text ends at an empty line: notes, styles and names of captions stand behind it.
    """

    web: bool = False
    captions: list[Caption] = field(default_factory=list)
    _times: tuple[float, float] | None = None
    _lines: list[str] = field(default_factory=list)
    _backwards: list[int] = field(default_factory=list)
    _odd: list[int] = field(default_factory=list)

    def take(self, number: int, line: str) -> None:
        if "->" in line:
            found = _TIMES.match(line)
            if found is not None or _BEGINS.match(line):
                self.end(before_times=True)
                self._begin(number, found)
                return
        if self.web and not line.strip():
            self.end(before_times=False)
        self._lines.append(line)

    def end(self, *, before_times: bool) -> None:
        """The caption at work is over."""
        lines, self._lines = self._lines, []
        while lines and not lines[-1].strip():
            lines.pop()
        if before_times and lines and lines[-1].strip().isdigit():
            lines.pop()
        if self._times is not None:
            clean = (_clean(line) for line in lines)
            self.captions.append(Caption(*self._times, tuple(line for line in clean if line)))
        self._times = None

    def notes(self) -> Iterator[str]:
        kinds = ((self._odd, "cannot be understood"), (self._backwards, "run backwards"))
        for lines, what in kinds:
            if lines:
                yield f"captions left out, since their times {what}: {len(lines)} (first: line {lines[0]})"

    def _begin(self, number: int, found: re.Match[str] | None) -> None:
        if found is None:
            self._odd.append(number)
            return
        parts = found.groups()
        start, end = _seconds(parts[:4]), _seconds(parts[4:])
        if end < start:
            self._backwards.append(number)
        else:
            self._times = (start, end)


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    whole = 3600 * int(hours or 0) + 60 * int(minutes or 0) + int(seconds or 0)
    return whole + float(f"0.{fraction or 0}")


def _clean(line: str) -> str:
    line = _TAGS.sub("", _VOICE.sub(r"\1: ", line))
    return " ".join(html.unescape(line).split())


def _text(path: Path, encoding: str | None) -> tuple[str, list[str]]:
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path} is larger than {LARGEST >> 20} MiB: that is no file of subtitles")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if encoding is not None:
        return _decoded(path, data, encoding), []
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace"), []
    if b"\0" in data:
        raise InputError(f"{path} is no text; wanted SubRip (.srt)")
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), [f"{path.name} is not UTF-8; it was read as Windows-1252"]


def _decoded(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise UsageError(
            f"there is no encoding {encoding!r}; wanted one such as utf-16-le or iso8859-2"
        ) from None
    except UnicodeError as error:
        raise InputError(f"{path} is not {encoding}: {error}") from error
