"""Making a person file: reading, leaving out copies and strangers, and putting the rest together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vidface.cli._references_read import Reader, Recording, digests_of
from vidface.data.person import PersonReferences, ReferenceSource
from vidface.errors import InputError
from vidface.infer import weights
from vidface.nodes.forensics._person import DEFAULT_PRIOR, fingerprint_of, open_prior
from vidface.sinks._files import write_private
from vidface.vision.looks import fuse
from vidface.vision.manner import windows_of
from vidface.vision.meshmodel import MeshFitter, MeshModel
from vidface.vision.personfile import packed
from vidface.vision.personlook import Look
from vidface.vision.personlooks import doubted, looks_of, same_picture, strangers, unlike
from vidface.vision.personprior import PersonPrior

MESH_MODEL: Final = "vidface-meshmodel"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user said.

    Attributes:
        name: of the person. model: the embedder. face: which, from the left; None the clear one.
        min_face_px: least height of a face. keep_all: also those that seem to show another person.
    """

    name: str
    model: str
    face: int | None
    min_face_px: float
    keep_all: bool


@dataclass(slots=True)
class Entry:
    """A file and what became of it.

    Attributes:
        why: why it was left out; empty where it is used. doubt: what somebody should look at.
        sigmas: how much more alike to the others than usual; NaN where there are none.
    """

    path: Path
    digest: str
    clip: bool = False
    seconds: float = 0.0
    looks: list[Look] = field(default_factory=list)
    windows: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    ends: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    why: str = ""
    doubt: str = ""
    sigmas: float = float("nan")

    @property
    def used(self) -> bool:
        """It is a reference."""
        return not self.why

    @property
    def vector(self) -> NDArray[np.float32]:
        """All looks in one."""
        return fuse(np.stack([look.vector for look in self.looks]))

    @property
    def sure(self) -> float:
        """Mean recognisability."""
        return float(np.mean([look.recognisability for look in self.looks]))


@dataclass(frozen=True, slots=True)
class Report:
    """The person, and what became of every file."""

    person: PersonReferences
    entries: tuple[Entry, ...]


def make(files: Sequence[Path], wanted: Wanted, say: Callable[[str], None]) -> Report:
    """Read the files and make references of them.

    Raises:
        InputError: no file shows the person. ModelError: a model is missing or altered.
    """
    mesh = fingerprint_of(MESH_MODEL)
    fitter = MeshFitter(MeshModel.load(weights.verify(MESH_MODEL).path), one_person=True)
    prior = open_prior(DEFAULT_PRIOR)
    digests = digests_of(files)
    entries: list[Entry] = []
    with Reader(wanted.model, face=wanted.face, least_px=wanted.min_face_px) as reader:
        prior.check(embedder=reader.fingerprint, mesh_model=mesh, prior=DEFAULT_PRIOR)
        for number, path in enumerate(files, 1):
            entry = Entry(path, digests[path])
            twin = next((one for one in entries if one.digest == entry.digest), None)
            if twin is not None:
                entry.why = f"the same file as {twin.path.name}"
            else:
                say(f"{number} of {len(files)}: {path.name}")
                _fill(entry, reader(path), fitter)
            entries.append(entry)
        fingerprint = reader.fingerprint
    _drop_copies(entries)
    _doubt(entries, prior, keep_all=wanted.keep_all)
    used = [entry for entry in entries if entry.used]
    if not used:
        raise InputError(_nobody(entries))
    return Report(_together(used, wanted.name, fingerprint, mesh), tuple(entries))


def write(report: Report, path: Path) -> None:
    """Write the person file.

    Raises:
        OutputError: it cannot be written.
    """
    write_private(path, packed(report.person))


def _fill(entry: Entry, recording: Recording, fitter: MeshFitter) -> None:
    entry.clip, entry.why = recording.clip, recording.problem
    if not recording.samples:
        return
    times = [sample.time for sample in recording.samples]
    entry.seconds = times[-1] - times[0] if recording.clip else 0.0
    entry.looks = looks_of(recording.samples, fitter)
    if recording.clip:
        entry.windows, entry.ends = windows_of(times, recording.signals)
    if not entry.looks:
        entry.why = "no frame of the face could be embedded"


def _drop_copies(entries: Sequence[Entry]) -> None:
    """Pictures that were saved twice count once: they would make the spread look small."""
    kept: list[Entry] = []
    for entry in entries:
        if not entry.used or entry.clip:
            continue
        twin = next((one for one in kept if same_picture(one.vector, entry.vector)), None)
        if twin is None:
            kept.append(entry)
        else:
            entry.why = f"the same picture as {twin.path.name}"


def _doubt(entries: Sequence[Entry], prior: PersonPrior, *, keep_all: bool) -> None:
    """Leave strangers out, and say of which the others are not sure."""
    used = [entry for entry in entries if entry.used]
    if len(used) < 2:
        return
    sigmas = strangers([one.vector for one in used], [one.sure for one in used], prior)
    for entry, value in zip(used, sigmas, strict=True):
        entry.sigmas = value
    out = [] if keep_all else doubted(sigmas)
    for place in out:
        used[place].why = f"{_unlike(sigmas[place])}: another person? (--keep-all keeps it)"
    for place in unlike(sigmas):
        if place not in out:
            used[place].doubt = f"{_unlike(sigmas[place])}: is this the same person?"


def _unlike(sigmas: float) -> str:
    return f"unlike the others by {-sigmas:.1f} standard deviations"


def _together(used: Sequence[Entry], name: str, fingerprint: str, mesh: str) -> PersonReferences:
    looks = [(number, look) for number, entry in enumerate(used) for look in entry.looks]
    size = len(looks[0][1].vector)
    none = np.zeros(size, np.float32)
    moved = [(number, entry) for number, entry in enumerate(used) if len(entry.windows)]
    windows = np.concatenate([entry.windows for _, entry in moved]) if moved else np.zeros((0, 0), np.float32)
    ends = [entry.ends for _, entry in moved]
    numbers = [np.full(len(entry.windows), number) for number, entry in moved]
    return PersonReferences(
        *(name, fingerprint, mesh),
        sources=tuple(
            ReferenceSource(one.path.name, one.digest, one.clip, round(one.seconds, 3)) for one in used
        ),
        source=np.array([number for number, _ in looks], np.int64),
        vectors=np.stack([look.vector for _, look in looks]),
        inner=np.stack([look.inner if len(look.inner) else none for _, look in looks]),
        outer=np.stack([look.outer if len(look.outer) else none for _, look in looks]),
        recognisability=np.array([look.recognisability for _, look in looks], np.float32),
        shapes=np.stack([look.shape for _, look in looks]),
        angles=np.array([(look.yaw, look.pitch) for _, look in looks], np.float32),
        eyes_px=np.array([look.eyes_px for _, look in looks], np.float32),
        windows=windows,
        window_source=np.concatenate(numbers).astype(np.int64) if moved else np.zeros(0, np.int64),
        window_end=np.concatenate(ends) if moved else np.zeros(0),
    )


def _nobody(entries: Sequence[Entry]) -> str:
    first = entries[0]
    more = "" if len(entries) == 1 else f", and {len(entries) - 1} more for reasons like that"
    return f"none of the files will do as a reference: {first.path}: {first.why}{more}"
