"""Pixels: colours by the book, shared forms, crops to the half pixel, painting that touches nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any
from weakref import ref

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.media.make_clips import noise, smooth
from vidface.data import Planes
from vidface.media.colour import Colour
from vidface.media.orient import Turn
from vidface.media.pixels import AvPixels, frame_from_rgb

# Luma weights of red and blue: ITU-R BT.601-7, BT.709-6, BT.2020-2.
WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
# swscale's fast tables are within this of the formula.
TABLES = 3


def by_the_book(yuv: tuple[int, int, int], matrix: str, full: bool) -> NDArray[np.float64]:
    """RGB 0..255 of one YUV triple, straight from the recommendation."""
    kr, kb = WEIGHTS[matrix]
    y, u, v = yuv
    luma = y / 255 if full else (y - 16) / 219
    cb, cr = (u - 128) / (255 if full else 224), (v - 128) / (255 if full else 224)
    red, blue = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    return np.asarray(np.clip(np.array([red, green, blue]) * 255, 0, 255), np.float64)


def flat(yuv: tuple[int, int, int], name: str = "yuv420p", size: tuple[int, int] = (64, 48)) -> av.VideoFrame:
    """A frame of one colour."""
    frame = av.VideoFrame(*size, name)
    for plane, value in zip(frame.planes, yuv, strict=True):
        np.frombuffer(memoryview(plane), np.uint8)[...] = value
    return frame


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("full", [False, True])
def test_convention_yuv_to_rgb(matrix: Any, full: bool) -> None:
    """Every matrix and range, at full size, smaller and larger: within swscale's tables of the formula."""
    rng = np.random.default_rng(7)
    for _ in range(8):
        yuv = tuple(int(v) for v in rng.integers((16, 70, 70), (235, 186, 186)))
        pixels = AvPixels(flat(yuv), colour=Colour(matrix, full))  # type: ignore[arg-type]
        wanted = by_the_book(yuv, matrix, full)  # type: ignore[arg-type]
        for width in (None, 20, 130):
            assert np.abs(pixels.rgb(width).astype(float) - wanted).max() <= TABLES
        assert np.array_equal(pixels.bgr(), pixels.rgb()[..., ::-1])


@pytest.mark.parametrize("full", [False, True])
def test_convention_luma_is_full_range(full: bool) -> None:
    """Black is 0 and white 255 whatever the coding; at every size."""
    black, white = (0, 255) if full else (16, 235)
    for value, wanted in ((black, 0), (white, 255)):
        pixels = AvPixels(flat((value, 128, 128)), colour=Colour("bt709", full))
        assert np.abs(pixels.luma().astype(int) - wanted).max() <= 1
        assert np.abs(pixels.luma(16).astype(int) - wanted).max() <= 2


@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
def test_convention_rgb_to_yuv(matrix: Any) -> None:
    """RGB becomes limited-range YUV of the matrix stated, and says so."""
    rgb = np.empty((48, 64, 3), np.uint8)
    rgb[...] = (200, 60, 90)
    picture = av.VideoFrame.from_ndarray(rgb, "rgb24")
    pixels = AvPixels(picture, colour=Colour(matrix))
    planes = pixels.planes()
    assert (planes.matrix, planes.full_range) == (matrix, False)
    yuv = tuple(int(p[5, 5]) for p in (planes.luma, planes.u, planes.v))
    assert np.abs(by_the_book(yuv, matrix, False) - rgb[0, 0]).max() <= TABLES  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p12le"])
def test_planes_are_the_decoders_own_memory(name: str) -> None:
    """Planar YUV is shown as it lies: no copy, read-only, right shapes and depth."""
    frame = noise(name)
    planes = AvPixels(frame).planes()
    for view, plane in zip((planes.luma, planes.u, planes.v), frame.planes, strict=True):
        assert view.__array_interface__["data"][0] == plane.buffer_ptr
        assert not view.flags.writeable
    assert planes.size == (96, 64)


@pytest.mark.parametrize(
    ("name", "subsampling", "bits"),
    [
        ("nv12", (2, 2), 8),
        ("p010le", (2, 2), 10),
        ("yuyv422", (2, 1), 8),
        ("yuv440p", (1, 1), 8),
        ("yuv411p", (2, 1), 8),
        ("yuva420p", (2, 2), 8),
        ("yuva444p12le", (1, 1), 12),
        ("yuv444p16le", (1, 1), 12),
        ("yuv444p9le", (1, 1), 10),
        ("nv24", (1, 1), 8),
        ("p410le", (1, 1), 10),
        ("vuya", (1, 1), 8),
        ("gray", (2, 2), 8),
        ("ya8", (2, 2), 8),
        ("gray10le", (2, 2), 10),
        ("bgra", (2, 2), 8),
        ("gbrp10le", (2, 2), 10),
        ("rgb48le", (2, 2), 12),
        ("pal8", (2, 2), 8),
    ],
)
def test_other_formats_become_the_nearest_planar_one(
    name: str, subsampling: tuple[int, int], bits: int
) -> None:
    """No resolution of theirs is lost; RGB and grey become 4:2:0, which plays everywhere."""
    planes = AvPixels(av.VideoFrame(96, 64, name)).planes()
    assert (planes.subsampling, planes.bits) == (subsampling, bits)


def test_grey_keeps_its_samples_and_gets_neutral_chroma() -> None:
    """Grey is luma with nothing beside it."""
    frame = noise("gray")
    samples = np.array(np.frombuffer(memoryview(frame.planes[0]), np.uint8))
    planes = AvPixels(frame, colour=Colour("bt601", True)).planes()
    assert np.array_equal(planes.luma.ravel(), samples)
    assert set(planes.u.ravel()) | set(planes.v.ravel()) == {128}


def test_nv12_samples_survive() -> None:
    """Taking interleaved chroma apart changes no sample."""
    frame = noise("nv12")
    luma, chroma = (np.array(np.frombuffer(memoryview(p), np.uint8)) for p in frame.planes)
    planes = AvPixels(frame).planes()
    assert np.array_equal(planes.luma.ravel(), luma)
    assert np.array_equal(planes.u.ravel(), chroma[::2])
    assert np.array_equal(planes.v.ravel(), chroma[1::2])


def test_odd_rgb_becomes_444() -> None:
    """4:2:0 cannot be coded at an odd size by H.264, so odd RGB keeps all its chroma."""
    assert AvPixels(av.VideoFrame(33, 21, "rgb24")).planes().subsampling == (1, 1)


def test_forms_are_made_once_and_shared_read_only() -> None:
    """The same array for everybody, from any thread."""
    pixels = AvPixels(noise())
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: pixels.rgb(48), range(16)))
    assert all(array is made[0] for array in made)
    assert not made[0].flags.writeable
    assert pixels.rgb(96) is pixels.rgb()


def test_arrays_outlive_the_frame() -> None:
    """A view keeps the decoder's buffer alive."""
    pixels = AvPixels(flat((100, 128, 128)))
    luma, rgb = pixels.planes().luma, pixels.rgb()
    before = rgb.copy()
    del pixels
    for _ in range(20):
        noise()
    assert set(luma.ravel()) == {100}
    assert np.array_equal(rgb, before)


def test_width_below_one_is_refused() -> None:
    """A mistake in a graph gets a sentence."""
    with pytest.raises(ValueError, match="1 pixel or more"):
        AvPixels(noise()).rgb(0)


def test_convention_scaled_pictures_are_not_shifted() -> None:
    """A step at the middle of the frame stays at the middle when shrunk, by area, to a third of a level."""
    rgb = np.zeros((48, 96, 3), np.uint8)
    rgb[:, 48:] = 240
    small = frame_from_rgb(rgb).rgb(width=32).astype(float)
    assert small.shape == (16, 32, 3)
    assert small[:, :15].max() <= TABLES
    assert small[:, 17:].min() >= 240 - TABLES
    assert np.abs(small[:, 15] + small[:, 16] - 240).max() <= 2 * TABLES


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "nv12", "bgra"])
def test_painting_leaves_the_rest_bit_identical(name: str) -> None:
    """Only what `paint` writes to differs, and the original does not change at all."""
    pixels = AvPixels(noise(name))
    before = [p.copy() for p in (pixels.planes().luma, pixels.planes().u, pixels.planes().v)]

    def paint(planes: Planes) -> None:
        planes.luma[8:16, 8:24] = 99
        planes.u[2:4, 2:6] = 77

    after = pixels.painted(paint).planes()
    assert (after.luma[8:16, 8:24] == 99).all()
    mask = np.ones(after.luma.shape, bool)
    mask[8:16, 8:24] = False
    assert np.array_equal(after.luma[mask], before[0][mask])
    assert np.array_equal(after.v, before[2])
    for now, then in zip((pixels.planes().luma, pixels.planes().u), before[:2], strict=True):
        assert np.array_equal(now, then)


def test_passing_through_costs_nothing() -> None:
    """The encoder gets the decoder's own frame."""
    frame = noise()
    assert AvPixels(frame).encodable("yuv420p", (96, 64)) is frame


def test_frame_from_rgb_gives_back_what_it_got() -> None:
    """Lossless for RGB readers, exact in time; wrong arrays are refused."""
    rgb = smooth((33, 21))
    frame = frame_from_rgb(rgb, 7, Fraction(7, 30), duration=Fraction(1, 30))
    assert np.array_equal(frame.rgb(), rgb)
    assert (frame.index, frame.time, frame.duration * frame.time_base) == (
        7,
        Fraction(7, 30),
        Fraction(1, 30),
    )
    assert frame.time_base == Fraction(1, 90000)
    for wrong in (rgb[..., 0], rgb.astype(np.float32), rgb[:0]):
        with pytest.raises(ValueError, match="H x W x 3 uint8"):
            frame_from_rgb(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "turn", [Turn(s, x, y) for s in (False, True) for x in (False, True) for y in (False, True)]
)
def test_turns_agree_with_their_matrix(turn: Turn) -> None:
    """All eight orientations: the array operation and the point mapping tell the same story."""
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    out = turn.apply(image)
    assert turn.size(4, 3) == (out.shape[1], out.shape[0])
    matrix = turn.from_stored(4, 3)
    for y in range(3):
        for x in range(4):
            ux, uy, _ = matrix @ (x + 0.5, y + 0.5, 1)
            assert out[int(uy), int(ux)] == image[y, x]


@pytest.mark.parametrize("full", [False, True])
def test_a_thumbnail_is_the_picture_scaled(full: bool) -> None:
    """Samples instead of all pixels: a smooth picture comes out within 3 levels of the exact mean."""
    y = np.tile(np.linspace(20, 230, 640), (360, 1)).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(np.concatenate([y, np.full((180, 640), 128, np.uint8)]), "yuv420p")
    frame.color_range = 2 if full else 1
    pixels = AvPixels(frame)
    small = pixels.luma(64).astype(int)
    exact = pixels.luma().reshape(36, 10, 64, 10).mean((1, 3))
    assert small.shape == (36, 64)
    assert np.abs(small - exact).max() <= 3


def test_a_remade_picture_has_the_size_asked_for_and_the_same_format_and_colour() -> None:
    """`paint` sees writable planes of the new size; what it paints is what comes out."""
    frame = frame_from_rgb(np.full((48, 64, 3), 200, np.uint8))

    def paint(planes: Planes) -> None:
        assert planes.size == (30, 20)
        planes.luma[...], planes.u[...], planes.v[...] = 126, 128, 128

    fresh = frame.remade((30, 20), paint)
    assert fresh.size == (30, 20)
    assert fresh.planes().matrix == frame.planes().matrix
    assert np.ptp(fresh.rgb()) == 0
    assert abs(int(fresh.rgb()[0, 0, 0]) - 128) <= 1
    assert fresh.time == frame.time


def test_a_detectors_form_goes_when_nobody_holds_it_and_full_rgb_stays() -> None:
    """A picture may wait for many frames; what a detector once saw of it need not."""
    pixels = AvPixels(av.VideoFrame.from_ndarray(np.zeros((36, 64, 3), np.uint8), "rgb24"))
    held = pixels.bgr(128)
    assert pixels.bgr(128) is held
    seen = ref(held)
    del held
    assert seen() is None
    full, luma = ref(pixels.rgb()), ref(pixels.luma(8))
    assert full() is pixels.rgb()
    assert luma() is pixels.luma(8)
