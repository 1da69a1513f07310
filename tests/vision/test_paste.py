"""Pasting a difference onto planes: the right samples, the right amount, nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidface.data.planes import Matrix, Planes
from vidface.vision.facemask import crop_mask
from vidface.vision.grain import Grain
from vidface.vision.paste import colour_matched, paste_delta

CIRCLE = np.stack([np.cos(np.linspace(0, 6.2, 40)), np.sin(np.linspace(0, 6.2, 40))], -1)
MASK = crop_mask(256, CIRCLE * (70, 85) + (128, 146))
FULL = np.ones((256, 256), np.float32)


def noisy(size: tuple[int, int], *, bits: int = 8, step: tuple[int, int] = (2, 2), **more: Any) -> Planes:
    """Random codes, illegal ones too."""
    wide, high = size
    rng = np.random.default_rng(wide * high + bits)
    dtype = np.uint8 if bits == 8 else np.uint16
    chroma = (-(-high // step[1]), -(-wide // step[0]))
    luma, u, v = (rng.integers(0, 1 << bits, s).astype(dtype) for s in ((high, wide), chroma, chroma))
    return Planes(luma, u, v, bits, **more)


def flat(size: tuple[int, int], code: int, *, bits: int = 8, **more: Any) -> Planes:
    """One code everywhere."""
    wide, high = size
    dtype = np.uint8 if bits == 8 else np.uint16
    half = ((high + 1) // 2, (wide + 1) // 2)
    luma, u, v = (np.full(shape, code, dtype) for shape in ((high, wide), half, half))
    return Planes(luma, u, v, bits, **more)


def copied(planes: Planes) -> Planes:
    return Planes(
        planes.luma.copy(), planes.u.copy(), planes.v.copy(), planes.bits, planes.matrix, planes.full_range
    )


def way(scale: float, degrees: float, shift: tuple[float, float]) -> NDArray[np.float64]:
    """Frame to crop: a similarity."""
    a = np.radians(degrees)
    c, s = scale * np.cos(a), scale * np.sin(a)
    return np.array([(c, -s, shift[0]), (s, c, shift[1])])


def each(planes: Planes) -> list[tuple[NDArray[Any], NDArray[np.float64]]]:
    """Every plane with its samples' places in the frame, h x w x 2."""
    sx, sy = planes.subsampling
    out = []
    for plane, across, down in ((planes.luma, 1, 1), (planes.u, sx, sy), (planes.v, sx, sy)):
        x = np.arange(plane.shape[1]) * across + 0.5
        y = np.arange(plane.shape[0]) * down + down / 2
        out.append((plane, np.stack(np.meshgrid(x, y), -1)))
    return out


@settings(max_examples=60)
@given(
    size=st.tuples(st.integers(3, 97), st.integers(3, 97)),
    bits=st.sampled_from([8, 10, 12]),
    step=st.sampled_from([(2, 2), (2, 1), (1, 1)]),
    full_range=st.booleans(),
    scale=st.floats(0.15, 14),
    degrees=st.floats(-180, 180),
    middle=st.tuples(st.floats(-0.3, 1.3), st.floats(-0.3, 1.3)),
    grain=st.booleans(),
)
def test_samples_where_the_mask_is_zero_stay_bit_identical(
    size: tuple[int, int],
    bits: int,
    step: tuple[int, int],
    full_range: bool,
    scale: float,
    degrees: float,
    middle: tuple[float, float],
    grain: bool,
) -> None:
    """Whatever the frame, the face's size, place and turn; and legal samples stay legal."""
    planes = noisy(size, bits=bits, step=step, full_range=full_range)
    before = copied(planes)
    matrix = way(scale, degrees, (0, 0))
    matrix[:, 2] = (128, 146) - matrix[:, :2] @ (np.array(middle) * size)
    delta = np.random.default_rng(1).normal(0, 80, (256, 256, 3))
    paste_delta(planes, delta, mask=MASK, matrix=matrix, grain=Grain((5, 7)) if grain else None)
    padded = np.pad(MASK, 2) > 0
    for (now, places), (was, _) in zip(each(planes), each(before), strict=True):
        seen = places @ matrix[:, :2].T + matrix[:, 2] - 0.5
        # Sampling in hardware and in OpenCV counts in 1/32 pixel: a corner of the four may be the next one.
        low, high = (
            np.clip(f(seen + d).astype(int) + 2, 0, 259) for f, d in ((np.floor, -0.05), (np.ceil, 0.05))
        )
        covered = np.zeros(now.shape, bool)
        for x in (low[..., 0], high[..., 0]):
            for y in (low[..., 1], high[..., 1]):
                covered |= padded[y, x]
        assert np.array_equal(now[~covered], was[~covered])
        assert now.max() < 1 << bits


@settings(max_examples=20)
@given(
    bits=st.sampled_from([8, 10, 12]),
    step=st.sampled_from([(2, 2), (2, 1), (1, 1)]),
    scale=st.floats(0.2, 12),
    degrees=st.floats(-180, 180),
)
def test_a_delta_of_zero_leaves_everything_bit_identical(
    bits: int, step: tuple[int, int], scale: float, degrees: float
) -> None:
    planes = noisy((71, 53), bits=bits, step=step)
    before = copied(planes)
    matrix = way(scale, degrees, (128, 146))
    paste_delta(planes, np.zeros((256, 256, 3)), mask=FULL, matrix=matrix)
    for (now, _), (was, _) in zip(each(planes), each(before), strict=True):
        assert np.array_equal(now, was)


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_the_colour_added_is_the_one_asked_for(matrix: Matrix, full_range: bool, bits: int) -> None:
    """A change in RGB comes out as that change when the planes are turned into RGB again."""
    planes = flat((64, 64), 120 << (bits - 8), bits=bits, matrix=matrix, full_range=full_range)
    kr, kb = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}[matrix]
    step = 1 << (bits - 8)
    top = (1 << bits) - 1
    spans = (top, top) if full_range else (219 * step, 224 * step)
    paste_delta(planes, np.full((256, 256, 3), (12.0, -8, 20)), mask=FULL, matrix=way(4, 0, (0, 0)))
    y, u, v = (float(p[16, 16]) - (120 << (bits - 8)) for p in (planes.luma, planes.u, planes.v))
    y, u, v = 255 * y / spans[0], 255 * u / spans[1], 255 * v / spans[1]
    red, blue = y + 2 * (1 - kr) * v, y + 2 * (1 - kb) * u
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    assert np.allclose((red, green, blue), (12, -8, 20), atol=2.2 / step)


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0, 8.0])
def test_convention_luma_and_chroma_land_where_the_matrix_says(scale: float) -> None:
    """A delta that tells its place in the crop, linearly, reads at each sample the sample's own place."""
    size = (96, 80)
    planes = flat(size, 512, bits=12, full_range=True)
    matrix = way(scale, 30, (0, 0))
    matrix[:, 2] = (128, 128) - matrix[:, :2] @ (48, 40)
    axis = np.arange(256) + 0.5 - 128
    ramp = np.repeat((0.2 * axis[None, :] + 0.1 * axis[:, None])[..., None], 3, axis=2)
    ramp[..., 2] += 60 - ramp[..., 2]  # a chroma ramp too
    paste_delta(planes, ramp, mask=FULL, matrix=matrix)
    kr, kb, unit = 0.2126, 0.0722, 4095 / 255
    for number, (plane, places) in enumerate(each(planes)):
        seen = places @ matrix[:, :2].T + matrix[:, 2]
        slope = 0.2 * (seen[..., 0] - 128) + 0.1 * (seen[..., 1] - 128)
        luma = (1 - kb) * slope + kb * 60
        wanted = (luma, (60 - luma) / (2 - 2 * kb), (slope - luma) / (2 - 2 * kr))[number] * unit
        inner = ((seen > 40) & (seen < 216)).all(axis=-1)
        assert inner.any()
        assert np.abs(plane[inner].astype(float) - 512 - wanted[inner]).max() < 1.01


def test_small_faces_are_low_passed() -> None:
    """A fine chequer in the crop has no mean; a frame eight times as coarse must not see it as a pattern."""
    planes = flat((64, 64), 120)
    chequer = np.where(np.indices((256, 256)).sum(axis=0) % 2, 60.0, -60.0)[..., None].repeat(3, axis=2)
    paste_delta(planes, chequer, mask=MASK, matrix=way(8.3, 3, (-130, -110)))
    assert np.array_equal(planes.luma, flat((64, 64), 120).luma)


def test_rounding_has_no_bias() -> None:
    """Deltas spread around 0 leave the mean where it was, to a few hundredths of a code."""
    planes = flat((256, 256), 120, full_range=True)
    delta = np.random.default_rng(3).normal(0, 2, (256, 256, 1)).repeat(3, axis=2)
    delta -= delta.mean()
    paste_delta(planes, delta, mask=FULL, matrix=way(1, 0, (0, 0)))
    assert abs(float(planes.luma.mean()) - 120) < 0.01
    assert planes.luma.std() == pytest.approx(2, abs=0.1)


def test_sums_stay_legal_and_what_was_illegal_is_not_cut() -> None:
    """Limited range ends at 16 and 235 of luma; a sample beyond is not pushed on, and not pulled back."""
    planes = flat((64, 64), 128)
    planes.luma[:32] = 230
    planes.luma[32:] = 250
    paste_delta(planes, np.full((256, 256, 3), 100.0), mask=FULL, matrix=way(4, 0, (0, 0)))
    assert set(np.unique(planes.luma).tolist()) == {235, 250}
    paste_delta(planes, np.full((256, 256, 3), -400.0), mask=FULL, matrix=way(4, 0, (0, 0)))
    assert set(np.unique(planes.luma).tolist()) == {16}


def test_gain_scales_the_change() -> None:
    some, none = flat((64, 64), 100), flat((64, 64), 100)
    delta = np.full((256, 256, 3), 40.0)
    paste_delta(some, delta, mask=FULL, matrix=way(4, 0, (0, 0)), gain=0.5)
    paste_delta(none, delta, mask=FULL, matrix=way(4, 0, (0, 0)), gain=0)
    assert some.luma[20, 20] == 100 + round(40 * 0.5 * 219 / 255)
    assert (none.luma == 100).all()


def test_a_face_outside_the_frame_and_an_empty_mask_change_nothing() -> None:
    planes = noisy((40, 30))
    before = copied(planes)
    delta = np.full((256, 256, 3), 50.0)
    paste_delta(planes, delta, mask=MASK, matrix=way(2, 0, (9000, 0)))
    paste_delta(planes, delta, mask=np.zeros((256, 256)), matrix=way(2, 0, (0, 0)))
    assert np.array_equal(planes.luma, before.luma)
    assert np.array_equal(planes.u, before.u)


@pytest.mark.parametrize("shape", [(256, 256), (256, 256, 1), (128, 256, 3)])
def test_shapes_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="delta of h x w x 3"):
        paste_delta(noisy((8, 8)), np.zeros(shape), mask=FULL, matrix=way(1, 0, (0, 0)))
    with pytest.raises(ValueError, match="mask of h x w"):
        colour_matched(np.zeros(shape), FULL)


def test_a_radius_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="radius"):
        colour_matched(np.zeros((256, 256, 3)), FULL, radius=0)


def test_a_matrix_without_inverse_is_refused() -> None:
    with pytest.raises(ValueError, match="inverse"):
        paste_delta(noisy((8, 8)), np.zeros((256, 256, 3)), mask=FULL, matrix=np.zeros((2, 3)))


def test_a_cast_is_taken_off_and_detail_is_kept() -> None:
    """A restored crop that is 10 levels too red comes back without the cast, its detail untouched."""
    x = np.arange(256)
    detail = 12 * np.sin(2 * np.pi * x / 16)[None, :, None] * np.cos(2 * np.pi * x / 24)[:, None, None]
    cast = np.array([10.0, -3, 4])
    matched = colour_matched(detail + cast, MASK)
    inside = MASK > 0.3
    assert np.abs(matched.mean(axis=(0, 1), where=inside[..., None])).max() < 0.2
    assert np.abs(matched - detail)[inside].max() < 0.6


def test_what_lies_outside_the_mask_does_not_count() -> None:
    """The crop's black surroundings may be restored to anything: the match does not see them."""
    delta = np.full((256, 256, 3), 6.0)
    delta[MASK == 0] = 200
    matched = colour_matched(delta, MASK)
    assert np.abs(matched[MASK > 0.02]).max() < 0.05


def test_a_features_shading_is_kept() -> None:
    """A change as wide as an eye (sigma 10 pixels of 256) keeps nine tenths of its height."""
    y, x = np.mgrid[:256, :256]
    blob = 20 * np.exp(-((x - 100) ** 2 + (y - 120) ** 2) / 200.0)[..., None].repeat(3, axis=2)
    matched = colour_matched(blob, MASK)
    assert matched[120, 100, 0] > 18
