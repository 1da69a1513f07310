"""Registration of a face's pixels: a few hundredths of a pixel, or an honest None."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from vidface.vision.register import Patch, register
from vidface.vision.skull import matrix_of
from vidface.vision.warpframe import sample

SKULL = (100 + 0j, 200 + 180j)


def face(seed: int = 0, dtype: Any = np.uint8) -> np.ndarray[Any, Any]:
    """Something with structure at several scales where a face would be."""
    rng = np.random.default_rng(seed)
    layers = [s * cv2.GaussianBlur(rng.normal(0, 1, (400, 400)), (0, 0), s) for s in (3, 6, 12)]
    image = np.sum(layers, axis=0)
    image = 128 + 35 * image / image.std()
    depth, top = (1, 255) if dtype is np.uint8 else (4, 1023)
    return np.asarray(np.clip(depth * image, 0, top), dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("a", "b"), [(1, 0j), (1.03, 2 - 3j), (0.97 + 0.03j, -6 + 4j), (1 - 0.02j, 0.31 + 0.17j)]
)
def test_a_known_motion_is_found(dtype: Any, a: complex, b: complex) -> None:
    """To five hundredths of a pixel and 0.0005, from a guess that knows nothing of it."""
    before = face(dtype=dtype)
    shift = SKULL[1] - a * SKULL[1] + b
    after = sample(before, matrix_of(complex(a), shift), (400, 400))
    found = register(Patch.cut(before, SKULL), after, SKULL)
    assert found is not None
    assert abs(found[0] / SKULL[0] - a) < 1e-3
    assert abs(found[1] - (a * SKULL[1] + shift)) < 0.08


def test_light_does_not_move_a_face() -> None:
    before = face()
    after = np.clip(before * 0.7 + 40, 0, 255).astype(np.uint8)
    found = register(Patch.cut(before, SKULL), after, SKULL)
    assert found is not None
    assert abs(found[1] - SKULL[1]) < 0.05


def test_eyes_and_mouth_do_as_they_please() -> None:
    """Other pixels on eyes and mouth move the skull by less than a tenth of a pixel."""
    before = face()
    after = before.copy()
    for x, y in ((148, 164), (252, 164), (200, 274)):
        cv2.ellipse(after, (x, y), (24, 11), 0, 0, 360, 20, -1)
    found = register(Patch.cut(before, SKULL), after, SKULL)
    assert found is not None
    assert abs(found[1] - SKULL[1]) < 0.1


@pytest.mark.parametrize("after", [face(5), np.full((400, 400), 90, np.uint8)], ids=["another", "plain"])
def test_another_picture_is_not_believed(after: Any) -> None:
    assert register(Patch.cut(face(), SKULL), after, SKULL) is None


@pytest.mark.parametrize("b", [-500 - 500j, 0j, 399 + 399j, 5000 + 0j])
def test_faces_at_and_behind_the_edge_do_no_harm(b: complex) -> None:
    register(Patch.cut(face(), (60 + 0j, b)), face(), (60 + 0j, b))
