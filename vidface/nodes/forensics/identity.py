"""forensics.identity: is this the person whom the references show - by looks, parts, shape and movement?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from vidface.data import Device, Embeddings, Faces, Frame
from vidface.data.finding import Finding, Findings
from vidface.data.measures import Measures
from vidface.data.mesh import Meshes
from vidface.data.person import PersonReferences
from vidface.data.pose import Poses
from vidface.data.rows import check_rows
from vidface.data.source import SourceInfo
from vidface.errors import UsageError
from vidface.gallery.asked import log_run
from vidface.gallery.state import state_of
from vidface.infer import weights
from vidface.infer.embedder import Embedder
from vidface.node import FOREVER, Node
from vidface.nodes.forensics._courses import Course, Courses
from vidface.nodes.forensics._person import (
    DEFAULT_PRIOR,
    Tests,
    fingerprint_of,
    from_file,
    from_gallery,
    open_prior,
)
from vidface.nodes.forensics._reading import PartsReader, samples_of
from vidface.vision.manner import signals_of
from vidface.vision.meshmodel import MeshFitter, MeshModel
from vidface.vision.personlook import Sample, look_of
from vidface.vision.personscore import Score

_KINDS: Final = ("appearance", "inner_outer", "geometry", "motion")
_NO_REFERENCES: Final = "No references of the person were given."
_STRANGER: Final = 2.0
_MOST_FOUND: Final = 1000


class _Moment(NamedTuple):
    """One frame of a track: what was measured of the face, and its signals, see `vidface.vision.manner`."""

    sample: Sample
    signals: NDArray[np.float32] | None


class ForensicsIdentity(Node):
    """Hold every track against references of the person whom the clip claims to show.

    Four tests, each in standard deviations, where a high score speaks against the claim:

    - appearance: the track's embedding over the last `window_s`, weighted by recognisability, against the
      references' centre, in units of how far the references lie from one another.
    - inner_outer: the face embedded with its outside masked, and with its inside masked; high where one
      of the two is the person much more than the other.
    - geometry: named distances between stable points, freed of pose and expression, on frames that are turned
      by less than 25 degrees; details tell each distance's own standard deviations.
    - motion: how turns of the head and expressions go together over 3 s; it needs about eight seconds
      of video among the references.

    Every `hop_s` of a track each test gives a finding, or the sentence why it does not apply. The
    references' own spread is asked from three recordings on; with fewer, and mixed in with more, it is
    that of other real people (the model `prior`), so with one picture all that is known of the person is
    one picture: details say how many recordings there were.

    References are a person file (vidface references PATH... -o person.npz), or, for appearance alone, an
    enrolled person of a gallery. Without any, nothing applies. A good swap onto a look-alike's body
    passes all four; a person who aged may fail some.
    """

    references: str = Field("", description="A person file: vidface references PATH... -o person.npz")
    gallery: str = Field("", description="Folder of a gallery, in place of a person file.")
    person: str = Field("", description="Name of the enrolled person in that gallery.")
    model: str = Field("vidface-embed", description="The embedder, as in recognize.embed.")
    mesh_model: str = Field("vidface-meshmodel", description="The mesh model, as in mesh.pose.")
    prior: str = Field(DEFAULT_PRIOR, description="What is usual among real people.")
    window_s: float = Field(5.0, ge=1, le=60, description="Seconds that a finding looks back.")
    hop_s: float = Field(0.5, ge=0.1, le=60, description="Seconds between two findings of a track.")
    every: int = Field(5, ge=1, le=250, description="Frames between two whose parts are embedded alone.")
    threads: int = Field(1, ge=1, le=64, description="Threads of the network on the CPU.")

    memory = FOREVER

    _embedder: Embedder
    _parts: PartsReader
    _fitter: MeshFitter
    _known: PersonReferences | None
    _tests: Tests | None
    _courses: Courses[_Moment]
    _nearest: dict[int, float]

    @model_validator(mode="after")
    def _one_source(self) -> ForensicsIdentity:
        if self.references and self.gallery:
            raise ValueError("give references (a person file) or gallery and person, not both")
        if bool(self.gallery) != bool(self.person):
            raise ValueError(
                "gallery and person go together: the folder, and the name of the enrolled person"
            )
        return self

    def models(self) -> tuple[str, ...]:
        return (self.model, self.mesh_model, self.prior)

    def open(self, device: Device) -> None:
        """Load the models and the references.

        Raises:
            ModelError: a model is missing or altered. InputError: the person file cannot be read.
            UsageError: no such person, or the references were made with other models.
        """
        self._embedder = Embedder(self.model, device, threads=self.threads)
        self._parts = PartsReader(self._embedder)
        self._fitter = MeshFitter(MeshModel.load(weights.verify(self.mesh_model).path), one_person=True)
        used = {"embedder": self._embedder.fingerprint, "mesh_model": fingerprint_of(self.mesh_model)}
        self._known = None
        if self.references:
            self._known = from_file(self.references, **used)
        elif self.gallery:
            self._known = from_gallery(self.gallery, self.person, **used)
        self._tests = None
        if self._known is not None:
            prior = open_prior(self.prior)
            prior.check(**used, prior=self.prior)
            self._tests = Tests.of(self._known, prior)
        self._nearest = {}

    def meet(self, source: SourceInfo) -> None:
        """Put the comparison into the gallery's log, before anybody is looked for."""
        if self.gallery and self._known is not None:
            log_run(self.gallery, "review", {"clip": source.name, "looks": len(self._known)}, [self.person])

    def reset(self) -> None:
        """Tracks end."""
        self._courses = Courses(self.window_s, self.hop_s)

    def close(self) -> None:
        self._embedder.close()

    def facts(self) -> dict[str, Any]:
        known, near = self._known, self._nearest
        if known is None:
            return {"references": 0, "notes": [f"forensics.identity: {_NO_REFERENCES}"]}
        told: dict[str, Any] = {
            "person": known.name,
            "references": len({*known.source.tolist()}),
            "looks": len(known),
            "motion_windows": len(known.windows),
            "tracks_compared": len(near),
        }
        if self.gallery:
            told["gallery_sha256"] = state_of(known.embedder, [known.name] * len(known), known.vectors)
        notes = [f"forensics.identity: {note}" for note in self._notes(known)]
        return told | ({"notes": notes} if notes else {})

    def _notes(self, known: PersonReferences) -> Iterator[str]:
        count = len({*known.source.tolist()})
        if count < 3:
            yield (
                f"there {'is one reference' if count == 1 else 'are two references'} only: how much this "
                "person's looks vary is not known, and that of other people stands in."
            )
        near = self._nearest
        if near and min(near.values()) > _STRANGER:
            yield (
                f"no face in the clip looks like the references: the nearest of {len(near)} tracks is "
                f"{min(near.values()):.1f} standard deviations off. Either the person is not in the clip, "
                "or the references show somebody else."
            )

    def process(
        self,
        frame: Frame,
        faces: Faces,
        embeddings: Embeddings | None = None,
        mesh: Meshes | None = None,
        pose: Poses | None = None,
        measures: Measures | None = None,
    ) -> Findings:
        """Findings that became due; raises UsageError where vectors are another embedder's."""
        check_rows(faces, embeddings=embeddings, mesh=mesh, pose=pose, measures=measures)
        self._check_model(embeddings)
        samples = samples_of(frame, faces, embeddings, mesh, pose)
        signals = _signals(faces, mesh, pose, measures)
        found: list[Finding] = []
        for row, course in self._courses.at(frame, faces):
            sample = self._with_parts(samples[row], frame, faces.landmarks[row], course)
            moment = _Moment(sample, None if signals is None else signals[row])
            if self._courses.add(course, frame, moment):
                found += self._findings(course, meshed=mesh is not None)
        return Findings(tuple(found))

    def _with_parts(
        self, sample: Sample, frame: Frame, landmarks: NDArray[np.float32], course: Course[_Moment]
    ) -> Sample:
        wanted = self._tests is not None and self._tests.inner_outer is not None
        if not wanted or sample.mesh is None or course.count % self.every:
            return sample
        parts = self._parts(frame, landmarks, sample.mesh)
        return sample if parts is None else replace(sample, inner=parts[0], outer=parts[1])

    def _findings(self, course: Course[_Moment], *, meshed: bool) -> Iterator[Finding]:
        number, stretch, moments = course.track, course.stretch, course.values
        if self._tests is None:
            yield from (Finding(kind, number, stretch, why_not=_NO_REFERENCES) for kind in _KINDS)
            return
        samples = [one.sample for one in moments]
        look = look_of(samples, self._fitter if self._tests.geometry is not None else None)
        times = [one.time for one in samples]
        results = (
            self._tests.looks_like(look),
            self._tests.parts(look, meshed=meshed),
            self._tests.shape(look),
            self._tests.motion(times, [one.signals for one in moments if one.signals is not None]),
        )
        for kind, result in zip(_KINDS, results, strict=True):
            if isinstance(result, str):
                yield Finding(kind, number, stretch, why_not=result)
            else:
                self._note(kind, number, result)
                yield Finding(kind, number, stretch, result.score, details=result.details)

    def _note(self, kind: str, number: int, result: Score) -> None:
        if kind == "appearance" and (number in self._nearest or len(self._nearest) < _MOST_FOUND):
            self._nearest[number] = min(result.score, self._nearest.get(number, np.inf))

    def _check_model(self, embeddings: Embeddings | None) -> None:
        used = self._embedder.fingerprint
        if self._tests is None or embeddings is None or not embeddings.model or embeddings.model == used:
            return
        raise UsageError(
            f"forensics.identity: the references hold vectors of {used}, but the graph embeds with "
            f"{embeddings.model}: set the same model in both."
        )


def _signals(
    faces: Faces, mesh: Meshes | None, pose: Poses | None, measures: Measures | None
) -> NDArray[np.float32] | None:
    """A row a face, or None where a port is not wired or empty."""
    if mesh is None or pose is None or measures is None:
        return None
    if not len(faces) == len(mesh) == len(pose) == len(measures):
        return None
    return signals_of(pose.angles, measures, mesh.blendshapes)
