"""recognize.quality: how good the picture of every face is, as separate measures and one score."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data import Faces, Frame
from vidface.data.identity import Embeddings
from vidface.data.measures import Measure, Measures
from vidface.data.mesh import Meshes
from vidface.data.pose import Poses
from vidface.data.rows import check_rows
from vidface.node import Node
from vidface.vision import facequality as measure
from vidface.vision.align import to_template
from vidface.vision.bestshot import frontalness
from vidface.vision.faceframing import framing_of, inside_frame, shown_of
from vidface.vision.meshtopology import FACE_OVAL

Array = NDArray[np.float64]

KINDS: Final[tuple[Measure, ...]] = (
    Measure("quality_size", "ratio", "Size: d / (d + 12) for d pixels of the frame between the eyes."),
    Measure("quality_sharpness", "ratio", "How sharp edges are for the pixels that the face has."),
    Measure("quality_exposure", "ratio", "1 less the share of the face that is under- or over-exposed."),
    Measure("quality_contrast", "ratio", "Range of grey levels on the face; 1 from 80 levels of 255."),
    Measure(
        "quality_noise",
        "ratio",
        "1 without noise, a half at 12 grey levels on the crop; not for small faces.",
    ),
    Measure("quality_light", "ratio", "1 where both cheeks are as bright, a third less for each stop."),
    Measure("quality_pose", "ratio", "1 seen from the front, 0 in profile."),
    Measure(
        "quality_framing",
        "ratio",
        "Share of the face inside the frame and of its box not behind a larger one.",
    ),
    Measure("quality_recognisability", "probability", "That of the embedding, where one is wired in."),
    Measure("quality", "ratio", "All of these in one: the weighted geometric mean of those that are known."),
)
"""The columns, in order."""

_PICTURE: Final = ("size", "sharpness", "exposure", "contrast", "noise", "light", "framing")
_PREFIX: Final = "quality_"
_LEAST_EYES_PX: Final = 1.0
_MOST_FRAMES: Final = 10.0
"""Landmarks with less than a pixel, or more than ten frames, between the eyes are no face's."""


class RecognizeQuality(Node):
    """How good the picture of every face is, as separate measures, and one score of all of them.

    Each measure lies in [0, 1] and 1 is good, in the sense of ISO/IEC 29794-5. A face is judged on the pixels
    it has: one of 20 pixels may be sharp and well lit, and is just small; a small one that was enlarged
    before is large and not sharp. Sharpness hardly rises with noise, and sees motion blur of any direction;
    of faces of 20 pixels and less it says little. Noise is what is left of it on the crop of 112 pixels:
    shrinking a large face averages it out, and so does the turning of one of that size, by up to a half.

    Columns: quality_size, quality_sharpness, quality_exposure, quality_contrast, quality_noise (empty on
    faces with less than some 15 pixels between the eyes, where it cannot be told from texture),
    quality_light (both sides of the face), quality_pose (from the pose where it is wired in, else from the
    five landmarks, which give some .2 less for one and the same face), quality_framing (in the frame, by box
    and landmarks, and not behind another face), quality_recognisability
    (that of the embeddings, where they are wired in), and quality.

    quality is the geometric mean of what is known of the others, by weight: size and recognisability count
    2, sharpness, contrast and framing 1, exposure, noise and pose a half, light a tenth. It ranks pictures
    of one run, where the same is wired in; it is no probability.

    Where a mesh is wired in, the face ends at its outline, else at an ellipse. Occlusion by hands, masks and
    things is not measured. Interpolated rows, and those whose landmarks do not say where a face lies, are
    empty.
    """

    def process(
        self,
        frame: Frame,
        faces: Faces,
        embeddings: Embeddings | None = None,
        pose: Poses | None = None,
        mesh: Meshes | None = None,
    ) -> Measures:
        """Judge the faces of a frame.

        Raises:
            UsageError: a wired value has not a row for every face.
        """
        check_rows(faces, embeddings=embeddings, pose=pose, mesh=mesh)
        parts = self._pictures(frame, faces, mesh)
        judged = np.isfinite(parts["size"])
        parts["pose"] = np.where(judged, _pose(faces, pose), np.nan)
        parts["framing"] = np.fmin(parts["framing"], framing_of(faces.boxes, frame.size))
        parts["framing"][~judged] = np.nan
        parts["recognisability"] = np.where(judged, _recognisability(faces, embeddings), np.nan)
        columns = [
            measure.combine(parts) if kind.name == "quality" else parts[kind.name.removeprefix(_PREFIX)]
            for kind in KINDS
        ]
        return Measures(KINDS, np.column_stack(columns).astype(np.float32))

    def _pictures(self, frame: Frame, faces: Faces, mesh: Meshes | None) -> dict[str, Array]:
        """Name -> n values of what needs pixels; NaN in rows that are not judged."""
        table = np.full((len(faces), len(_PICTURE)), np.nan)
        meshed = mesh.known if mesh is not None and len(mesh) else np.zeros(len(faces), np.bool_)
        for row in np.flatnonzero(~faces.interpolated):
            try:
                matrix = to_template(faces.landmarks[row], "arcface112")
            except ValueError:
                continue
            between = measure.INTEROCULAR / _scale(matrix)
            if not _LEAST_EYES_PX <= between <= _MOST_FRAMES * max(frame.size):
                continue
            outline = mesh.points[row, FACE_OVAL, :2] if mesh is not None and meshed[row] else None
            table[row] = _picture(frame, matrix, faces.landmarks[row], outline)
        return dict(zip(_PICTURE, table.T, strict=True))


def _picture(
    frame: Frame, matrix: Array, landmarks: NDArray[np.float32], outline: NDArray[np.float32] | None
) -> tuple[float, ...]:
    """The measures of `_PICTURE` for one face; `matrix` takes the frame to the template."""
    scale = _scale(matrix)
    side = measure.crop_side(scale)
    matrix = matrix * (side / measure.SIDE)
    luma = np.asarray(cv2.cvtColor(frame.crop(matrix, (side, side)), cv2.COLOR_RGB2GRAY))
    shape = None if outline is None else outline @ matrix[:, :2].T + matrix[:, 2]
    face = measure.face_mask(side, shape)
    mask = face & inside_frame(matrix, side, frame.size)
    return (
        float(measure.size_of(measure.INTEROCULAR / scale)),
        measure.sharpness_of(luma, mask),
        measure.exposure_of(luma, mask),
        measure.contrast_of(luma, mask),
        measure.cleanness_of(luma, mask),
        measure.light_of(luma, mask, landmarks @ matrix[:, :2].T + matrix[:, 2]),
        shown_of(matrix, face, frame.size),
    )


def _scale(matrix: Array) -> float:
    return float(np.sqrt(np.linalg.det(matrix[:, :2])))


def _pose(faces: Faces, pose: Poses | None) -> Array:
    """n in [0, 1]: from the pose where it is known, else from the landmarks."""
    seen = frontalness(faces.landmarks)
    if pose is None or not len(pose):
        return seen
    return np.where(pose.known, measure.frontality(pose.angles), seen)


def _recognisability(faces: Faces, embeddings: Embeddings | None) -> Array:
    """n in [0, 1]; NaN where not measured."""
    if embeddings is None or not len(embeddings):
        return np.full(len(faces), np.nan)
    return embeddings.recognisability.astype(np.float64)
