"""The identity guard with the project's own embedder: a network that paints somebody else is held back."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data import Faces
from vidface.graph.harness import NodeHarness
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.detect.face import DetectFace
from vidface.nodes.restore import face
from vidface.nodes.restore._network import Restored
from vidface.nodes.restore._report import RestoredFaces
from vidface.nodes.restore.face import RestoreFace
from vidface.vision.align import to_template
from vidface.vision.facecrop import aligned

FRAMES, RATE = 40, 25


def portrait(samples: Path, name: str) -> tuple[NDArray[np.uint8], Faces]:
    """A picture, and the one face in it."""
    bgr = cv2.imread(str(samples / name))
    assert bgr is not None
    rgb = np.ascontiguousarray(bgr[..., ::-1], np.uint8)
    with NodeHarness(DetectFace()) as harness:
        (found,) = harness.run(frame=[frame_from_rgb(rgb)])
    assert len(found) == 1
    return rgb, Faces.of(found.boxes, landmarks=found.landmarks, tracks=[1])


class Painter:
    """Mixes the face with somebody else's."""

    size, known = 256, 8
    other: NDArray[np.float32]
    amount: float

    def __init__(self, *_args: Any, **_named: Any) -> None:
        pass

    def blank(self) -> NDArray[np.float32]:
        return np.zeros((1, 1, 1), np.float32)

    def __call__(self, crops: Any, states: Any, known: Any) -> Restored:
        return Restored((crops + self.amount * (self.other - crops)).astype(np.float32), states)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("amount", "held"), [(0.6, True), (0.2, False)])
def test_a_restored_face_that_is_somebody_else_fades_out(
    samples: Path, monkeypatch: pytest.MonkeyPatch, amount: float, held: bool
) -> None:
    """From the fourth frame on: three looks say who it was. Less of the other changes nobody, and passes."""
    mine, there = portrait(samples, "hopper.jpg")
    rgb, found = portrait(samples, "collins.jpg")
    Painter.other = aligned(rgb, to_template(found.landmarks[0], "ffhq512") / 2, 256).astype(np.float32)
    Painter.amount = amount
    monkeypatch.setattr(face, "RestoreNetwork", Painter)
    frames = [frame_from_rgb(mine, index, Fraction(index, RATE)) for index in range(FRAMES)]
    with NodeHarness(RestoreFace(fidelity=1, grain=0)) as harness:
        got = [RestoredFaces(*row) for row in harness.run(frame=frames, faces=[there] * FRAMES)]
        facts = harness.node.facts()
    shares = np.array([one.report.column("restore_share")[0] for one in got])
    assert shares[:3].tolist() == [1, 1, 1]
    if not held:
        assert shares.min() == 1
        assert "notes" not in facts
        return
    assert np.abs(np.diff(shares)).max() < 0.12
    assert shares[4] < 1
    assert shares[-1] < 0.05
    assert got[-1].report.column("restore_cosine_after")[0] < 0.8
    assert facts["notes"] == [
        f"the identity guard held restoration back: track 1 on {facts['held_back']} frames"
    ]
    left = np.abs(got[-1].frame.planes().luma.astype(int) - frames[-1].planes().luma)
    painted = np.abs(got[0].frame.planes().luma.astype(int) - frames[0].planes().luma)
    assert left.max() < 0.1 * painted.max()
