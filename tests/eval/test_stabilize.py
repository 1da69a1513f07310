"""The figures of stabilised video, on hand-computed motions."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from vidface.eval.homography import MAX_SIDE, cropping_of, distortion_of, features, homography
from vidface.eval.stabilize import face_jitter, low_share, path_of, score, stability


def similarity(scale: float, degrees: float, x: float = 0, y: float = 0) -> np.ndarray:
    """3 x 3 of a similarity."""
    c, s = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    return np.array([(c, -s, x), (s, c, y), (0, 0, 1.0)])


def picture(seed: int = 0) -> np.ndarray:
    """A picture with much to hold on to."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (24, 32)).astype(np.uint8)
    return np.kron(coarse, np.ones((10, 10), np.uint8))


def test_cropping_is_one_over_the_zoom_and_at_most_1() -> None:
    """Zoom 1.25 leaves 0.8 of the side; a smaller picture leaves all; turning costs nothing."""
    assert cropping_of(similarity(1.25, 30)) == pytest.approx(0.8)
    assert cropping_of(similarity(0.5, 0)) == 1.0
    assert cropping_of(np.diag([2.0, 0.5, 1])) == pytest.approx(1.0)


def test_distortion_of_a_similarity_is_1_and_of_a_stretch_its_ratio() -> None:
    """The complex pair of a rotation has one magnitude; a stretch has two."""
    assert distortion_of(similarity(1.3, 77)) == pytest.approx(1.0)
    assert distortion_of(np.diag([1.0, 0.9, 1])) == pytest.approx(0.9)


def test_a_stretch_is_seen_however_the_picture_is_turned() -> None:
    """Eigenvalues would see none: of a turn by 10 degrees they are a complex pair."""
    for degrees in (0, 10, 77):
        assert distortion_of(similarity(1.3, degrees) @ np.diag([1.0, 0.9, 1])) == pytest.approx(0.9)


def test_cropping_and_distortion_are_those_of_the_middle() -> None:
    """A trace of perspective, as matching leaves it, that is none at the middle of the picture."""
    middle = similarity(1, 0, 480, 270)
    tilt = np.array([(1, 0, 0), (0, 1, 0), (2e-5, 1e-5, 1.0)])
    zoomed = middle @ similarity(1.25, 3) @ tilt @ np.linalg.inv(middle)
    assert cropping_of(zoomed / zoomed[2, 2], (480, 270)) == pytest.approx(0.8, abs=0.005)
    assert distortion_of(zoomed / zoomed[2, 2], (480, 270)) == pytest.approx(1, abs=1e-6)
    row = score([zoomed / zoomed[2, 2]], [], size=(400, 400), source_size=(960, 540))
    assert (row.cropping_min, row.distortion) == pytest.approx((0.8, 1.0), abs=1e-6)


def test_low_share_tells_slow_from_fast() -> None:
    """A sine of 3 turns is all low, one of 20 turns all high; half and half is one half."""
    turns = np.arange(128) / 128 * 2 * np.pi
    slow, fast = np.sin(3 * turns), np.sin(20 * turns)
    assert low_share(slow) == pytest.approx(1)
    assert low_share(fast) == pytest.approx(0, abs=1e-9)
    assert low_share(slow + fast) == pytest.approx(0.5)
    assert low_share(np.full(10, 7.0)) == 1.0
    with pytest.raises(ValueError, match="finite"):
        low_share([1.0, math.nan])


def test_a_short_clip_has_no_stability() -> None:
    """Of up to eleven frames all frequencies are among the five lowest, so that pure shake would have 1."""
    shake = np.random.default_rng(0).normal(size=(11, 2)) * 10
    steps = [similarity(1, 0, x, y) for x, y in shake]
    assert np.isnan(stability(steps[:10], size=(640, 360))).all()
    assert stability(steps, size=(640, 360))[1] < 1


def test_a_path_adds_up_and_stands_still_where_a_step_is_lost() -> None:
    """Three steps of 2 px with one lost end at 4 px; a turn adds up beyond half a circle."""
    step = similarity(1, 0, 2)
    assert path_of([step, None, step])[:, 0].tolist() == [0, 2, 2, 4]
    assert math.degrees(path_of([similarity(1, 30)] * 8)[-1, 2]) == pytest.approx(240)


def test_a_still_output_is_fully_stable() -> None:
    """Noise of matching below a twentieth of a pixel is not shaking."""
    rng = np.random.default_rng(0)
    steps = [similarity(1, 0, *rng.normal(0, 0.001, 2)) for _ in range(40)]
    assert stability(steps, size=(640, 360)) == (1.0, 1.0)
    assert all(math.isnan(value) for value in stability([], size=(640, 360)))


def test_score_counts_what_is_missing() -> None:
    """Missing homographies are counted and left out, not taken for perfect ones."""
    row = score([similarity(1.25, 0), None, similarity(1, 0)], [None, similarity(1, 0)], size=(640, 360))
    assert (row.frames, row.missing, row.lost_steps) == (3, 1, 1)
    assert row.cropping_mean == pytest.approx(0.9)
    assert row.cropping_min == pytest.approx(0.8)
    assert math.isnan(score([None], [], size=(640, 360)).distortion)


def test_face_jitter_by_hand() -> None:
    """Eyes 100 px apart, every point 1 px to and fro: second differences of 4 px are 4 percent."""
    still = np.array([(0, 0), (100, 0), (50, 50), (20, 90), (80, 90)], float)
    track = np.stack([still + np.array((1 if i % 2 else -1, 0)) for i in range(9)])
    assert face_jitter(track) == pytest.approx(4)
    assert face_jitter(np.stack([still + np.array((3 * i, i)) for i in range(9)])) == pytest.approx(
        0, abs=1e-9
    )
    track[4] = math.nan
    assert face_jitter(track) == pytest.approx(4)
    assert math.isnan(face_jitter(track[:2]))
    with pytest.raises(ValueError, match="n x 5 x 2"):
        face_jitter(np.zeros((9, 4, 2)))


def test_a_homography_is_found_and_a_plain_picture_has_none() -> None:
    """A shift of (20, 10) is found to a tenth of a pixel; black has no features and gives None."""
    whole = picture()
    here, there = features(whole[10:210, 20:300]), features(whole[:200, :280])
    found = homography(here, there)
    assert found is not None
    assert found[:2, 2] == pytest.approx((20, 10), abs=0.1)
    assert homography(here, features(np.zeros((200, 280), np.uint8))) is None


def test_a_homography_of_a_large_picture_is_in_its_own_pixels() -> None:
    """Features are looked for in a smaller one: a shift of (90, 45) of 1500 columns is no less for that."""
    whole = picture()
    large = np.asarray(cv2.resize(whole, (1600, 1600 * whole.shape[0] // whole.shape[1])), np.uint8)
    here, there = large[45:, 90:], large[:-45, :-90]
    assert max(here.shape) > MAX_SIDE
    found = homography(features(here), features(there))
    assert found is not None
    assert found[:2, 2] == pytest.approx((90, 45), abs=1)
    assert found[:2, :2] == pytest.approx(np.eye(2), abs=2e-3)
