"""restore.face: faces become sharp and clean, over time, and stay who they are."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import NOT_TRACKED, Device, Faces, Frame
from vidface.data.card import Card
from vidface.data.crops import Crops
from vidface.data.identity import Identities
from vidface.data.measures import Measures
from vidface.data.mesh import Meshes
from vidface.data.rows import check_rows
from vidface.data.source import SourceInfo
from vidface.errors import UsageError
from vidface.infer.embedder import Embedder
from vidface.node import FOREVER, Node, Span, Window
from vidface.nodes.restore._cuts import cuts_of, fading
from vidface.nodes.restore._guard import Guard, Rules, Verdict
from vidface.nodes.restore._hints import hints
from vidface.nodes.restore._known import KnownPeople
from vidface.nodes.restore._network import Restored, RestoreNetwork, State
from vidface.nodes.restore._outlines import Area, Outlines
from vidface.nodes.restore._parts import Cut, Held, Paste, Trail, enlarged, look_of, pasted
from vidface.nodes.restore._report import KINDS, RestoredFaces
from vidface.vision.align import TEMPLATES
from vidface.vision.away import Away
from vidface.vision.evidence import Residual, consistent, evidence_of, residual_of, with_fitted_blur
from vidface.vision.grain import Grain
from vidface.vision.paste import colour_matched

Matrix = NDArray[np.float64]

_HELD_BACK: Final = 0.95
_LEAST_SHOWN: Final = 16.0
"""Pixels of the crop inside the mask, below which a face is behind another one."""
_BLUR_FOLLOWS: Final = 0.3
"""Share by which the estimate of the input's blur follows a new look."""


class RestoreFace(Node):
    """Restore every face of the picture with a network that remembers its track.

    A face is cut out on the halved ffhq512 template (256 pixels), with landmarks that are steadied over
    time; what the network changes is added to the frame inside a soft mask, so that nothing outside of it
    changes, and a face that needs nothing comes back as it was. Blur, noise, blocks of coding and low
    resolution are handled together. With `scale` the picture is enlarged on the way, which is where small
    faces gain most.

    The guard compares who the face is before and after: to the best looks of its track, or to the person's
    pictures in a gallery. Where restoration leads away from the person, the picture falls back to what it
    was, smoothly. Of a `gallery`, `person` is meant, or whom recognize.identify recognises where `identity`
    is wired in. The network itself is not shown the known pictures: that was measured to bring nothing.

    A restored face is a picture that a network made plausible. It is no evidence, and the output says that
    it was generated.

    Of two faces that overlap, each pixel belongs to the larger one. A hand before a face is restored like
    a part of it.
    """

    model: str = Field("vidface-restore", description="A model of the task restore that keeps a state.")
    fidelity: float = Field(
        0.5,
        ge=0,
        le=1,
        description="0 leaves the input, 1 shows all that was restored; half changes who it is the least.",
    )
    scale: int = Field(
        1,
        ge=1,
        le=4,
        description="The output is so many times as large as the input; so faces are to be found anew in it.",
    )
    track: int | None = Field(None, ge=1, description="Restore this track only.")
    min_face_px: float = Field(
        16, ge=0, description="Full-size pixels; less tall faces fade out, to nothing at four fifths of it."
    )
    consistent: bool = Field(
        False, description="Hold the restored face, shrunk again, to what was observed, to `tolerance`."
    )
    tolerance: float = Field(3.0, ge=0, le=64, description="Grey levels that count as noise.")
    guard: bool = Field(True, description="Fall back to the input where restoration changes the identity.")
    guard_margin: float = Field(
        0.1, ge=0, le=2, description="Drop of the cosine to the track's best looks that is let pass."
    )
    guard_every_s: float = Field(
        0.2, ge=0, le=10, description="Seconds between two looks of the guard, and at the blur."
    )
    embedder: str = Field("vidface-embed", description="The guard's model, of the task embed.")
    gallery: str = Field("", description="Folder of a gallery whose pictures say how people look.")
    person: str | None = Field(
        None, description="Who the faces are held to, as enrolled: everyone, or that of `track`."
    )
    grain: float = Field(
        0.3, ge=0, le=1, description="Noise of the surroundings that is put back inside; 0 to 1."
    )
    area: Area = Field("head", description="What is restored: the face, or the head with hair and ears.")
    feather: float = Field(24.0, ge=1, le=100, description="Width of the soft edge; pixels of 256.")
    look_ahead: int = Field(2, ge=0, le=50, description="Frames that steady the landmarks; 0 when live.")
    steady_s: float = Field(0.05, ge=0, le=1, description="Width of the window that steadies them, seconds.")
    hold_s: float = Field(0.5, ge=0, le=10, description="A face that was away for longer begins anew.")
    threads: int = Field(1, ge=1, le=64, description="Threads of the network on the CPU.")

    memory = FOREVER
    generates = True

    _network: RestoreNetwork
    _card: Card | None
    _embedder: Embedder | None
    _people: KnownPeople | None
    _trails: dict[int, Trail]
    _away: Away
    _counts: dict[str, int]
    _held: Held
    _notes: dict[str, None]

    def moves(self) -> bool:
        return self.scale > 1

    def reach(self) -> Span:
        return Span(self.look_ahead, self.look_ahead)

    def models(self) -> tuple[str, ...]:
        return (self.model, self.embedder) if self.guard or self.gallery else (self.model,)

    def open(self, device: Device) -> None:
        """Load the models.

        Raises:
            ModelError: one is missing, altered, or of another task.
            UsageError: a person without a gallery, or a gallery that does not serve.
        """
        if self.person is not None and not self.gallery:
            raise UsageError("restore.face: `person` is looked up in a gallery; set `gallery` to its folder.")
        self._notes = {}
        self._network = RestoreNetwork(self.model, device, threads=self.threads)
        self._card = device.card
        needed = self.guard or self.gallery
        self._embedder = Embedder(self.embedder, device, threads=self.threads) if needed else None
        self._people = None
        if self._embedder is not None and self.gallery:
            self._people = KnownPeople(self.gallery, self.person, self._embedder.fingerprint)
        self._counts = {"restored": 0, "held_back": 0, "covered": 0, "left": 0}
        self._held = Held()

    def meet(self, source: SourceInfo) -> None:
        if self._people is not None:
            self._people.log(source.name)

    def reset(self) -> None:
        """Forget all faces."""
        self._trails, self._away = {}, Away(self.hold_s)

    def close(self) -> None:
        self._network.close()
        if self._embedder is not None:
            self._embedder.close()

    def facts(self) -> dict[str, Any]:
        """Faces restored, held back by the guard, covered by others, left; in words what to know of them."""
        said: dict[str, Any] = dict(self._counts)
        if self._people is not None:
            said["gallery_sha256"] = self._people.state
        notes = list(self._notes)
        if self._held:
            notes.append(f"the identity guard held restoration back: {self._held.told()}")
        return said | ({"notes": notes} if notes else {})

    def process(
        self,
        frame: Window[Frame],
        faces: Window[Faces],
        mesh: Meshes | None = None,
        identity: Identities | None = None,
    ) -> RestoredFaces:
        """Restore the faces of a frame.

        Raises:
            UsageError: `mesh` or `identity` has not a row for every face.
        """
        now, here = frame.current, faces.current
        check_rows(here, mesh=mesh, identity=identity)
        aimless = bool(self.gallery) and self.person is None and identity is None
        self._notes.update(dict.fromkeys(hints(here, aimless=aimless)))
        self._trails = self._away.without(self._trails, float(now.time))
        cuts = self._cuts(frame, faces, identity)
        self._counts["left"] += len(here) - len(cuts)
        if not cuts:
            return RestoredFaces(
                self._pasted(now, []), Crops.none(len(here)), Measures.none(KINDS, len(here))
            )
        made = self._restore(cuts)
        outlines = Outlines(here, mesh, self._network.size, self.feather, area=self.area)
        table = np.full((len(here), len(KINDS)), np.nan, np.float32)
        crops = np.zeros((len(here), self._network.size, self._network.size, 3), np.uint8)
        matrices = np.full((len(here), 2, 3), np.nan)
        pastes, shares = [], fading(here, self.min_face_px)
        for cut, restored, state in zip(cuts, made.crops, made.states, strict=True):
            mask = outlines.mask(cut.row, cut.matrix, now.size)
            if float(mask.sum()) < _LEAST_SHOWN:
                self._pass_by(now, cut, state)
                continue
            verdict, residual, picture = self._judge(now, cut, restored, state)
            delta = colour_matched(picture - cut.crop, mask)
            share = self.fidelity * verdict.share * float(shares[cut.row])
            pastes.append(Paste(delta, mask, cut.matrix, share, Grain((now.pts, cut.track), self.grain)))
            crops[cut.row] = np.clip(cut.crop + share * delta + 0.5, 0, 255)
            matrices[cut.row] = cut.matrix
            change = math.sqrt(float((mask * (delta**2).mean(2)).sum() / max(1e-6, float(mask.sum()))))
            table[cut.row] = (share, change, verdict.before, verdict.after, residual.after)
        report = Measures(KINDS, table)
        return RestoredFaces(self._pasted(now, pastes), Crops(crops, matrices, "ffhq512"), report)

    def _pass_by(self, now: Frame, cut: Cut, state: State) -> None:
        """A face behind another one: it is remembered, and nothing of it is changed or reported."""
        self._counts["covered"] += 1
        trail = self._trails.get(cut.track)
        if trail is not None:
            trail.state, trail.seen = state, float(now.time)

    def _cuts(self, frame: Window[Frame], faces: Window[Faces], identity: Identities | None) -> list[Cut]:
        """The faces that are worth restoring, cut out."""
        tall = fading(faces.current, self.min_face_px) > 0
        asked = faces.current.tracks == self.track if self.track is not None else True
        rows = np.flatnonzero(tall & asked).tolist()
        found = cuts_of(
            frame, faces, rows, template=TEMPLATES["ffhq512"], side=self._network.size, steady_s=self.steady_s
        )
        people = self._people
        return [Cut(*cut, None if people is None else people.of(identity, cut.row)) for cut in found]

    def _restore(self, cuts: list[Cut]) -> Restored:
        trails = [self._trails.get(cut.track) for cut in cuts]
        states = [self._network.blank() if trail is None else trail.state for trail in trails]
        nobody = np.zeros((len(cuts), self._network.known), np.float32)
        return self._network(np.stack([cut.crop for cut in cuts]), np.stack(states), nobody)

    def _judge(
        self, now: Frame, cut: Cut, restored: NDArray[np.float32], state: State
    ) -> tuple[Verdict, Residual, NDArray[np.float32]]:
        """The guard's say, the residual to the evidence, and the picture held to it."""
        time = float(now.time)
        trail = self._trails.get(cut.track) or Trail(state, Guard(Rules(self.guard_margin)))
        trail.guard.know(cut.person)
        looks = trail.guard.young or time - trail.judged >= self.guard_every_s - 1e-6
        restored, residual = self._compared(now, cut, trail, restored, looks=looks)
        if looks:
            trail.judged = time
            self._ask_guard(now, cut, trail, restored)
        verdict = trail.guard.step(time)
        trail.state, trail.seen = state, time
        if cut.track != NOT_TRACKED:
            self._trails[cut.track] = trail
        held = verdict.share < _HELD_BACK
        self._counts["held_back" if held else "restored"] += 1
        if held:
            self._held.add(cut.track)
        return verdict, residual, restored

    def _compared(
        self, now: Frame, cut: Cut, trail: Trail, restored: NDArray[np.float32], *, looks: bool
    ) -> tuple[NDArray[np.float32], Residual]:
        """The restored crop, held to what the frame shows if that is asked for, and its residual."""
        evidence = evidence_of(now, cut.matrix, self._network.size)
        if looks or trail.blur is None:
            found = with_fitted_blur(restored, evidence).blur_sigma
            trail.blur = found if trail.blur is None else trail.blur + _BLUR_FOLLOWS * (found - trail.blur)
        evidence = replace(evidence, blur_sigma=trail.blur)
        if self.consistent:
            return consistent(restored, evidence, tolerance=self.tolerance)
        residual = residual_of(restored, evidence)
        return restored, Residual(residual, residual)

    def _ask_guard(self, now: Frame, cut: Cut, trail: Trail, restored: NDArray[np.float32]) -> None:
        if self._embedder is None or not self.guard:
            return
        pair = (cut.crop, np.rint(restored).astype(np.uint8))
        looks = self._embedder(np.stack([look_of(one, self._embedder) for one in pair]))
        trail.guard.judge(looks.vectors[0], looks.vectors[1], float(looks.recognisability[0]), now.index)

    def _pasted(self, now: Frame, pastes: list[Paste]) -> Frame:
        grainy = self.grain > 0
        if self.scale > 1:
            return enlarged(now, pastes, self.scale, grainy=grainy)
        return pasted(now, pastes, self._card, grainy=grainy) if pastes else now
