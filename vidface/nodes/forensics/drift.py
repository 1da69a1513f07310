"""forensics.drift: does the identity of a face wander more within its track than that of real faces does?"""

from __future__ import annotations

import math
from typing import Final

from pydantic import Field

from vidface.data import Device, Embeddings, Faces, Frame
from vidface.data.finding import Finding, Findings
from vidface.data.mesh import Meshes
from vidface.data.pose import Poses
from vidface.data.rows import check_rows
from vidface.errors import ModelError
from vidface.node import FOREVER, Node
from vidface.nodes.forensics._courses import Course, Courses
from vidface.nodes.forensics._person import DEFAULT_PRIOR, open_prior
from vidface.nodes.forensics._reading import samples_of
from vidface.vision.personlook import Sample
from vidface.vision.personprior import PersonPrior
from vidface.vision.wander import BIN_S, LEAST_BINS, Wander, wander

_LEAST_RECOGNISABILITY: Final = 0.5


class ForensicsDrift(Node):
    """How much the embedding of a face wanders within its track, against tracks of real faces.

    Means of the embedding over half a second are held against their common mean over `window_s`; the root
    mean square of these angles is the wander. How much is usual follows from how much the head turned, how
    lively the expressions were (of the mesh, where one is wired in) and how recognisable the face was, as
    measured on real clips (the model `prior`); the score is in standard deviations of the logarithm around
    that. A swap that flickers wanders more; one that is steady does not,
    and a face that is covered for a moment, or comes into another light, wanders too.

    It needs three half seconds with embedded frames, and faces that are well recognisable: how small and
    blurred ones wander was not measured.
    """

    prior: str = Field(DEFAULT_PRIOR, description="What is usual among real people.")
    window_s: float = Field(5.0, ge=1.5, le=60, description="Seconds that a finding looks back.")
    hop_s: float = Field(0.5, ge=0.1, le=60, description="Seconds between two findings of a track.")

    memory = FOREVER

    _prior: PersonPrior
    _courses: Courses[Sample]

    def models(self) -> tuple[str, ...]:
        return (self.prior,)

    def open(self, device: Device) -> None:
        """Load the prior.

        Raises:
            ModelError: it is missing, altered, or no prior.
        """
        self._prior = open_prior(self.prior)

    def reset(self) -> None:
        """Tracks end."""
        self._courses = Courses(self.window_s, self.hop_s)

    def process(
        self,
        frame: Frame,
        faces: Faces,
        embeddings: Embeddings,
        pose: Poses | None = None,
        mesh: Meshes | None = None,
    ) -> Findings:
        """Findings that became due; raises ModelError where the prior is of another embedder."""
        check_rows(faces, embeddings=embeddings, pose=pose, mesh=mesh)
        own = str(self._prior.embedder)
        if embeddings.model and embeddings.model != own:
            raise ModelError(
                f"forensics.drift: {self.prior} was measured with the embedder {own}, but the graph embeds "
                f"with {embeddings.model}: set that model in recognize.embed."
            )
        samples = samples_of(frame, faces, embeddings, mesh, pose)
        return Findings(tuple(map(self._finding, self._courses.step(frame, faces, [*samples]))))

    def _finding(self, course: Course[Sample]) -> Finding:
        stretch, found = course.stretch, wander(course.values)
        if found is None:
            length = float(stretch.end - stretch.start)
            why = (
                f"The track is {length:.1f} s long here, or was embedded on too few frames; drift needs "
                f"{LEAST_BINS} times {BIN_S:g} s."
            )
            return Finding("drift", course.track, stretch, why_not=why)
        sure = 1 - float(found.terms[1])
        if sure < _LEAST_RECOGNISABILITY:
            why = (
                f"The face is too small or blurred (recognisability {sure:.2f}; the test needs "
                f"{_LEAST_RECOGNISABILITY:g}): how such faces wander was not measured."
            )
            return Finding("drift", course.track, stretch, why_not=why)
        return Finding("drift", course.track, stretch, *self._score(found))

    def _score(self, found: Wander) -> tuple[float, str, dict[str, float]]:
        """Score, no objection, and details."""
        usual = float(found.terms @ self._prior.drift)
        score = (math.log(max(found.degrees, 0.1)) - usual) / float(self._prior.drift_sd[0])
        return (
            score,
            "",
            {
                "degrees": found.degrees,
                "usual_degrees": math.exp(usual),
                "worst_degrees": found.worst,
                "worst_time": found.worst_time,
                "bins": found.bins,
                "samples": found.samples,
            },
        )
