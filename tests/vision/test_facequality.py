"""Each measure of a face's picture sees what it is named for, and not what it should not see."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.vision.drawn import POINTS, blurred, drawn_face, noisy
from vidface.vision import facequality as quality
from vidface.vision.bestshot import sharpness as proxy_sharpness
from vidface.vision.faceframing import inside_frame

FACE = drawn_face()
MASK = quality.face_mask(112)


def sharp(grey: NDArray[np.generic]) -> float:
    """Sharpness of a crop with the face in the middle."""
    return quality.sharpness_of(grey, quality.face_mask(len(grey)))


def moved(grey: NDArray[np.uint8], length: int, degrees: float) -> NDArray[np.float32]:
    """Blurred by a straight motion of `length` pixels."""
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1
    middle = ((length - 1) / 2,) * 2
    turn = cv2.getRotationMatrix2D(middle, degrees, 1)
    kernel = cv2.warpAffine(line, turn, (length, length))
    return np.asarray(cv2.filter2D(grey.astype(np.float32), -1, kernel / kernel.sum()))


def test_golden_values_of_a_drawn_face() -> None:
    """A change of any measure shows here."""
    found = {
        "size": float(quality.size_of(36)),
        "sharpness": quality.sharpness_of(FACE, MASK),
        "exposure": quality.exposure_of(FACE, MASK),
        "contrast": quality.contrast_of(FACE, MASK),
        "noise": quality.cleanness_of(noisy(FACE, 12), MASK),
        "light": quality.light_of(np.where(np.arange(112) < 56, FACE // 2, FACE), MASK, POINTS),
        "pose": float(quality.frontality(np.array([(30.0, 10.0, 45.0)]))[0]),
    }
    golden = {
        "size": 0.75,
        "sharpness": 0.8755,
        "exposure": 1.0,
        "contrast": 0.8643,
        "noise": 0.5164,
        "light": 0.2696,
        "pose": 0.7274,
    }
    assert found == pytest.approx(golden, abs=2e-3)


def test_blur_lowers_sharpness_step_by_step() -> None:
    """Every half pixel of blur counts, and three pixels cost more than half of it."""
    values = [sharp(FACE), *(sharp(blurred(FACE, sigma)) for sigma in np.arange(0.5, 4.1, 0.5))]
    assert (np.diff(values) < -0.01).all()
    assert values[6] < 0.5 * values[0]


@pytest.mark.parametrize("blur", [0.3, 1, 2, 3])
@pytest.mark.parametrize("sigma", [3, 6, 12, 25])
def test_noise_does_not_raise_sharpness(blur: float, sigma: float) -> None:
    """Up to heavy noise, on sharp and on blurred faces; a plain Laplacian takes it for detail."""
    picture = blurred(FACE, blur)
    assert sharp(noisy(picture, sigma)) < sharp(picture) + 0.02
    rgb = np.repeat(noisy(picture, 12)[:, :, None], 3, axis=2)
    assert proxy_sharpness(rgb) > proxy_sharpness(np.repeat(FACE[:, :, None], 3, axis=2))


def test_mere_noise_and_a_flat_picture_are_not_sharp() -> None:
    """Nothing to see is no sharp face, however rough."""
    flat = np.full((112, 112), 120, np.uint8)
    assert sharp(flat) == 0
    assert sharp(noisy(flat, 10)) < 0.1


@pytest.mark.parametrize("jpeg", [60, 30, 10])
def test_blocks_do_not_raise_sharpness(jpeg: int) -> None:
    """Strong compression of a blurred face leaves it blurred."""
    soft = np.asarray(np.rint(blurred(FACE, 2)), np.uint8)
    packed = cv2.imdecode(cv2.imencode(".jpg", soft, [cv2.IMWRITE_JPEG_QUALITY, jpeg])[1], 0)
    assert packed is not None
    assert sharp(packed) < sharp(soft) + 0.05


def test_an_enlarged_face_is_not_sharp_and_a_small_one_is() -> None:
    """16 pixels drawn large have the edges of 16 pixels; on a crop of 16 pixels they are all there is."""
    values = []
    for side in (64, 32, 24, 16):
        small = drawn_face(side)
        assert sharp(small) > 0.9
        values.append(sharp(np.asarray(cv2.resize(small, (112, 112), interpolation=cv2.INTER_CUBIC))))
    assert (np.diff(values) < 0).all()
    assert values[-1] < 0.5 * sharp(FACE)


@pytest.mark.parametrize("degrees", [0, 45, 90, 135])
def test_motion_blur_of_any_direction_lowers_sharpness(degrees: float) -> None:
    """Edges along the motion stay sharp, but the worst direction counts."""
    assert sharp(moved(FACE, 9, degrees)) < 0.75 * sharp(FACE)


def test_light_and_contrast_do_not_change_sharpness() -> None:
    """Half as bright, or half the contrast: as sharp."""
    for other in (FACE * 0.5, FACE * 0.5 + 60):
        assert sharp(other) == pytest.approx(sharp(FACE), abs=0.01)


def test_only_the_face_counts() -> None:
    """A sharp background behind a blurred face changes nothing but the sharpness of where it is."""
    picture = blurred(FACE, 2)
    x, y = np.meshgrid(*[np.arange(112)] * 2)
    far = ~quality.face_mask(112, np.array([(5, 10), (107, 10), (107, 111), (5, 111)]))
    picture[far] = np.where((x + y) % 8 < 4, 0, 255)[far]
    clean = blurred(FACE, 2)
    for of in (quality.sharpness_of, quality.exposure_of, quality.contrast_of, quality.noise_level):
        assert of(picture, MASK) == pytest.approx(of(clean, MASK), abs=2e-3)


def test_exposure_falls_both_ways_from_a_good_one() -> None:
    """Darker and brighter, step by step; noise hardly counts."""
    darker = [quality.exposure_of(FACE * gain, MASK) for gain in (1, 0.35, 0.2, 0.1, 0.02)]
    brighter = [quality.exposure_of(np.minimum(FACE * gain, 255), MASK) for gain in (1, 1.6, 1.8, 2.5)]
    assert (np.diff(darker) < 0).all()
    assert (np.diff(brighter) < 0).all()
    assert darker[0] == 1
    assert max(darker[-1], brighter[-1]) < 0.1
    assert quality.exposure_of(noisy(FACE, 12), MASK) > 0.99


def test_dark_skin_is_not_under_exposed() -> None:
    """Skin of 35 grey levels and more, as of the darkest tone well lit, loses nothing."""
    assert quality.exposure_of(np.full((112, 112), 37, np.uint8), MASK) == 1


def test_contrast_rises_with_the_range_and_not_with_noise() -> None:
    """Proportional to the spread of grey levels; indifferent to brightness."""
    low = quality.contrast_of(FACE * 0.25 + 90, MASK)
    assert low == pytest.approx(quality.contrast_of(FACE, MASK) / 4, rel=0.01)
    assert quality.contrast_of(noisy(FACE, 8), MASK) < quality.contrast_of(FACE, MASK) + 0.05
    assert quality.contrast_of(np.full((112, 112), 90, np.uint8), MASK) == 0


def test_light_from_one_side_costs_a_third_a_stop() -> None:
    """From either side alike, whatever the exposure and noise; darker than three stops is 0."""
    linear = (FACE / 255) ** 2.2
    left = np.arange(112) < 56
    for side in (left, ~left):
        values = []
        for stops in (0, 1, 2, 4):
            lit = 255 * (linear * np.where(side, 0.5**stops, 1)) ** (1 / 2.2)
            values.append(quality.light_of(lit, MASK, POINTS))
        assert values[:3] == pytest.approx([1, 2 / 3, 1 / 3], abs=0.04)
        assert values[3] < 0.15
    assert quality.light_of(noisy(FACE, 12), MASK, POINTS) > 0.97
    assert quality.light_of(FACE * 0.6, MASK, POINTS) == pytest.approx(1, abs=0.01)


def test_a_cheek_that_cannot_be_seen_has_no_light() -> None:
    """In profile the far cheek is a line: unknown, not uneven."""
    profile = POINTS.copy()
    profile[[1, 4], 0] = profile[2, 0] + 1
    assert np.isnan(quality.light_of(FACE, MASK, profile))


@pytest.mark.parametrize("sigma", [3.0, 6.0, 12.0, 20.0])
def test_noise_is_measured_in_grey_levels(sigma: float) -> None:
    """Within a tenth of what was added; a clean face has next to none, blurred or not."""
    assert quality.noise_level(noisy(FACE, sigma), MASK) == pytest.approx(sigma, rel=0.1)
    assert quality.noise_level(FACE, MASK) < 0.5
    assert quality.cleanness_of(FACE, MASK) > 0.99
    assert quality.cleanness_of(noisy(FACE, sigma), MASK) < 0.96


def test_noise_is_not_told_for_small_faces() -> None:
    """There the features themselves are a pixel wide."""
    assert np.isnan(quality.cleanness_of(drawn_face(32), quality.face_mask(32)))
    assert quality.cleanness_of(drawn_face(48), quality.face_mask(48)) > 0.8


def test_an_empty_mask_gives_no_measure() -> None:
    """A face outside the frame is not judged."""
    nothing = np.zeros((112, 112), np.bool_)
    for of in (quality.sharpness_of, quality.exposure_of, quality.contrast_of, quality.noise_level):
        assert np.isnan(of(FACE, nothing))
    assert np.isnan(quality.light_of(FACE, nothing, POINTS))


def test_size_rises_with_every_pixel() -> None:
    """From 0, a half at 12 pixels between the eyes, without a ceiling."""
    values = quality.size_of(np.arange(0, 400, 4))
    assert (np.diff(values) > 0).all()
    assert (values[0], values[3]) == (0, 0.5)
    assert values[-1] < 1


def test_frontality_is_of_yaw_and_pitch() -> None:
    """cos squared of each; roll does not matter, behind the head is 0, unknown stays unknown."""
    angles = [(0, 0, 80), (45, 0, 0), (0, -45, 0), (45, 45, 0), (120, 0, 0), (np.nan, 0, 0)]
    values = quality.frontality(np.array(angles))
    np.testing.assert_allclose(values, [1, 0.5, 0.5, 0.25, 0, np.nan], atol=1e-6)


def test_a_crop_has_no_pixel_that_was_made_up() -> None:
    """Its side follows the face up to the template's, and no crop is empty."""
    sides = [quality.crop_side(scale) for scale in (0.3, 1, 2, 7, 1e6)]
    assert sides == [112, 112, 56, 16, quality.LEAST_SIDE]


def test_what_lies_outside_the_frame_is_masked() -> None:
    """With two pixels of margin; a crop well inside is taken whole."""
    shift = np.array([(0.5, 0, -10), (0, 0.5, -10)])
    assert inside_frame(shift, 20, (100, 100)).all()
    cut = inside_frame(np.array([(0.5, 0, 5), (0, 0.5, 5)]), 20, (200, 200))
    assert not cut[:7].any()
    assert not cut[:, :7].any()
    assert cut[7:, 7:].all()


def test_the_mask_follows_an_outline() -> None:
    """Half a face is half a mask; without an outline it is an ellipse of the size of a face."""
    half = quality.face_mask(112, np.array([(20, 20), (56, 20), (56, 110), (20, 110)]))
    assert half[60, 30]
    assert not half[60, 70]
    assert 0.3 < MASK.mean() < 0.5
    assert quality.face_mask(28).mean() == pytest.approx(MASK.mean(), abs=0.02)


def one(**parts: float) -> float:
    """The combined score of one face."""
    return float(quality.combine({name: np.array([value]) for name, value in parts.items()})[0])


def test_the_score_is_a_weighted_geometric_mean() -> None:
    """Size counts twice; what is unknown or no part is left out; nothing weighs endlessly."""
    assert one(size=0.125, sharpness=1) == pytest.approx(0.25)
    assert one(size=0.125, sharpness=1, pose=np.nan, smile=0.1) == pytest.approx(0.25)
    assert one(size=1, sharpness=1, exposure=0.25) == pytest.approx(0.25 ** (0.5 / 3.5))
    assert one(size=1, sharpness=1, light=0) == one(size=1, sharpness=1, light=0.01) > 0.5


def test_a_face_that_nobody_looked_at_has_no_score() -> None:
    """Without size or sharpness the others do not make one."""
    assert np.isnan(one(size=np.nan, sharpness=1, pose=1))
    assert np.isnan(one(size=1, sharpness=np.nan, pose=1))


@given(values=st.lists(st.floats(0, 1), min_size=9, max_size=9), worse=st.integers(0, 8))
def test_the_score_stays_within_bounds_and_follows_every_part(values: list[float], worse: int) -> None:
    """In [0, 1], between its worst and best part, and never better when one part gets worse."""
    names = [name for name, _ in quality.WEIGHTS]
    parts = dict(zip(names, values, strict=True))
    score = one(**parts)
    low, high = min(parts.values()), max(parts.values())
    assert max(low, 0.01) - 1e-9 <= score <= max(high, 0.01) + 1e-9
    parts[names[worse]] *= 0.5
    assert one(**parts) <= score


@pytest.mark.parametrize(
    ("corner", "columns", "rows"),
    [((50, 40), 20, 20), ((90, 40), 8, 20), ((50, 70), 20, 8), ((-5, 40), 13, 20), ((50, -5), 20, 13)],
)
def test_what_lies_beyond_any_side_of_the_frame_is_cut(
    corner: tuple[int, int], columns: int, rows: int
) -> None:
    """Two pixels from the edge on, on all four sides: else a measure would see what is not there."""
    shift = np.array([(1.0, 0, -corner[0]), (0, 1.0, -corner[1])])
    there = inside_frame(shift, 20, (100, 80))
    assert (there.any(axis=0).sum(), there.any(axis=1).sum()) == (columns, rows)
    assert there.sum() == columns * rows
