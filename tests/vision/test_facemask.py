"""Masks of faces in their crops: zero where they must be, smooth, and shared between faces."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidface.vision.align import TEMPLATES
from vidface.vision.facemask import crop_mask, frame_outline, outline_of_landmarks, outline_of_mesh

FIVE = TEMPLATES["ffhq512"].points / 2
ARC = np.linspace(0, 2 * np.pi, 40, endpoint=False)
CIRCLE = np.stack([np.cos(ARC), np.sin(ARC)], -1)


def within(outline: Any, size: int = 256) -> NDArray[np.float64]:
    """Signed distance of each pixel's centre from the outline, positive inside, by OpenCV's own test."""
    ring = np.asarray(outline, np.float32).reshape(-1, 1, 2)
    return np.array(
        [
            [cv2.pointPolygonTest(ring, (x + 0.5, y + 0.5), True) for x in range(0, size, 4)]
            for y in range(0, size, 4)
        ]
    )


@settings(max_examples=25)
@given(
    radius=st.floats(4, 200),
    ratio=st.floats(0.5, 1.5),
    x=st.floats(-60, 300),
    y=st.floats(-60, 300),
    feather=st.floats(1, 60),
)
def test_zero_outside_the_outline_and_at_the_border(
    radius: float, ratio: float, x: float, y: float, feather: float
) -> None:
    """Whatever the outline, values lie in 0..1, nothing shows outside of it or in the crop's rim."""
    outline = CIRCLE * (radius, radius * ratio) + (x, y)
    mask = crop_mask(256, outline, feather=feather)
    assert mask.min() >= 0
    assert mask.max() <= 1
    assert mask[::4, ::4][within(outline) < 0].max(initial=0) == 0
    for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
        assert side.max() == 0


def test_rises_to_one_over_the_feather() -> None:
    outline = CIRCLE * 90 + 128
    mask = crop_mask(256, outline, feather=24)[::4, ::4]
    depth = within(outline)
    assert mask[depth > 27].min() == 1
    middle = (depth > 11) & (depth < 15)
    assert 0.3 < mask[middle].mean() < 0.6


def test_is_smooth_even_at_corners_of_nearer_faces() -> None:
    """Neither the mask nor its slope has a step: second differences stay near those of the feather."""
    mask = crop_mask(
        256,
        CIRCLE * (70, 85) + (128, 146),
        feather=20,
        others=[CIRCLE * 150 + (330, 200)],
        inside=[(-400, -300), (600, -300), (600, 215), (-400, 215)],
    )
    assert np.abs(np.diff(mask, axis=1)).max() < 2.2 / 20
    assert max(np.abs(np.diff(mask, 2, axis=axis)).max() for axis in (0, 1)) < 12 / 20**2


def test_follows_the_outline_below_a_pixel() -> None:
    """An outline that moves by a quarter of a pixel moves the mask by about as much, without jumps."""
    shifts = np.arange(0, 2.01, 0.25)
    masks = np.stack([crop_mask(256, CIRCLE * (70, 85) + (128 + s, 146)) for s in shifts])
    steps = np.abs(np.diff(masks, axis=0)).max(axis=(1, 2))
    assert steps.max() < 2.5 * 0.25 * 1.5 / 20


def test_nothing_outside_the_frame() -> None:
    """The frame's left edge runs through the crop, turned: zero beyond, faded before."""
    a = np.radians(20)
    matrix = np.array([(2 * np.cos(a), -2 * np.sin(a), 90), (2 * np.sin(a), 2 * np.cos(a), 20)])
    mask = crop_mask(256, CIRCLE * (70, 85) + (128, 146), inside=frame_outline(matrix, (400, 300)))
    grid = np.stack(np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5), -1)
    x = ((grid - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)[..., 0]
    assert mask[x <= 0.5].max() == 0
    assert mask.max() == 1
    assert 0 < mask[(x > 4) & (x < 6)].max() < 0.9


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_frame_far_around_changes_nothing(mirrored: bool) -> None:
    """Whichever way round its corners are told."""
    corners = np.array([(-900.0, -900), (1200, -900), (1200, 1200), (-900, 1200)])
    outline = CIRCLE * (70, 85) + (128, 146)
    mask = crop_mask(256, outline, inside=corners[::-1] if mirrored else corners)
    assert np.array_equal(mask, crop_mask(256, outline))


def test_the_nearer_face_keeps_its_pixels() -> None:
    """A larger face's outline lies over this one: nothing here; the larger one is not touched by it."""
    small, large = CIRCLE * (50, 60) + (110, 140), CIRCLE * (70, 85) + (170, 146)
    mine, theirs = crop_mask(256, small, others=[large]), crop_mask(256, large, others=[small])
    over = within(large) > 1
    assert mine[::4, ::4][over].max() == 0
    assert mine.max() == 1
    assert np.array_equal(theirs, crop_mask(256, large))


def test_faces_of_one_size_share() -> None:
    """Where two as large as each other overlap they never add up to more than one face, and none pops."""
    one, other = CIRCLE * (60, 70) + (110, 140), CIRCLE * (60, 70) + (170, 140)
    both = crop_mask(256, one, others=[other]) + crop_mask(256, other, others=[one])
    assert both.max() <= 1 + 1e-5
    sizes = np.arange(0.9, 1.1, 0.01)
    shares = np.stack([crop_mask(256, one, others=[CIRCLE * (60 * s, 70 * s) + (170, 140)]) for s in sizes])
    assert np.abs(np.diff(shares, axis=0)).max() < 0.25


def test_a_face_behind_the_whole_of_another_is_not_shown() -> None:
    assert crop_mask(256, CIRCLE * 40 + 128, others=[CIRCLE * 120 + 128]).max() == 0


def test_landmarks_alone_give_about_the_meshs_outline(mean_mesh: NDArray[np.float64]) -> None:
    """Of the mean face, upright and turned in the plane: nine tenths of both areas are common."""
    for degrees in (0, 35):
        a = np.radians(degrees)
        turn = np.array([(np.cos(a), -np.sin(a)), (np.sin(a), np.cos(a))])
        mesh = (mean_mesh - 128) @ turn.T + 128
        five = (FIVE - 128) @ turn.T + 128
        first = within(outline_of_mesh(mesh, forehead=0, grow=0)) > 0
        second = within(outline_of_landmarks(five)) > 0
        assert np.count_nonzero(first & second) > 0.9 * np.count_nonzero(first | second)


def test_outline_of_a_mesh_goes_up_and_out(mean_mesh: NDArray[np.float64]) -> None:
    """The forehead is lifted by its share of the height and the jaw line lies inside by `grow`."""
    plain = outline_of_mesh(mean_mesh, forehead=0, grow=0)
    high = np.ptp(plain[:, 1])
    lifted = outline_of_mesh(mean_mesh, forehead=0.1, grow=0)
    assert plain[:, 1].min() - lifted[:, 1].min() == pytest.approx(0.1 * high, rel=0.05)
    assert plain[:, 1].max() == pytest.approx(lifted[:, 1].max())
    grown = outline_of_mesh(mean_mesh, forehead=0, grow=0.05)
    assert grown[:, 1].max() - plain[:, 1].max() == pytest.approx(0.05 * high, rel=0.05)
    assert np.ptp(grown[:, 0]) - np.ptp(plain[:, 0]) == pytest.approx(0.1 * high, rel=0.05)


@pytest.mark.parametrize(
    "outline", [np.zeros((2, 2)), np.zeros((4, 3)), np.full((5, 2), np.nan), np.zeros(8)]
)
def test_outlines_that_are_none_are_refused(outline: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="outline"):
        crop_mask(256, outline)


def test_an_outline_without_area_shows_nothing() -> None:
    assert crop_mask(256, np.full((5, 2), 128.0)).max() == 0
    assert crop_mask(256, np.full((5, 2), 1e9)).max() == 0


@pytest.mark.parametrize("five", [np.full((5, 2), np.nan), np.zeros((5, 2))])
def test_landmarks_that_show_no_face_are_refused(five: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="landmarks"):
        outline_of_landmarks(five)


def test_a_mesh_with_a_missing_point_is_refused(mean_mesh: NDArray[np.float64]) -> None:
    mean_mesh[7] = np.nan
    with pytest.raises(ValueError, match="finite"):
        outline_of_mesh(mean_mesh)


def test_a_feather_below_a_pixel_is_refused() -> None:
    with pytest.raises(ValueError, match="feather"):
        crop_mask(256, CIRCLE * 50 + 128, feather=0.5)


@pytest.fixture
def mean_mesh() -> NDArray[np.float64]:
    """The mean face of the shipped mesh model, laid on the crop by its five landmarks; 478 x 2."""
    from pathlib import Path

    from vidface.vision.align import similarity
    from vidface.vision.meshtopology import five_of_mesh

    root = Path(__file__).parents[2]
    points = np.load(root / "models" / "vidface-meshmodel" / "model.npz")["mean"][:, :2]
    matrix = similarity(five_of_mesh(points), FIVE)
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float64)
