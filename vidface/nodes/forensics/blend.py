"""forensics.blend: whether a face shows the traces of having been put into the picture."""

from __future__ import annotations

from contextlib import suppress
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import Device
from vidface.data.faces import Faces
from vidface.data.finding import Finding, Findings
from vidface.data.frame import Frame
from vidface.data.mesh import Meshes
from vidface.data.rows import check_rows
from vidface.infer.blendreader import BlendReader
from vidface.node import FOREVER, Node
from vidface.nodes.forensics._courses import Course, Courses, Seen
from vidface.vision.facecrop import aligned, region_of
from vidface.vision.meshcrop import crop_of_mesh

KIND: Final = "blend"

_LEAST_INSIDE: Final = 0.8
"""Share of the mesh's points that must lie in the picture."""


class _Look(NamedTuple):
    """One face on one frame: longer side of its mesh in pixels, share of it in the picture, what was read.

    log_odds is NaN, crop and heat None where the network was not asked.
    """

    extent: float
    inside: float
    log_odds: float = float("nan")
    heat: NDArray[np.uint8] | None = None
    crop: NDArray[np.uint8] | None = None


class ForensicsBlend(Node):
    """Look for the traces of blending: seam, colour and sharpness of a face put into another picture.

    A small network reads the crop around the mesh on every `every`-th frame. It was trained on real faces
    and on the same faces blended with themselves ("self-blended images", Shiohara and Yamasaki 2022), both
    through video coding at constant rate factors 18 to 40, so that it knows no particular swapping method.
    Faces that were generated whole carry no seam, and it says nothing of them. Restoration, beauty
    filters and stabilisation of the face can leave the same traces.

    One finding per track and hop. score: mean log odds over the frames that were looked at; details: frames,
    worst (the highest log odds of a frame), share (of frames above 0), face_px (median extent of the mesh);
    heat: where the face of the worst frame was put in, over picture, the crop the network saw. Not applicable
    to faces smaller than `min_face_px`, to faces cut off by the picture's edge, and without a mesh.
    """

    model: str = Field("vidface-blend", description="A model of the task forensics that looks for blending.")
    every: int = Field(5, ge=1, le=250, description="Look at each n-th frame.")
    min_face_px: float = Field(
        48, ge=16, description="Faces whose mesh is smaller say nothing; longer side in pixels of the frame."
    )
    window_s: float = Field(3.0, gt=0, le=60, description="How far back a finding looks; seconds.")
    hop_s: float = Field(0.5, gt=0, le=60, description="From one finding of a track to the next; seconds.")
    threads: int = Field(1, ge=1, le=64, description="Threads of the network on the CPU.")

    memory = FOREVER

    _reader: BlendReader
    _courses: Courses[_Look]

    def models(self) -> tuple[str, ...]:
        return (self.model,)

    def open(self, device: Device) -> None:
        """Load the model.

        Raises:
            ModelError: it is missing, altered, or another kind of network.
        """
        self._reader = BlendReader(self.model, device, threads=self.threads)

    def reset(self) -> None:
        """Forget everybody."""
        self._courses = Courses(self.window_s, self.hop_s)

    def close(self) -> None:
        self._reader.close()

    def process(self, frame: Frame, faces: Faces, mesh: Meshes) -> Findings:
        """Findings of the tracks for which one is due."""
        check_rows(faces, mesh=mesh)
        looks: list[_Look | None] = [None] * len(faces)
        if frame.index % self.every == 0 and len(mesh):
            looks = self._looks(frame, mesh)
        return Findings(tuple(self._finding(one) for one in self._courses.step(frame, faces, looks)))

    def _looks(self, frame: Frame, mesh: Meshes) -> list[_Look | None]:
        """Row by row; the crops of all faces are read together."""
        looks: list[_Look | None] = [None] * len(mesh)
        crops: dict[int, NDArray[np.uint8]] = {}
        for row in np.flatnonzero(mesh.known).tolist():
            points = mesh.points[row]
            look = looks[row] = _Look(float(np.ptp(points[:, :2], axis=0).max()), _inside(points, frame.size))
            if look.extent >= self.min_face_px and look.inside >= _LEAST_INSIDE:
                crop = self._crop(frame, points)
                crops |= {} if crop is None else {row: crop}
        if crops:
            read = self._reader(np.stack(list(crops.values())))
            for row, log_odds, heat in zip(crops, read.log_odds.tolist(), read.heat, strict=True):
                shown = np.rint(heat * 255).astype(np.uint8)
                before = looks[row]
                looks[row] = before and before._replace(log_odds=log_odds, heat=shown, crop=crops[row])
        return looks

    def _crop(self, frame: Frame, points: NDArray[np.float32]) -> NDArray[np.uint8] | None:
        size = self._reader.size
        with suppress(ValueError):
            matrix = crop_of_mesh(points, size)
            region = region_of(frame, matrix, size)
            if region is not None:
                return np.asarray(aligned(region.pixels, region.matrix(matrix), size), np.uint8)
        return None

    def _finding(self, course: Course[_Look]) -> Finding:
        read = [one for one in course.measured if one.value is not None and one.value.heat is not None]
        if not read:
            return Finding(KIND, course.track, course.stretch, why_not=self._why_not(course))
        looks = [one.value for one in read if one.value is not None]
        scores = np.array([look.log_odds for look in looks])
        worst: Seen[_Look] = read[int(scores.argmax())]
        details = {
            "frames": float(len(scores)),
            "worst": float(scores.max()),
            "share": float((scores > 0).mean()),
            "face_px": float(np.median([look.extent for look in looks])),
        }
        return Finding(
            KIND,
            course.track,
            course.stretch,
            float(scores.mean()),
            details=details,
            heat=worst.value.heat if worst.value is not None else None,
            frame=worst.frame,
            picture=worst.value.crop if worst.value is not None else None,
        )

    def _why_not(self, course: Course[_Look]) -> str:
        looks = [one.value for one in course.measured if one.value is not None]
        if not looks:
            return "No mesh was found on the face on the frames that were looked at."
        extent = float(np.median([look.extent for look in looks]))
        if extent < self.min_face_px:
            return f"The face is {extent:.0f} px large; traces of blending need {self.min_face_px:.0f} px."
        return "The face is cut off by the edge of the picture."


def _inside(points: NDArray[np.float32], size: tuple[int, int]) -> float:
    """Share of the points that lie in the picture."""
    flat = points[:, :2]
    return float(((flat >= 0) & (flat <= np.asarray(size))).all(axis=1).mean())
