"""`vidface eval reenact`, the judges: what a detector, a mesh and embedders see in pictures of a head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.cli._looks import FaceEmbedder
from vidface.cli._restorejudge import placed
from vidface.data import Faces
from vidface.data.mesh import POINTS, Meshes
from vidface.eval import reenact
from vidface.graph.harness import NodeHarness
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.detect.face import DetectFace
from vidface.nodes.mesh.face import MeshFace
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import five_of_mesh


@dataclass(frozen=True, slots=True, eq=False)
class Judges:
    """Who looks.

    Attributes:
        embedders: name of the figure -> embedder.
        model: the mesh model, which tells pose from expression.
    """

    embedders: Mapping[str, FaceEmbedder]
    model: MeshModel


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What is seen in n pictures; NaN where no face is found.

    Attributes:
        points: n x 478 x 3, pixels.
        vectors: name of the figure -> n x d.
        shown: pose, expression and openings.
    """

    points: NDArray[np.float64]
    vectors: Mapping[str, NDArray[np.float32]]
    shown: reenact.Shown


def look(pictures: NDArray[np.uint8], judges: Judges) -> Seen:
    """Look at n x h x w x 3 pictures, each by itself: nothing is known of where the face should be."""
    frames = [frame_from_rgb(picture, place) for place, picture in enumerate(pictures)]
    with NodeHarness(DetectFace(width=max(pictures.shape[1:3]))) as harness:
        found: list[Faces] = harness.run(frame=frames)
    largest = [one.pick(np.argsort(-one.heights, kind="stable")[:1]) for one in found]
    with NodeHarness(MeshFace()) as harness:
        read: list[Any] = harness.run(frame=frames, faces=largest)
    points = np.full((len(frames), POINTS, 3), np.nan)
    for place, (mesh, _) in enumerate(read):
        if isinstance(mesh, Meshes) and mesh.known.any():
            points[place] = mesh.points[0]
    vectors = {name: _embedded(frames, points, judge) for name, judge in judges.embedders.items()}
    return Seen(points, vectors, reenact.shown(points, judges.model))


def _embedded(frames: list[Any], points: NDArray[np.float64], embedder: FaceEmbedder) -> NDArray[np.float32]:
    known = np.flatnonzero(np.isfinite(points).all((1, 2)))
    vectors = np.full((len(frames), embedder.dimension), np.nan, np.float32)
    if len(known):
        size = (embedder.size, embedder.size)
        crops = [frames[at].crop(placed(embedder, five_of_mesh(points[at])), size) for at in known]
        vectors[known] = embedder(np.stack(crops)).vectors
    return vectors
