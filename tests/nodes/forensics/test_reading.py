"""Reading parts of a face: what is masked does not matter, and what cannot be read is passed over."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tests.nodes.forensics.madeface import face_mask, mesh_at
from vidface.data import Device, Faces
from vidface.infer.embedder import Embedder
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.forensics._reading import PartsReader, samples_of
from vidface.vision.faceparts import hull_mask, only
from vidface.vision.meshtopology import five_of_mesh

MESH = mesh_at()
FIVE = five_of_mesh(MESH).astype(np.float32)


@pytest.fixture(scope="module")
def reader() -> PartsReader:
    return PartsReader(Embedder("vidface-embed", Device()))


def picture(inside: int, outside: int) -> np.ndarray:
    """Noise of one seed inside of the face, of another outside."""
    inner, outer = (
        np.random.default_rng(n).integers(0, 255, (240, 320, 3), np.uint8) for n in (inside, outside)
    )
    return np.where(face_mask(MESH)[:, :, None], inner, outer).astype(np.uint8)


def read(reader: PartsReader, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    parts = reader(frame_from_rgb(image, 0, Fraction(0)), FIVE, MESH)
    assert parts is not None
    return parts


def test_each_part_is_read_without_the_other(reader: PartsReader) -> None:
    """Another inside changes the inner vector and hardly the outer one, and the other way round."""
    base, inside, outside = (read(reader, picture(*seeds)) for seeds in ((1, 2), (3, 2), (1, 4)))
    assert base[0] @ outside[0] > 0.97 > base[0] @ inside[0]
    assert base[1] @ inside[1] > 0.9
    assert base[1] @ inside[1] > base[1] @ outside[1]


def test_a_face_that_fixes_no_crop_is_passed_over(reader: PartsReader) -> None:
    """Points that coincide, are not known, or lie within a few pixels."""
    frame = frame_from_rgb(picture(1, 2), 0, Fraction(0))
    middle = MESH[:, :2].mean(axis=0)
    for five in (np.zeros((5, 2)), np.full((5, 2), np.nan), middle + (FIVE - middle) * 0.1):
        assert reader(frame, five.astype(np.float32), MESH) is None


def test_masks_are_soft_and_fill_with_grey() -> None:
    mask = hull_mask(np.array([(30.0, 30), (80, 30), (80, 80), (30, 80)]), 112)
    assert mask[55, 55] == pytest.approx(1, abs=1e-3)
    assert mask[5, 5] == 0
    assert 0.1 < mask[55, 30] < 0.9
    left = only(np.full((112, 112, 3), 255, np.uint8), mask)
    assert left[5, 5].tolist() == [127] * 3
    assert left[55, 55].tolist() == [255] * 3
    with pytest.raises(ValueError, match="three finite points"):
        hull_mask(np.full((5, 2), np.nan), 112)


def test_ports_that_are_not_wired_leave_samples_bare() -> None:
    frame = frame_from_rgb(picture(1, 2), 7, Fraction(1, 4))
    (sample,) = samples_of(frame, Faces.of([(0, 0, 9, 9)]), None, None, None)
    assert (sample.frame, sample.time, len(sample.vector), sample.mesh) == (7, 0.25, 0, None)
    assert not sample.shapely
