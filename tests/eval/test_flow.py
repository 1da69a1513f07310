"""Warp error and flicker against values worked out by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.eval.flow import BORDER, flicker, motion_between, motion_of, warp_error


def texture(shift: int = 0, *, side: int = 96) -> NDArray[np.uint8]:
    """A soft pattern, moved to the right by whole pixels."""
    coarse = np.random.default_rng(3).integers(0, 256, (side, side + 32, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(coarse, (0, 0), 2)
    soft = (soft - soft.min()) / (soft.max() - soft.min()) * 200
    return np.ascontiguousarray(soft[:, 16 - shift : 16 - shift + side]).astype(np.uint8)


def constant(dx: float, dy: float = 0, side: int = 20) -> NDArray[np.float32]:
    return np.broadcast_to(np.array((dx, dy), np.float32), (side, side, 2)).copy()


def test_pixels_that_leave_or_disagree_are_not_seen() -> None:
    """Two to the right: the last two columns leave. A way back that does not fit hides the rest."""
    fits = motion_of(constant(2), constant(-2))
    assert fits.seen[:, :18].all()
    assert not fits.seen[:, 18:].any()
    assert not fits.still.any()
    assert not motion_of(constant(2), constant(2)).seen.any()
    assert motion_of(constant(0.2), constant(-0.2)).still[:, :19].all()
    down = motion_of(constant(0, 2), constant(0, -2))
    assert down.seen.sum(axis=1).tolist() == [20] * 18 + [0, 0]


def test_warp_error_of_a_known_change() -> None:
    """Each channel 10 brighter in the next frame: 3 (10 / 255)^2, times 1000; nothing where it just moved."""
    first, second = np.full((20, 20, 3), 50, np.uint8), np.full((20, 20, 3), 60, np.uint8)
    motion = motion_of(constant(0), constant(0))
    assert warp_error([first, second], [motion]) == pytest.approx(1000 * 3 * (10 / 255) ** 2, rel=1e-5)
    assert np.isnan(warp_error([first, second], [None]))
    ramp = np.repeat(np.arange(0, 100, 5, dtype=np.uint8)[None, :, None], 20, axis=0).repeat(3, axis=2)
    moved = np.roll(ramp, 2, axis=1)
    assert warp_error([ramp, moved], [motion_of(constant(2), constant(-2))]) == pytest.approx(0, abs=1e-6)
    assert warp_error([ramp, moved], [motion]) > 1


def test_flicker_is_the_change_beyond_the_reference() -> None:
    """8 levels up and down against 3 of the reference: 5; a frozen one gives -3."""
    frames = [np.full((20, 20, 3), value, np.uint8) for value in (50, 58, 50)]
    reference = [np.full((20, 20, 3), value, np.uint8) for value in (50, 53, 50)]
    still = motion_of(constant(0), constant(0))
    assert flicker(frames, reference, [still, still]) == pytest.approx(5)
    assert flicker(frames[:1] * 3, reference, [still, still]) == pytest.approx(-3)
    assert np.isnan(flicker(frames[:2], reference[:2], [motion_of(constant(2), constant(-2))]))


def test_figures_are_means_over_pairs() -> None:
    """Changes of 10, 0 and 2 levels: means of their squares and of themselves, not what is in the middle."""
    frames = [np.full((20, 20, 3), value, np.uint8) for value in (50, 60, 60, 62)]
    still = motion_of(constant(0), constant(0))
    expected = 1000 * 3 * (100 + 0 + 4) / 3 / 255**2
    assert warp_error(frames, [still] * 3) == pytest.approx(expected, rel=1e-5)
    assert flicker(frames, frames[:1] * 4, [still] * 3) == pytest.approx(4)
    assert flicker(frames, frames[:1] * 4, [still, None, still]) == pytest.approx(6)


def test_flow_follows_a_moved_pattern() -> None:
    """A pattern that moved by three pixels: found, and the warp error is far below that of standing still."""
    frames = [texture(0), texture(3)]
    motion = motion_between(*frames)
    assert np.median(motion.flow[motion.seen][:, 0]) == pytest.approx(3, abs=0.1)
    assert not motion.still.any()
    unmoved = motion_of(constant(0, side=96), constant(0, side=96))
    assert warp_error(frames, [motion]) < 0.1 * warp_error(frames, [unmoved])
    assert motion_between(frames[0], frames[0]).still.all()


def test_masked_pixels_do_not_count() -> None:
    """Neither those outside, nor those beside the edge, nor those that go outside."""
    mask = np.zeros((30, 40), bool)
    mask[:, :20] = True
    flow = np.broadcast_to(np.array((3, 0), np.float32), (30, 40, 2)).copy()
    stands, moves = motion_of(flow * 0, flow * 0, (mask, mask)), motion_of(flow, -flow, (mask, mask))
    assert stands.seen.sum() == stands.still.sum() == 30 * (20 - BORDER)
    assert moves.seen.sum() == 30 * (20 - BORDER - 3)


@pytest.mark.parametrize("speed", [1, 4])
def test_what_moves_out_of_the_clips_picture_is_no_change(speed: int) -> None:
    """A pattern that moves steadily, black beyond a straight edge as crops are at a clip's border."""
    mask = np.ones((96, 96), bool)
    frames = [texture(speed * number) for number in range(2)]
    whole = warp_error(frames, [motion_between(frames[0], frames[1], (mask, mask))])
    mask[:, 64:] = False
    cut = [frame * mask[..., None] for frame in frames]
    motion = motion_between(cut[0], cut[1], (mask, mask))
    assert motion.seen.any()
    assert warp_error(cut, [motion]) < max(2 * whole, 0.05)
