"""restore.onnx: the field's restorers of single pictures, made steady over time."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import NOT_TRACKED, Device, Faces, Frame
from vidface.data.crops import Crops
from vidface.data.mesh import Meshes
from vidface.data.planes import Planes
from vidface.data.rows import check_rows
from vidface.errors import ModelError
from vidface.infer.restorer import Restorer
from vidface.node import FOREVER, Node, Span, Window
from vidface.nodes.restore._cuts import FaceCut, cuts_of, fading
from vidface.nodes.restore._outlines import Area, Outlines
from vidface.vision.align import TEMPLATES
from vidface.vision.away import Away
from vidface.vision.grain import Grain
from vidface.vision.paste import colour_matched, paste_delta
from vidface.vision.stilltrack import Stillness, StillTrack

_USUAL: Final = 256
"""Side of the crop whose pixels `feather` counts."""
_SHADES: Final = 48.0
"""Sigma, in pixels of that crop, from where a shade is the restorer's cast and not the face's."""


class RestoredPicture(NamedTuple):
    """What restore.onnx gives: the picture, and the restored crops."""

    frame: Frame
    crops: Crops


class RestoreOnnx(Node):
    """Restore every face with a network for single pictures: GFPGAN, CodeFormer, RestoreFormer++, GPEN.

    The weights are yours: `vidface models list --task restore` names the models and their licences (most
    are not for commercial use), `vidface models import FILE --as NAME` takes the file. A face is
    cut out on the model's own template, restored, and the difference is added to the frame inside a soft
    mask; a wide cast of colour that the network made is taken off, and nothing outside the mask changes.

    Such networks answer a little differently to every frame. What stands still in the input, after motion
    within the face is followed, is mixed over `smooth_s` seconds; where the input changes, as lips and
    eyelids do, the new answer shows at once. A track begins anew at a cut and after `hold_s` away.
    Rows without a track are restored each by itself.

    These networks draw detail that is likely, not detail that was there: the person may change. There is
    no identity guard here, as restore.face has one. The output is marked as generated.
    """

    model: str = Field(description="A model of the task restore, e.g. gfpgan_1.4, codeformer, gpen_bfr_512.")
    weight: float = Field(
        0.7,
        ge=0,
        le=1,
        description="The model's own fidelity where it takes one (CodeFormer's w): 0 looks best, 1 stays "
        "closest to the input.",
    )
    fidelity: float = Field(1.0, ge=0, le=1, description="0 leaves the input, 1 shows all that was restored.")
    smooth_s: float = Field(
        0.12, ge=0, le=5, description="Time constant of the smoothing, seconds; 0 takes each answer as it is."
    )
    track: int | None = Field(None, ge=1, description="Restore this track only.")
    min_face_px: float = Field(
        16, ge=0, description="Full-size pixels; less tall faces fade out, to nothing at four fifths of it."
    )
    grain: float = Field(
        0.3, ge=0, le=1, description="Noise of the surroundings that is put back inside; 0 to 1."
    )
    area: Area = Field("face", description="What is restored: the face, or the head with hair and ears.")
    feather: float = Field(24.0, ge=1, le=100, description="Width of the soft edge; pixels of a crop of 256.")
    look_ahead: int = Field(2, ge=0, le=50, description="Frames that steady the landmarks; 0 when live.")
    steady_s: float = Field(0.05, ge=0, le=1, description="Width of the window that steadies them, seconds.")
    hold_s: float = Field(0.5, gt=0, le=10, description="A face that was away for longer begins anew.")
    threads: int = Field(1, ge=1, le=64, description="Threads of the network on the CPU.")

    memory = FOREVER
    # The detail comes from what the network has learnt of other faces, so a viewer must be told.
    generates = True

    _network: Restorer
    _stills: dict[int, StillTrack]
    _away: Away
    _counts: dict[str, int]

    def reach(self) -> Span:
        return Span(self.look_ahead, self.look_ahead)

    def models(self) -> tuple[str, ...]:
        return (self.model,)

    def open(self, device: Device) -> None:
        """Load the model.

        Raises:
            ModelError: it is missing, altered, no image restorer, or its template is not known.
        """
        self._network = Restorer(self.model, device, threads=self.threads)
        self._counts = {"restored": 0, "failed": 0, "left": 0}
        if self._network.template not in TEMPLATES:
            raise ModelError(
                f"{self.model}: the manifest's template {self._network.template!r} is not known; known are "
                f"{', '.join(TEMPLATES)}."
            )

    def reset(self) -> None:
        """Forget all faces."""
        self._stills, self._away = {}, Away(self.hold_s)

    def close(self) -> None:
        self._network.close()

    def facts(self) -> dict[str, Any]:
        """Faces restored, failed (the network gave no numbers), left as they were; oddities in words."""
        said: dict[str, Any] = dict(self._counts)
        notes = []
        if self._counts["failed"]:
            notes.append(
                f"{self.model} gave no numbers for {self._counts['failed']} crops, which were left as they "
                "were: half-precision weights may be at fault"
            )
        if "weight" in self.model_fields_set and not self._network.weighted:
            notes.append(f"weight had no effect: {self.model} takes none")
        return said | ({"notes": notes} if notes else {})

    def process(
        self, frame: Window[Frame], faces: Window[Faces], mesh: Meshes | None = None
    ) -> RestoredPicture:
        """Restore the faces of a frame.

        Raises:
            UsageError: `mesh` has not a row for every face.
            ModelError: the network failed.
        """
        now, here, side = frame.current, faces.current, self._network.size
        check_rows(here, mesh=mesh)
        self._stills = self._away.without(self._stills, float(now.time))
        template = TEMPLATES[self._network.template]
        shares = self.fidelity * fading(here, self.min_face_px)
        wanted = np.flatnonzero(shares > 0).tolist()
        if self.track is not None:
            wanted = [row for row in wanted if here.tracks[row] == self.track]
        cuts = cuts_of(frame, faces, wanted, template=template, side=side, steady_s=self.steady_s)
        self._counts["left"] += len(here) - len(cuts)
        done = self._restored(cuts, float(now.time))
        if not done:
            return RestoredPicture(now, Crops.none(len(here), side, template.name))
        outlines = Outlines(here, mesh, area=self.area, size=side, feather=self.feather * side / _USUAL)
        crops = np.zeros((len(here), side, side, 3), np.uint8)
        matrices = np.full((len(here), 2, 3), np.nan)
        pastes = []
        for cut, picture in done:
            mask = outlines.mask(cut.row, cut.matrix, now.size)
            delta = colour_matched(picture - cut.crop, mask, radius=_SHADES * side / _USUAL)
            delta = delta * np.float32(shares[cut.row])
            pastes.append((cut, delta, mask))
            crops[cut.row] = np.clip(cut.crop + delta + 0.5, 0, 255)
            matrices[cut.row] = cut.matrix
        return RestoredPicture(self._pasted(now, pastes), Crops(crops, matrices, template.name))

    def _restored(self, cuts: list[FaceCut], time: float) -> list[tuple[FaceCut, NDArray[np.float32]]]:
        """The cuts on which the network did not fail, with what it made of them, steadied."""
        if not cuts:
            return []
        pictures = self._network(np.stack([cut.crop for cut in cuts]), self.weight)
        whole = [bool(np.isfinite(picture[0, 0, 0]).all()) for picture in pictures]
        self._counts["restored"] += sum(whole)
        self._counts["failed"] += len(cuts) - sum(whole)
        return [
            (cut, self._steadied(cut, picture, time))
            for cut, picture, fine in zip(cuts, pictures, whole, strict=True)
            if fine
        ]

    def _steadied(self, cut: FaceCut, picture: NDArray[np.float32], time: float) -> NDArray[np.float32]:
        if cut.track == NOT_TRACKED:
            return picture
        if cut.track not in self._stills:
            # Who was away is for `Away` to say, which knows how far frames lie apart.
            self._stills[cut.track] = StillTrack(Stillness(self.smooth_s, math.inf))
        return self._stills[cut.track](cut.crop, picture, time=time)

    def _pasted(
        self, now: Frame, pastes: list[tuple[FaceCut, NDArray[np.float32], NDArray[np.float32]]]
    ) -> Frame:
        def paint(planes: Planes) -> None:
            for cut, delta, mask in pastes:
                grain = Grain((now.pts, cut.track), self.grain) if self.grain > 0 else None
                paste_delta(planes, delta, mask=mask, matrix=cut.matrix, grain=grain)

        return now.painted(paint)
