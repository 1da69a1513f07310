"""reenact.onnx: the field's talking faces, by weights that the user brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from pydantic import Field

from vidface.data import Device, Faces, Frame
from vidface.data.mesh import Meshes
from vidface.data.planes import Planes
from vidface.data.rows import check_rows
from vidface.data.sound import Sound
from vidface.errors import ModelError, UsageError
from vidface.infer import weights
from vidface.infer.lipsync import LipSyncer
from vidface.infer.liveportrait import LivePortrait
from vidface.media.stills import still_frame
from vidface.node import FOREVER, Node
from vidface.nodes.reenact._lips import Piece, chunk_of, lips_of
from vidface.nodes.reenact._living import Matrix, Sitter, cut, portrait_crop
from vidface.nodes.reenact._source import StillReader
from vidface.vision.implicitpoints import Region

_LIPS: Final = "wav2lip"
_LIVING: Final = "liveportrait-warping"


class ReenactOnnx(Node):
    """Make faces talk or move with networks of others: Wav2Lip, LivePortrait. Nothing is ever downloaded.

    The weights are yours, and so are their terms. `vidface models import FILE --as NAME` takes a file,
    `vidface models card NAME` says under which licence it stands. **Wav2Lip** (wav2lip, wav2lip_gan) may be
    used for personal, research and non-commercial ends only, since it was trained on LRS2. **LivePortrait**
    (liveportrait_*) states MIT for code and weights; its own tool, however, finds faces with InsightFace's
    models, which are not for commercial use: this node finds faces with vidface's own and needs none of them.

    Which way is taken follows from the family of `model`.

    - Wav2Lip: the mouths of the faces in `frame` are redrawn to `sound` (wire `source.sound`), below the
      middle of each face and inside its outline; nothing else changes. Without a track the frame stays as it
      is, silence closes the mouth as the network thinks fit.
    - LivePortrait: the person in the still picture `source` moves as the largest face of the frame, or that
      of `track`, does; the output is the still, in its own colour where the driver is in HDR (BT.2020). Wire
      `mesh`. Motion counts against the driver's first frame after a start or a cut (`relative`) or is taken
      as it is. Frames without the driver's face hold the last picture. The crops around the driver stay where
      the first one lay. Where the runtime cannot sample in three dimensions, take liveportrait_warping_fix.

    Such networks draw what is likely: every output is marked as synthetic, and a graph with this node needs
    the consent of the person (`consent:`).
    """

    model: str = Field(description="wav2lip, wav2lip_gan, liveportrait_warping, or one imported like them.")
    appearance: str = Field("liveportrait_appearance", description="LivePortrait: reads the source's looks.")
    motion: str = Field("liveportrait_motion", description="LivePortrait: reads pose and expression.")
    stitching: str | None = Field(None, description="LivePortrait: liveportrait_stitching, or none.")
    source: Path | None = Field(None, description="LivePortrait: the still picture that is to move.")
    face: int | None = Field(
        None, ge=1, description="LivePortrait: which face of the source, from the left, where it has several."
    )
    detector: str = Field("vidface-facedet", description="LivePortrait: finds the face in the source.")
    mesh_model: str = Field("vidface-facemesh", description="LivePortrait: measures it.")
    relative: bool = Field(True, description="LivePortrait: motion against the driver's first frame.")
    region: Region = Field("all", description="LivePortrait: what is taken over from the driver.")
    largest_px: int = Field(
        2160, ge=64, le=8192, description="LivePortrait: a source with a longer side is shrunk to this."
    )
    track: int | None = Field(
        None, ge=1, description="This track only; else all faces, or the largest drives."
    )
    min_face_px: float = Field(
        16, ge=0, description="Faces less tall than this stay as they are; pixels of the full-size frame."
    )
    threads: int = Field(1, ge=1, le=64, description="Threads of the networks on the CPU.")

    memory = FOREVER
    generates: ClassVar[bool] = True
    needs_consent: ClassVar[bool] = True

    _lips: LipSyncer | None
    _networks: LivePortrait | None
    _sitter: Sitter | None
    _crop: Matrix | None
    _counts: dict[str, int]

    def creates(self) -> bool:
        """LivePortrait makes its pictures anew of the source; Wav2Lip changes those that come in."""
        return self.source is not None

    def models(self) -> tuple[str, ...]:
        family = weights.entry(self.model).manifest.family
        if family == _LIVING:
            rest = (self.appearance, self.motion, *([self.stitching] if self.stitching else []))
            return (self.model, *rest, self.detector, self.mesh_model)
        return (self.model,)

    def open(self, device: Device) -> None:
        """Load the networks, and read the source.

        Raises:
            ModelError: a model is missing, altered, or of neither kind.
            UsageError: a source is wanted and not there, or there and not wanted; it shows several faces.
            InputError: the source cannot be read, or shows no face.
        """
        self._lips = self._networks = self._sitter = None
        self._counts = {"drawn": 0, "failed": 0, "left": 0, "held": 0}
        family = weights.entry(self.model).manifest.family
        if family not in (_LIPS, _LIVING):
            raise ModelError(
                f"reenact.onnx: {self.model} is of the family {family}, but {_LIPS} or {_LIVING} is wanted; "
                "vidface models list --task lipsync and --task reenact show them."
            )
        if (self.source is None) != (family == _LIPS):
            raise UsageError(
                f"reenact.onnx: {self.model} redraws the faces of the frame itself; leave out source"
                if family == _LIPS
                else f"reenact.onnx: {self.model} animates a still picture; name it as source: PICTURE"
            )
        if family == _LIPS:
            self._lips = LipSyncer(self.model, device, threads=self.threads)
            return
        names = (self.appearance, self.motion, self.model)
        self._networks = LivePortrait(names, device, stitching=self.stitching, threads=self.threads)
        self._sitter = self._seated(self._networks, device)

    def reset(self) -> None:
        """Motion counts anew."""
        self._crop = None
        if self._sitter is not None:
            self._sitter.reset()

    def close(self) -> None:
        for one in (self._lips, self._networks):
            if one is not None:
                one.close()

    def facts(self) -> dict[str, Any]:
        """Faces drawn, failed (the network gave no numbers), left as they were, frames held; oddities."""
        notes = []
        if self._counts["failed"]:
            notes.append(f"{self.model} gave no numbers for {self._counts['failed']} faces, which stayed")
        if self._lips is not None and self._counts.get("unheard"):
            notes.append(f"{self._counts['unheard']} frames had no sound track; their faces stayed")
        if self._counts["held"]:
            notes.append(f"{self._counts['held']} frames had no driving face; the last picture was held")
        return dict(self._counts) | ({"notes": notes} if notes else {})

    def process(
        self, frame: Frame, faces: Faces, mesh: Meshes | None = None, sound: Sound | None = None
    ) -> Frame:
        """The frame with other mouths, or the still picture in motion.

        Raises:
            UsageError: `sound` is not wired and wanted, or `mesh` has not a row for every face.
            ModelError: a network failed, or does not follow its manifest.
        """
        check_rows(faces, mesh=mesh)
        rows = np.flatnonzero(faces.heights >= self.min_face_px).tolist()
        if self.track is not None:
            rows = [row for row in rows if faces.tracks[row] == self.track]
        if self._sitter is not None:
            return self._living(self._sitter, frame, faces, mesh, rows)
        if sound is None:
            raise UsageError(f"reenact.onnx: {self.model} wants sound; wire sound: source.sound")
        return self._talking(frame, faces, mesh, sound, rows)

    def _talking(
        self, frame: Frame, faces: Faces, mesh: Meshes | None, sound: Sound, rows: list[int]
    ) -> Frame:
        if self._lips is None or not sound.heard or not rows:
            self._counts["left"] += len(faces)
            self._count("unheard", int(not sound.heard))
            return frame
        mel = chunk_of(sound)
        pieces: list[Piece] = []
        for row in rows:
            piece = lips_of(frame, faces, row, mesh=mesh, network=self._lips, mel=mel)
            if piece is None:
                self._counts["left"] += 1
            elif not np.isfinite(piece.delta).all():
                self._counts["failed"] += 1
            else:
                pieces.append(piece)
        self._counts["drawn"] += len(pieces)
        self._counts["left"] += len(faces) - len(rows)

        def paint(planes: Planes) -> None:
            for piece in pieces:
                piece.paste(planes)

        return frame.painted(paint) if pieces else frame

    def _living(
        self, sitter: Sitter, frame: Frame, faces: Faces, mesh: Meshes | None, rows: list[int]
    ) -> Frame:
        place = max(rows, key=lambda row: float(faces.heights[row]), default=None)
        crop = None if place is None else self._driver_crop(faces, mesh, place)
        if crop is None or self._networks is None:
            self._counts["held"] += 1
            return sitter.on(frame)
        picture = cut(frame, crop, self._networks.size)
        done = sitter.drive(picture, relative=self.relative, region=self.region)
        self._counts["drawn" if done else "failed"] += 1
        return sitter.on(frame)

    def _driver_crop(self, faces: Faces, mesh: Meshes | None, row: int) -> Matrix | None:
        """Where the driver is looked at: as in the first frame, so that its head's way is seen."""
        known = mesh is not None and len(mesh) > row and bool(mesh.known[row])
        if self._crop is None and self._networks is not None and mesh is not None and known:
            self._crop = portrait_crop(mesh.points[row], self._networks.size)
        return self._crop

    def _seated(self, networks: LivePortrait, device: Device) -> Sitter:
        if self.source is None:
            raise UsageError("reenact.onnx: source is wanted")
        reader = StillReader("reenact.onnx", self.detector, self.mesh_model, device)
        try:
            read = reader.read(self.source, self.face)
        finally:
            reader.close()
        still = still_frame(self.source)
        share = min(1.0, self.largest_px / max(still.size))
        wide, high = (max(2, round(side * share / 2) * 2) for side in still.size)
        return Sitter(still, read.mesh, networks=networks, size=(wide, high))

    def _count(self, name: str, more: int) -> None:
        if more:
            self._counts[name] = self._counts.get(name, 0) + more
