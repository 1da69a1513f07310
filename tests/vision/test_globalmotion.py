"""The camera's motion from a background: exact, without faces, honest where there is nothing."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from vidface.vision.globalmotion import CameraMotion, as_move, of_move

SIZE = (640, 360)


def texture(seed: int = 0) -> np.ndarray[Any, Any]:
    """Blobs that corners are found on."""
    noise = np.random.default_rng(seed).normal(0, 1, (SIZE[1], SIZE[0]))
    soft = cv2.GaussianBlur(noise, (0, 0), 4)
    return np.asarray(np.clip(128 + 40 * soft / np.std(soft), 0, 255), np.uint8)


def moved(image: np.ndarray[Any, Any], matrix: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    half = np.array([(1, 0, 0.5), (0, 1, 0.5), (0, 0, 1)])
    return cv2.warpPerspective(image, np.linalg.inv(half) @ matrix @ half, SIZE, flags=cv2.INTER_CUBIC)


MOVE = np.array([6.0, -4.0, 0.02, 0.015])


@pytest.mark.parametrize("model", ["similarity", "homography"])
def test_a_known_move_is_found(model: Any) -> None:
    """Shift to a tenth of a pixel, turn and scale to 0.0005."""
    camera = CameraMotion(model)
    assert camera.step(texture(), SIZE) is None
    step = camera.step(moved(texture(), of_move(MOVE, SIZE)), SIZE)
    assert step is not None
    assert np.abs(as_move(step, SIZE) - MOVE).max() < 0.1
    assert np.abs((as_move(step, SIZE) - MOVE)[2:]).max() < 5e-4


def test_convention_the_step_is_in_pixels_of_the_full_frame() -> None:
    camera = CameraMotion()
    camera.step(texture(), (1920, 1080))
    step = camera.step(moved(texture(), of_move((5, 3, 0, 0), SIZE)), (1920, 1080))
    assert step is not None
    assert np.allclose(as_move(step, (1920, 1080))[:2], (15, 9), atol=0.3)


def test_what_moves_in_a_face_is_left_out() -> None:
    """A large face goes one way, the background the other; the background counts."""
    before, after = texture(), moved(texture(), of_move((5, 0, 0, 0), SIZE))
    face = texture(3)
    box = (150, 20, 490, 350)
    for image, shift in ((before, 0), (after, -9)):
        image[20:350, 150:490] = np.roll(face, shift, axis=1)[20:350, 150:490]
    camera = CameraMotion()
    camera.step(before, SIZE, [box])
    step = camera.step(after, SIZE, [box])
    assert step is not None
    assert np.allclose(as_move(step, SIZE)[:2], (5, 0), atol=0.3)


@pytest.mark.parametrize(
    "after",
    [np.full((SIZE[1], SIZE[0]), 90, np.uint8), texture(9), np.zeros((90, 160), np.uint8)],
    ids=["plain", "another picture", "another size"],
)
def test_nothing_to_follow_is_said(after: Any) -> None:
    camera = CameraMotion()
    camera.step(texture(), SIZE)
    assert camera.step(after, SIZE) is None


def test_a_face_that_fills_the_frame_leaves_nothing() -> None:
    camera = CameraMotion()
    camera.step(texture(), SIZE, [(-50, -50, 700, 400)])
    assert camera.step(texture(), SIZE, [(-50, -50, 700, 400)]) is None


def test_moves_and_matrices_are_inverse() -> None:
    assert np.allclose(as_move(of_move(MOVE, SIZE), SIZE), MOVE)
