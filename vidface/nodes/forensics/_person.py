"""References of a person, opened: from a person file, or from a gallery; and the tests that they allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.person import PersonReferences, ReferenceSource
from vidface.errors import UsageError
from vidface.gallery import Gallery
from vidface.infer import weights
from vidface.vision.facegeometry import SIZE
from vidface.vision.manner import RATE, WINDOW, resampled, signature
from vidface.vision.mannerscore import LEAST_WINDOWS, Manner
from vidface.vision.personfile import check_models, read_person
from vidface.vision.personlook import LEAST_EYES_PX, MOST_YAW_DEG, Look
from vidface.vision.personprior import PersonPrior
from vidface.vision.personscore import Appearance, Geometry, InnerOuter, Score

DEFAULT_PRIOR: Final = "vidface-person"
LEAST_RECOGNISABILITY: Final = 0.2
_WINDOW_S: Final = (WINDOW - 1) / RATE
_HOP_S: Final = 1.5


def open_prior(name: str) -> PersonPrior:
    """Find, verify and read a prior.

    Raises:
        ModelError: it is missing, altered, or no prior.
    """
    return PersonPrior.load(weights.verify(name).path)


def fingerprint_of(model: str) -> str:
    """Of a mesh model: its name and the first 12 digits of its sha256.

    Raises:
        ModelError: it is missing or altered.
    """
    return f"{model}@{weights.verify(model).sha256[:12]}"


def from_file(path: str, *, embedder: str, mesh_model: str) -> PersonReferences:
    """Read a person file and hold it against the models in use.

    Raises:
        InputError: it cannot be read. UsageError: it was made with other models.
    """
    person = read_person(Path(path).expanduser())
    check_models(person, embedder=embedder, mesh_model=mesh_model, path=path)
    return person


def from_gallery(folder: str, name: str, *, embedder: str, mesh_model: str) -> PersonReferences:
    """The looks of an enrolled person: each file that they come from is a recording.

    Raises:
        UsageError: no such gallery or person, no looks, or the gallery belongs to another embedder.
    """
    with Gallery.open(Path(folder).expanduser(), fingerprint=embedder) as gallery:
        looks = gallery.looks(name)
    if not looks:
        raise UsageError(f"the gallery {folder} holds no look of {name!r}; vidface gallery enroll adds some")
    names = [look.source.rpartition("#")[0] or look.source or f"look {look.id}" for look in looks]
    sources = sorted(set(names))
    count, dimension = len(looks), len(looks[0].vector)
    none = np.zeros((count, dimension), np.float32)
    return PersonReferences(
        *(name, embedder, mesh_model),
        sources=tuple(ReferenceSource(source, "", clip="#" in source) for source in sources),
        source=np.array([sources.index(one) for one in names], np.int64),
        vectors=np.stack([look.vector for look in looks]),
        inner=none,
        outer=none,
        recognisability=np.array([look.recognisability for look in looks], np.float32),
        shapes=np.full((count, SIZE), np.nan),
        angles=np.full((count, 2), np.nan, np.float32),
        eyes_px=np.full(count, np.nan, np.float32),
    )


@dataclass(slots=True)
class Tests:
    """The tests that some references allow; None where they do not."""

    appearance: Appearance
    inner_outer: InnerOuter | None
    geometry: Geometry | None
    manner: Manner | None
    windows: int

    @classmethod
    def of(cls, person: PersonReferences, prior: PersonPrior) -> Tests:
        """Measure the references against one another."""
        return cls(
            Appearance(person, prior),
            InnerOuter(person, prior) if person.parted.any() else None,
            Geometry(person, prior) if person.shaped.any() else None,
            Manner(person, prior) if len(person.windows) >= LEAST_WINDOWS else None,
            len(person.windows),
        )

    def looks_like(self, look: Look) -> Score | str:
        """Kind appearance, or why it does not apply."""
        if not look.vectors:
            return "No frame of this face could be embedded: it is too small, or hidden."
        if look.recognisability < LEAST_RECOGNISABILITY:
            return (
                "The face is too small or blurred to tell who it is (recognisability "
                f"{look.recognisability:.2f}; the test needs {LEAST_RECOGNISABILITY:g})."
            )
        return self.appearance(look)

    def parts(self, look: Look, *, meshed: bool) -> Score | str:
        """Kind inner_outer, or why it does not apply."""
        if self.inner_outer is None:
            return "The references hold no looks of the inside and the outside of the face alone."
        if not meshed:
            return "The graph wires no mesh in, which parts the inside of the face from the outside."
        if not look.parts:
            return "No frame shows the face large enough to part its inside from its outside."
        if look.recognisability < LEAST_RECOGNISABILITY:
            return "The face is too small or blurred to tell who its parts are."
        return self.inner_outer(look)

    def shape(self, look: Look) -> Score | str:
        """Kind geometry, or why it does not apply."""
        if self.geometry is None:
            return "The references hold no measured shape of the face."
        if not look.meshes:
            return (
                f"No frame shows the face turned by less than {MOST_YAW_DEG:g} degrees, with a mesh and "
                f"{LEAST_EYES_PX:g} pixels or more between the eyes."
            )
        return self.geometry(look)

    def motion(self, times: Sequence[float], signals: Sequence[NDArray[np.float32]]) -> Score | str:
        """Kind motion, or why it does not apply."""
        if self.manner is None:
            return (
                f"The references hold {self.windows} windows of motion, and a manner of moving needs "
                f"{LEAST_WINDOWS}: about eight seconds of video of the person."
            )
        if not len(signals):
            return "The graph wires no mesh, pose and measures in, which a manner of moving is read from."
        length = times[-1] - times[0]
        if length < _WINDOW_S - 0.5 / RATE:
            return f"The track is {length:.1f} s long here; a manner of moving needs 3 s."
        windows, rows, end = [], np.stack(signals), times[-1]
        while end - _WINDOW_S >= times[0] - 1 / RATE:
            series = resampled(times, rows, end)
            if series is not None:
                windows.append(signature(series))
            end -= _HOP_S
        if not windows:
            return "The face was not measured throughout three seconds."
        return self.manner(np.stack(windows))
