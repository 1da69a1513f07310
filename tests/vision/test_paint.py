"""Painting on planes: right colours in every coding, nothing touched beside the shape."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidface.data import Matrix, Planes
from vidface.vision.captions import spot_beside, text_mask
from vidface.vision.paint import Canvas, Pen, Tile, dashes, draw_trail, ink_codes, rounded_box, tag

MATRICES: tuple[Matrix, ...] = ("bt601", "bt709", "bt2020")


def noise(
    width: int,
    height: int,
    *,
    bits: int = 8,
    step: tuple[int, int] = (2, 2),
    matrix: Matrix = "bt709",
    full: bool = False,
) -> Planes:
    """Planes of random samples."""
    rng = np.random.default_rng(5)
    kind = np.uint8 if bits == 8 else np.uint16
    chroma = (-(-height // step[1]), -(-width // step[0]))

    def plane(shape: tuple[int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.uint8 | np.uint16]]:
        return rng.integers(0, 1 << bits, shape).astype(kind)

    return Planes(plane((height, width)), plane(chroma), plane(chroma), bits, matrix, full)


def full_tile(planes: Planes) -> Tile:
    """A tile over the whole frame."""
    tile = Canvas(planes).tile(0, 0, *planes.size)
    assert tile is not None
    return tile


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
def test_convention_codes_of_black_and_white(matrix: Matrix, full: bool, bits: int) -> None:
    """Black and white are neutral and at the ends of the range, in every coding."""
    planes = noise(4, 4, bits=bits, matrix=matrix, full=full)
    step, half, top = 1 << (bits - 8), 1 << (bits - 1), (1 << bits) - 1
    black, white = (0, top) if full else (16 * step, 235 * step)
    assert ink_codes(planes, (0, 0, 0)) == pytest.approx((black, half, half))
    assert ink_codes(planes, (255, 255, 255)) == pytest.approx((white, half, half))


@pytest.mark.parametrize(
    ("matrix", "red"),
    [
        ("bt601", (16 + 219 * 0.299, 128 - 112 * 0.299 / 0.886, 240)),
        ("bt709", (16 + 219 * 0.2126, 128 - 112 * 0.2126 / 0.9278, 240)),
        ("bt2020", (16 + 219 * 0.2627, 128 - 112 * 0.2627 / 0.9407, 240)),
    ],
)
def test_convention_codes_of_red(matrix: Matrix, red: tuple[float, ...]) -> None:
    """Pure red after the equations of BT.601, BT.709 and BT.2020, limited range."""
    assert ink_codes(noise(4, 4, matrix=matrix), (255, 0, 0)) == pytest.approx(red, abs=1e-3)


@given(rgb=st.tuples(*[st.integers(0, 255)] * 3))
def test_codes_agree_with_opencv_in_bt601(rgb: tuple[int, int, int]) -> None:
    """An independent converter (OpenCV, BT.601 limited) gives the same luma and chroma, to rounding."""
    planar = cv2.cvtColor(np.full((2, 2, 3), rgb, np.uint8), cv2.COLOR_RGB2YUV_I420).ravel()
    codes = ink_codes(noise(2, 2, matrix="bt601"), rgb)
    np.testing.assert_allclose(codes, planar[[0, 4, 5]].astype(float), atol=1.01)


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("step", [(2, 2), (2, 1), (1, 1)])
@pytest.mark.parametrize("size", [(33, 21), (32, 20), (1, 1), (2, 3)])
def test_full_cover_is_the_colour_and_no_cover_is_the_old_sample(
    size: tuple[int, int], step: tuple[int, int], bits: int
) -> None:
    """Cover 255 gives the colour's code, cover 0 keeps every sample, in all depths and subsamplings."""
    planes = noise(*size, bits=bits, step=step)
    before = [plane.copy() for plane in (planes.luma, planes.u, planes.v)]
    tile = full_tile(planes)
    Canvas(planes).lay(tile, (tile.blank(), (255, 0, 0)))
    for plane, old in zip((planes.luma, planes.u, planes.v), before, strict=True):
        np.testing.assert_array_equal(plane, old)
    Canvas(planes).lay(tile, (tile.blank() + np.uint8(255), (200, 30, 90)))
    codes = ink_codes(planes, (200, 30, 90))
    for plane, code in zip((planes.luma, planes.u, planes.v), codes, strict=True):
        np.testing.assert_array_equal(plane, int(code + 0.5))


def test_upper_layers_hide_lower_ones() -> None:
    """Half cover over full cover is the mean of both colours; the ground no longer shows."""
    planes = noise(16, 16)
    tile = full_tile(planes)
    solid, half = tile.blank() + np.uint8(255), tile.blank() + np.uint8(51)
    Canvas(planes).lay(tile, (solid, (0, 0, 0)), (half, (255, 255, 255)))
    np.testing.assert_array_equal(planes.luma, round(16 + 0.2 * 219))


@pytest.mark.parametrize("step", [(2, 2), (2, 1), (1, 1)])
def test_tiles_lie_on_the_chroma_grid_inside_the_frame(step: tuple[int, int]) -> None:
    """A tile begins on the grid, holds what was asked for, and overhangs an odd frame by one at most."""
    canvas = Canvas(noise(33, 21, step=step))
    tile = canvas.tile(4.2, 5.9, 300, 300)
    assert tile is not None
    assert tile.left % step[0] == 0
    assert tile.top % step[1] == 0
    assert (tile.right - tile.left) % step[0] == 0
    assert tile.left <= 4
    assert tile.top <= 5
    assert 33 <= tile.right <= 34
    assert 21 <= tile.bottom <= 22
    assert canvas.tile(40, 0, 50, 10) is None
    assert canvas.tile(-9, -9, -1, -1) is None


def test_a_stroke_stays_within_the_pens_reach() -> None:
    """Nothing farther from the line than `reach` changes, in luma and (on its grid) in chroma."""
    planes = noise(120, 80)
    old = planes.luma.copy()
    canvas, pen = Canvas(planes), Pen((255, 0, 0), 3, 2)
    tile = full_tile(planes)
    core, halo = tile.blank(), tile.blank()
    pen.stroke(core, halo, [tile.knots(rounded_box((30, 20, 90, 60), 5))], closed=True)
    canvas.lay(tile, (halo, (0, 0, 0)), (core, pen.colour))
    changed = np.argwhere(planes.luma != old)
    assert len(changed) > 400
    y, x = (changed + 0.5).T
    outside = (x < 30 - pen.reach) | (x > 90 + pen.reach) | (y < 20 - pen.reach) | (y > 60 + pen.reach)
    inside = (x > 30 + pen.reach) & (x < 90 - pen.reach) & (y > 20 + pen.reach) & (y < 60 - pen.reach)
    assert not (outside | inside).any()


def test_a_line_is_drawn_where_it_was_asked_for() -> None:
    """Sub-pixel place: a one-pixel line along x = 10 covers the columns 9 and 10 evenly."""
    tile = Tile(0, 0, 20, 20)
    core, halo = tile.blank(), tile.blank()
    Pen((0, 0, 0), 1, 1).stroke(
        core, halo, [tile.knots(np.array([(10.0, -5.0), (10.0, 25.0)]))], closed=False
    )
    left, right = core[10, 9], core[10, 10]
    assert left > 60
    assert right > 60
    assert abs(int(left) - int(right)) < 40
    assert core[10, 7] == core[10, 12] == 0


def test_rounded_boxes_touch_their_sides_and_cut_their_corners() -> None:
    """The line touches all four sides; no point comes nearer to a corner than a circle lets it."""
    ring = rounded_box((10, 20, 50, 90), 6)
    np.testing.assert_allclose([*ring.min(axis=0), *ring.max(axis=0)], (10, 20, 50, 90))
    corners = np.array([(10, 20), (50, 20), (50, 90), (10, 90)])
    nearest = np.hypot(*(ring[:, None] - corners).transpose(2, 0, 1)).min()
    assert nearest == pytest.approx(6 * (2**0.5 - 1))
    np.testing.assert_allclose(rounded_box((0, 0, 4, 2), 99).min(axis=0), (0, 0), atol=1e-9)


def test_dashes_are_even_and_half_of_the_line() -> None:
    """Dashes have one length, holes the same, and together they go once around."""
    ring = rounded_box((0, 0, 200, 100), 10)
    pieces = dashes(ring, 12)
    lengths = [np.hypot(*np.diff(piece, axis=0).T).sum() for piece in pieces]
    around = np.hypot(*np.diff(np.concatenate([ring, ring[:1]]), axis=0).T).sum()
    assert np.ptp(lengths) < 1
    assert sum(lengths) == pytest.approx(around / 2, rel=0.02)
    assert 9 < lengths[0] < 15


def test_a_trail_fades_from_its_head() -> None:
    """The newest part of a trail covers more than the oldest; beside it nothing is covered."""
    tile = Tile(0, 0, 200, 40)
    core, halo = tile.blank(), tile.blank()
    points = np.column_stack([np.linspace(20, 180, 9), np.full(9, 20.0)])
    draw_trail(core, halo, tile.knots(points), strengths=np.linspace(0.1, 0.9, 8), pen=Pen((0, 0, 0), 3, 1))
    line = core[19].astype(int)
    assert line[170] > line[100] > line[40] > 0
    assert line[170] < 255
    assert not np.concatenate([core, halo])[np.r_[0:10, 30:50, 70:80]].any()


@pytest.mark.parametrize("cap", [9, 12, 18, 36, 60])
def test_text_is_as_high_as_asked_and_readable(cap: int) -> None:
    """Digits fill the asked height, and different numbers look different."""
    mask = text_mask("#18 0.93", cap)
    used = np.flatnonzero((mask > 96).any(axis=1))
    assert mask.shape[0] == cap + 2
    assert cap - 2 <= used[-1] - used[0] + 1 <= cap + 2
    assert mask.max() > 200
    assert mask[:, 0].any()
    assert mask[:, -1].any()
    wide = text_mask("WWWW", cap)
    assert 3 * text_mask("W", cap).shape[1] < wide.shape[1] < 5 * cap
    assert not np.array_equal(text_mask("#18 0.93", cap), text_mask("#13 0.98", cap))


def test_a_tag_fills_its_place_and_nothing_else() -> None:
    """The background is the colour, the text dark on it, and samples outside the place stay."""
    planes = noise(120, 60)
    old = planes.luma.copy()
    mask = text_mask("#7", 18)
    place = (30, 20, 30 + mask.shape[1] + 14, 20 + mask.shape[0] + 12)
    tag(Canvas(planes), place, mask, pad=7, colour=(255, 255, 0))
    x1, y1, x2, y2 = place
    inside = np.zeros_like(old, bool)
    inside[y1:y2, x1:x2] = True
    np.testing.assert_array_equal(planes.luma[~inside], old[~inside])
    code = round(ink_codes(planes, (255, 255, 0))[0])
    middle = planes.luma[y1:y2, x1:x2]
    assert (middle == code).mean() > 0.4
    assert middle.min() < 60


@pytest.mark.parametrize(
    "box", [*itertools.product((-30.0, 140.0, 290.0), (-30.0, 80.0, 190.0)), (-50.0, -50.0)]
)
def test_captions_stay_in_the_frame_and_off_the_face(box: tuple[float, float]) -> None:
    """At every corner and side of the frame the caption is wholly inside and off a face that leaves room."""
    x, y = box
    face = (x, y, x + 60, y + 80)
    spot = spot_beside(face, (70, 20), frame=(320, 240), gap=3, avoid=np.zeros((0, 4)))
    assert spot is not None
    left, top = spot
    assert 0 <= left <= 320 - 70
    assert 0 <= top <= 240 - 20
    across = min(face[2], left + 70) - max(face[0], left)
    down = min(face[3], top + 20) - max(face[1], top)
    assert across <= 0 or down <= 0


def test_captions_avoid_other_faces_and_too_small_frames() -> None:
    """Where another face lies above, the caption goes below; where no room is, there is none."""
    face, above = (100.0, 100.0, 160.0, 180.0), np.array([(90.0, 40.0, 170.0, 96.0)])
    free = spot_beside(face, (70, 20), frame=(320, 240), gap=3, avoid=np.zeros((0, 4)))
    busy = spot_beside(face, (70, 20), frame=(320, 240), gap=3, avoid=above)
    assert free is not None
    assert busy is not None
    assert free[1] < 100
    assert busy[1] > 180
    assert spot_beside(face, (70, 20), frame=(60, 240), gap=3, avoid=above) is None
