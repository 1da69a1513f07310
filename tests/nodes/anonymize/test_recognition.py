"""A hidden face is a stranger to the recogniser; open ones are not, which shows that the test can fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import vidface
from vidface.data import Device, Frame, Planes
from vidface.infer.embedder import Embedder
from vidface.nodes.anonymize.faces import AnonymizeFaces
from vidface.vision.align import TEMPLATES, to_template
from vidface.vision.facecrop import aligned, region_of
from vidface.vision.veil import Mode, Veil, lay, outline_of_box

Look = tuple[Frame, NDArray[Any], NDArray[Any]]
"""A frame, and box and landmarks of a face in it."""


@pytest.fixture(scope="module")
def looks(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Look]:
    """Both people of the sample, eight times."""
    graph = tmp_path_factory.mktemp("graph") / "g.yaml"
    graph.write_text("version: 1\nnodes: {find: {use: detect.face, in: source}}\noutputs: {faces: find}\n")
    found: list[Look] = []
    for tick in vidface.run(graph, samples / "two_people.mp4", start=4.2, stop=4.8):
        faces = tick["faces"]
        if tick.index % 4 == 0:
            found += [
                (tick.frame, faces.boxes[i], faces.landmarks[i]) for i in np.flatnonzero(faces.heights > 60)
            ]
    return found


def vectors(embedder: Embedder, looks: list[Look]) -> NDArray[np.float32]:
    crops = []
    for frame, _, landmarks in looks:
        scale = embedder.size / TEMPLATES[embedder.template].size
        matrix = to_template(landmarks, embedder.template) * scale
        region = region_of(frame, matrix, embedder.size)
        assert region is not None
        crops.append(aligned(region.pixels, region.matrix(matrix), embedder.size))
    return embedder(np.stack(crops)).vectors


def hidden(looks: list[Look], mode: Mode, cells: int) -> list[Look]:
    node = AnonymizeFaces()
    veil, found = Veil(mode, cells, node.colour), []
    for frame, box, landmarks in looks:
        middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * node.grow
        cover = np.concatenate([middle - half, middle + half])

        def paint(planes: Planes, box: Any = cover, points: Any = landmarks) -> None:
            lay(planes, veil, box, [outline_of_box(box, node.shape)], points)

        picture = frame.painted(paint)
        found.append((picture, box, landmarks))
    return found


@pytest.mark.parametrize("mode", ["blur", "pixelate", "solid", "mask"])
def test_the_recogniser_does_not_know_them_again(looks: list[Look], mode: Mode) -> None:
    assert len(looks) >= 6
    embedder = Embedder("vidface-embed", Device(), threads=1)
    try:
        open_ones = vectors(embedder, looks)
        after = vectors(embedder, hidden(looks, mode, AnonymizeFaces().cells))
        # The control: a blur that is too fine.
        fine = vectors(embedder, hidden(looks, "blur", 16))
    finally:
        embedder.close()
    same = open_ones @ open_ones.T
    strangers = float(same.min())
    own = (after * open_ones).sum(axis=1)
    assert own.max() < 0.3, own
    assert own.mean() < strangers + 0.1
    assert (fine * open_ones).sum(axis=1).min() > 0.35
