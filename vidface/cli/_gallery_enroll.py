"""Enrolling from files: which faces pass, what is said of the rest, and going on after Ctrl-C."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

import click
import numpy as np

from vidface.cli._gallery_common import plural, say
from vidface.cli._gallery_faces import Face, Sampler, Shot
from vidface.cli._gallery_tracks import TrackPlaces
from vidface.data.digest import sha256_of
from vidface.errors import InputError
from vidface.gallery import Gallery, Look
from vidface.media.images import is_picture, natural_key

CLIPS: Final = frozenset(
    {
        *(".mp4", ".mkv", ".mov", ".avi", ".webm", ".mpg", ".mpeg", ".m4v", ".ts", ".mts", ".wmv", ".flv"),
        *(".gif", ".264", ".h264", ".265", ".hevc", ".mxf", ".3gp", ".ogv"),
    }
)
_ALIKE: Final = 0.95
_CROWDED: Final = 0.1
_EVERY_S: Final = 0.2
_PLAIN_S: Final = 10.0
_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class Gate:
    """What a face must be to be enrolled.

    Attributes:
        min_face_px: height of its box. min_recognisability, min_quality: of those that are known.
        largest: take the tallest where there are several.
        every_s: seconds between two frames of a clip. max_looks: of one clip.
        pictures: keep the aligned crop.
    """

    min_face_px: float
    min_recognisability: float
    min_quality: float
    largest: bool
    every_s: float
    max_looks: int
    pictures: bool

    def choose(self, shot: Shot) -> Face | str:
        """The face to enrol, or why there is none."""
        if shot.problem or shot.damage:
            return shot.problem or shot.damage
        if not shot.faces:
            return "no face was found"
        tall = [face for face in shot.faces if face.height_px >= self.min_face_px]
        if not tall:
            return (
                f"the tallest face has {shot.faces[0].height_px:.0f} pixels, and --min-face-px asks for "
                f"{self.min_face_px:g}"
            )
        if len(tall) > 1 and not self.largest:
            return f"{len(tall)} faces were found; cut the picture, or take the largest with --largest"
        face = tall[0]
        if face.recognisability < self.min_recognisability:
            return (
                f"recognisability is {face.recognisability:.2f}, and --min-recognisability asks for "
                f"{self.min_recognisability:g}"
            )
        if face.quality < self.min_quality:
            return f"quality is {face.quality:.2f}, and --min-quality asks for {self.min_quality:g}"
        return face


@dataclass(slots=True)
class Tally:
    """What became of the files."""

    files: int = 0
    looks: int = 0
    known: int = 0
    doubles: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    people: set[str] = field(default_factory=set)

    def sentence(self) -> str:
        """All of it in one line."""
        people = plural(len(self.people), "person", "people")
        parts = [f"{plural(self.looks, 'look', 'looks')} of {people} enrolled"]
        if self.known:
            parts.append(f"{plural(self.known, 'file was', 'files were')} enrolled before")
        if self.doubles:
            parts.append(f"{plural(self.doubles, 'look', 'looks')} left out as like one that is there")
        if self.refused:
            parts.append(f"{plural(self.refused.total(), 'file', 'files')} left out")
        return "; ".join(parts)


class Enrolment:
    """Enrols files, one after the other; each is in the gallery as soon as it is done."""

    def __init__(self, gallery: Gallery, looking: Sampler, gate: Gate, total: int) -> None:
        self.tally = Tally()
        self._gallery = gallery
        self._looking = looking
        self._gate = gate
        self._total = total
        self._alike: dict[str, float] = {}
        self._terminal = sys.stderr.isatty()
        self._start = self._said = monotonic()

    def person(self, name: str, paths: Sequence[Path]) -> None:
        """Enrol files as this person."""
        fresh: dict[Path, str] = {}
        for path in paths:
            try:
                digest = sha256_of(path)
            except OSError as error:
                self._refuse(path, f"it cannot be read: {error.strerror}")
                continue
            if self._gallery.enrolled(name, digest):
                self.tally.known += 1
                self._progress()
            else:
                fresh[path] = digest
        self._files(name, fresh)
        for line in self._doubts(name):
            self._say(line)

    def _files(self, name: str, fresh: Mapping[Path, str]) -> None:
        stills = [path for path in fresh if is_picture(path)]
        for shot in self._looking.stills(stills):
            face = self._gate.choose(shot)
            if isinstance(face, str):
                self._refuse(shot.path, face)
            else:
                self._add(name, shot.path, [self._look(face, shot, fresh[shot.path])])
        for path, digest in fresh.items():
            if not is_picture(path):
                shots = self._looking.clip(path, self._gate.every_s)
                self._frames(name, path, digest, shots)

    def track(self, name: str, places: TrackPlaces) -> None:
        """Enrol a track of a finished run as this person."""
        if self._gallery.enrolled(name, places.digest):
            self.tally.known += 1
            self._progress()
            return
        self._frames(name, places.clip, places.digest, self._looking.track(places))
        for line in self._doubts(name):
            self._say(line)

    def _frames(self, name: str, path: Path, digest: str, shots: Iterator[Shot]) -> None:
        """The best of a clip's or a track's frames."""
        good: list[tuple[Face, Shot]] = []
        causes: Counter[str] = Counter()
        crowded = seen = 0
        try:
            for shot in shots:
                seen += bool(shot.faces)
                crowded += sum(face.height_px >= self._gate.min_face_px for face in shot.faces) > 1
                face = self._gate.choose(shot)
                if isinstance(face, str):
                    causes[face] += 1
                else:
                    good.append((face, shot))
        except InputError as error:
            self._refuse(path, str(error).removeprefix(f"{path}: ").rstrip("."))
            return
        if crowded > _CROWDED * seen and not self._gate.largest:
            self._refuse(path, f"{crowded} of {seen} frames show several faces; --largest takes the largest")
        elif not good:
            why = causes.most_common(1)[0][0] if causes else "it has no frames"
            self._refuse(path, f"no frame will do: {why}")
        else:
            chosen = best(good, self._gate.max_looks)
            self._add(name, path, [self._look(face, shot, digest) for face, shot in chosen])

    def _look(self, face: Face, shot: Shot, digest: str) -> Look:
        place = "" if shot.frame is None else f"#{shot.frame}"
        return Look(
            *(face.vector, face.recognisability, face.quality),
            f"{shot.path.absolute()}{place}",
            face.picture if self._gate.pictures else None,
            digest,
        )

    def _add(self, name: str, path: Path, looks: list[Look]) -> None:
        report = self._gallery.add(name, looks)
        self.tally.looks += report.added
        self.tally.doubles += len(report.duplicates)
        self.tally.people.add(name)
        if not report.added:
            self._say(f"{path}: nothing new: {name!r} has a look like it")
        if report.nearest_other is not None:
            other, score = report.nearest_other
            self._alike[other] = max(score, self._alike.get(other, score))
        self._progress()

    def _doubts(self, name: str) -> Iterator[str]:
        """What somebody should look at once a person is done."""
        odd = self._gallery.outliers(name) if name in self.tally.people else ()
        if odd:
            count = plural(len(odd), "look is", "looks are")
            numbers = ", ".join(map(str, odd[:_NAMED])) + (" ..." if len(odd) > _NAMED else "")
            yield (
                f"{name!r}: {count} unlike the others (number {numbers}): "
                "somebody else? vidface gallery show marks them, forget --look N takes one away"
            )
        for other, score in sorted(self._alike.items(), key=lambda item: -item[1]):
            yield (
                f"{name!r} looks like {other!r} (cosine {score:.2f}): one person under two names? "
                "vidface gallery merge makes one of them"
            )
        self._alike = {}

    def _refuse(self, path: Path, why: str) -> None:
        self.tally.refused[why] += 1
        self._say(f"{path}: {why}; left out")
        self._progress()

    def _say(self, line: str) -> None:
        say(line, start="\r\x1b[K" if self._terminal else "")

    def _progress(self) -> None:
        self.tally.files += 1
        now, done = monotonic(), self.tally.files
        last = done == self._total
        if now - self._said < (_EVERY_S if self._terminal else _PLAIN_S) and not (last and self._terminal):
            return
        self._said = now
        left = round((now - self._start) / done * (self._total - done))
        text = f"{done} of {self._total} files, {self.tally.looks} looks, {left // 60}:{left % 60:02d} left"
        click.echo(f"\r\x1b[K{text}" if self._terminal else text, nl=last or not self._terminal, err=True)


def best(shots: Sequence[tuple[Face, Shot]], count: int) -> list[tuple[Face, Shot]]:
    """The best faces of a clip that differ from each other: best first where the place is short."""

    def rank(pair: tuple[Face, Shot]) -> float:
        parts = (pair[0].recognisability, pair[0].quality)
        return float(np.prod([0.5 if np.isnan(part) else part for part in parts]))

    chosen: list[tuple[Face, Shot]] = []
    for face, shot in sorted(shots, key=rank, reverse=True):
        if len(chosen) == count:
            break
        if all(float(face.vector @ other.vector) < _ALIKE for other, _ in chosen):
            chosen.append((face, shot))
    return sorted(chosen, key=lambda pair: pair[1].frame or 0)


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The pictures and clips among files and in folders (also in folders inside), in natural order.

    Raises:
        InputError: a path is not there.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [item for item in path.rglob("*") if _shown(item, path)]
            wanted = [item for item in inside if is_picture(item) or item.suffix.lower() in CLIPS]
            found += sorted(wanted, key=lambda item: natural_key(str(item.relative_to(path))))
            _tell_others(path, Counter(item.suffix.lower() for item in set(inside) - set(wanted)))
        elif path.is_file():
            found.append(path)
        else:
            raise InputError(f"{path}: there is no such file or folder")
    return list(dict.fromkeys(found))


def _shown(item: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in item.relative_to(root).parts)
    return not hidden and item.is_file()


def _tell_others(folder: Path, kinds: Counter[str]) -> None:
    """Files that are passed over, by kind."""
    if kinds:
        told = ", ".join(f"{count} {kind or 'without a suffix'}" for kind, count in kinds.most_common())
        count = plural(kinds.total(), "file is", "files are")
        say(f"{folder}: {count} no picture or clip that can be read, by the name: {told}; passed over")
