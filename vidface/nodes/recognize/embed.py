"""recognize.embed: an identity vector for every face, and how recognisable it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import Device, Embeddings, Faces, Frame
from vidface.data.card import Card
from vidface.data.crops import Crops
from vidface.data.mesh import Meshes
from vidface.data.rows import check_rows
from vidface.infer.crops import cut, stacked
from vidface.infer.embedder import Embedder, Looks
from vidface.node import Batch, Node
from vidface.nodes.recognize._upright import Upright, View
from vidface.vision.align import to_template
from vidface.vision.facecrop import aligned


class RecognizeEmbed(Node):
    """Embed every face: align it by its landmarks, and read a vector of unit length from the crop.

    Vectors of one person lie close together (cosine), whatever the resolution. `recognisability` says
    how likely a look is recognised at all: it falls with size, blur, darkness and occlusion. The crops of
    all faces of a batch of frames are read together.

    Rows are zeros (not measured) where landmarks are not known, where the face is smaller than
    `min_face_px`, and where no detector saw it (unless `interpolated`).

    A detector's landmarks do not follow a face that is tilted: at 24 pixels not at all, at 100 to 30 degrees.
    So each face is looked at by a mesh network first (`upright`), and where its landmarks are turned by more
    than 10 degrees against the given ones, they are taken. Where the meshes of mesh.face are wired in, they
    say it, and only rows without one are looked at.

    Where `crops` are wired in (those of restore.face), the vectors are read from them instead of from the
    frame; rows without a crop are zeros.
    """

    model: str = Field("vidface-embed", description="A model of the task embed.")
    min_face_px: float = Field(
        8, ge=0, description="Faces less tall than this are not measured; pixels of the full-size frame."
    )
    interpolated: bool = Field(
        False, description="Also measure rows whose place follows from the track alone."
    )
    upright: str = Field(
        "vidface-facemesh",
        description="A model of the task mesh that puts right the landmarks of tilted faces; empty: none.",
    )
    threads: int = Field(1, ge=1, le=64, description="Threads of the network on the CPU.")

    _embedder: Embedder
    _upright: Upright | None
    _card: Card | None

    def models(self) -> tuple[str, ...]:
        return (self.model, self.upright) if self.upright else (self.model,)

    def open(self, device: Device) -> None:
        """Load the models.

        Raises:
            ModelError: one is missing or altered, or not of its task.
        """
        self._upright = Upright(self.upright, device) if self.upright else None
        self._embedder = Embedder(self.model, device, threads=self.threads)
        self._card = device.card

    def facts(self) -> dict[str, Any]:
        """Crops for which the network gave no numbers, where there were any, with a note."""
        unread, unseen = self._embedder.unread, 0 if self._upright is None else self._upright.unread
        what = "gave no numbers (NaN or infinite) for"
        notes = [f"{self.model} {what} {unread} crops, which were not measured"] if unread else []
        if unseen:
            notes.append(f"{self.upright} {what} {unseen} crops, so tilted faces may be embedded wrongly")
        return {"no_numbers": unread + unseen, "notes": notes} if notes else {}

    def close(self) -> None:
        self._embedder.close()
        if self._upright is not None:
            self._upright.close()

    def process(
        self,
        frame: Batch[Frame],
        faces: Batch[Faces],
        crops: Batch[Crops] | None = None,
        mesh: Batch[Meshes] | None = None,
    ) -> Batch[Embeddings]:
        """Embeddings of each frame, row by row those of its faces.

        Raises:
            UsageError: meshes that are wired in have not a row for every face.
        """
        rows = [self._wanted(one) for one in faces]
        for place, given in enumerate(crops or ()):
            rows[place] = [row for row in rows[place] if len(given) and given.known[row]]
        meshes = [None] * len(frame) if mesh is None else mesh
        views = [View(*one) for one in zip(frame, faces, rows, meshes, strict=True)]
        pictures = []
        for place, (view, found) in enumerate(zip(views, self._landmarks(views), strict=True)):
            for row, landmarks in zip(view.rows, found, strict=True):
                pictures.append(
                    self._crop(view.frame, landmarks)
                    if crops is None
                    else self._recut(crops[place], row, landmarks)
                )
        size = self._embedder.size
        looks = self._embedder(stacked(pictures, size, self._card))
        values, start = [], 0
        for one, wanted in zip(faces, rows, strict=True):
            part = slice(start, start := start + len(wanted))
            values.append(self._spread(len(one), wanted, looks, part))
        return Batch(values)

    def _wanted(self, faces: Faces) -> list[int]:
        seen = np.isfinite(faces.landmarks).all((1, 2)) & (faces.heights >= self.min_face_px)
        if not self.interpolated:
            seen &= ~faces.interpolated
        # Points that coincide fix no crop.
        spread = np.ptp(faces.landmarks, axis=1).max(axis=1) > 1
        rows: list[int] = np.flatnonzero(seen & spread).tolist()
        return rows

    def _landmarks(self, views: list[View]) -> list[NDArray[np.float32]]:
        """Of each view those of its rows, k x 5 x 2."""
        for view in views:
            check_rows(view.faces, mesh=view.mesh)
        if self._upright is None:
            return [view.faces.landmarks[view.rows] for view in views]
        return self._upright.of_views(views)

    def _crop(self, frame: Frame, landmarks: NDArray[np.float32]) -> Any:
        size = self._embedder.size
        return cut(frame, to_template(landmarks, self._embedder.template, size), size, self._card)

    def _recut(self, crops: Crops, row: int, landmarks: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The embedder's crop out of another one."""
        size = self._embedder.size
        to_crop = np.vstack([to_template(landmarks, self._embedder.template, size), (0, 0, 1)])
        back = np.linalg.inv(np.vstack([crops.matrices[row], (0, 0, 1)]))
        return np.asarray(aligned(crops.pixels[row], (to_crop @ back)[:2], size), np.uint8)

    def _spread(self, count: int, rows: list[int], looks: Looks, part: slice) -> Embeddings:
        vectors = np.zeros((count, self._embedder.dimension), np.float32)
        sure = np.full(count, np.nan, np.float32)
        vectors[rows], sure[rows] = looks.vectors[part], looks.recognisability[part]
        return Embeddings(vectors, sure, self._embedder.fingerprint)
