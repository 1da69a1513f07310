"""Pictures on a card, tried on torch's CPU device: the same forms as in host memory, every copy counted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from vidface.data.card import Card
from vidface.data.frame import Frame
from vidface.media.colour import Colour
from vidface.media.decode import open_source
from vidface.media.orient import UPRIGHT, Turn
from vidface.media.pixels import AvPixels
from vidface.media.planar import plane_views

torch = pytest.importorskip("torch", reason="torch is an extra")
pytestmark = pytest.mark.parametrize("on", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])

TURNS = [UPRIGHT, Turn(True, False, True), Turn(False, True, True), Turn(True, True, False)]


@pytest.fixture
def card(on: str) -> Card:
    if on == "cuda":
        need_card()
    return Card("cuda:0" if on == "cuda" else "cpu")


@pytest.fixture
def both(card: Card, samples: Path) -> Callable[..., tuple[Any, AvPixels]]:
    """A frame of a clip, on the card as a decoder leaves it there, and in host memory."""

    def make(
        name: str = "nv12", *, turn: Turn = UPRIGHT, colour: Colour | None = None
    ) -> tuple[Any, AvPixels]:
        from vidface.media.cardpixels import CardPixels
        from vidface.vision.tensorforms import CardPlanes

        with closing(open_source(samples / "two_people.mp4")) as source:
            first = next(iter(source.frames()))
        picture, tagged = AvPixels.of(first).upright()
        colour = colour or tagged
        deep = name == "p010le"
        planar = picture.reformat(format="yuv420p10le") if deep else picture
        luma, u, v = (np.array(view) for view in plane_views(planar))
        chroma = np.stack([u, v], axis=-1)
        kind = np.int16 if deep else np.uint8
        luma, chroma = (torch.from_numpy(sheet.astype(kind)).to(card.device) for sheet in (luma, chroma))
        planes = CardPlanes(
            luma,
            chroma,
            bits=10 if deep else 8,
            matrix=colour.matrix,
            full_range=colour.full_range,
            left=not deep,
        )
        return (
            CardPixels(planes, card, colour=colour, turn=turn, mark=card.mark()),
            AvPixels(planar, colour=colour, turn=turn),
        )

    return make


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("name", ["nv12", "p010le"])
def test_forms_are_those_of_the_host(both: Any, card: Card, name: str, turn: Turn) -> None:
    """RGB on the card at any size: 45 dB and more from swscale's."""
    there, here = both(name, turn=turn)
    assert there.size == here.size
    for width in (None, 640, 384, 320, 333, there.size[0] * 2):
        made, other = there.card_rgb(width), there.card_bgr(width)
        assert made.device.type == card.device.type
        assert psnr(on_host(card, made), here.rgb(width)) >= 45, width
        fresh = AvPixels(here._frame, colour=here.colour, turn=turn)  # bgr would be made from rgb else
        assert psnr(on_host(card, other), fresh.bgr(width)) >= 45, width
    assert not any(kind["copies"] for kind in card.traffic.to_json().values())


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("full", [False, True])
def test_colours_are_read_by_matrix_and_range(both: Any, card: Card, matrix: Any, full: bool) -> None:
    """BT.601, 709 and 2020, limited and full range."""
    there, here = both(colour=Colour(matrix, full))
    assert psnr(on_host(card, there.card_rgb()), here.rgb()) >= 45
    assert psnr(there.luma(320), here.luma(320)) >= 45


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize(
    "matrix",
    [
        [[1.0, 0, -300], [0, 1, -100]],
        [[0.31, 0.08, -20], [-0.08, 0.31, 11]],
        [[2.5, -0.4, -900], [0.4, 2.5, -380]],
        [[0.5, 0, 40], [0, 0.5, 60]],
    ],
)
def test_crops_are_those_of_the_host(both: Any, card: Card, turn: Turn, matrix: Any) -> None:
    """Large and small, turned, and reaching beyond the picture: 45 dB and more from OpenCV's."""
    there, here = both(turn=turn)
    size = (192, 160)
    made = on_host(card, there.card_crop(np.array(matrix), size))
    assert psnr(made, here.crop(np.array(matrix), size)) >= 45
    assert np.array_equal(made, there.crop(np.array(matrix), size))


def test_a_crop_beyond_the_picture_is_black(both: Any, card: Card) -> None:
    there, _ = both()
    away = np.array([[1.0, 0, 5000], [0, 1, 0]])
    assert not on_host(card, there.card_crop(away, (32, 32))).any()
    with pytest.raises(ValueError, match="invertible"):
        there.card_crop(np.zeros((2, 3)), (32, 32))


@pytest.mark.parametrize("name", ["nv12", "p010le"])
def test_whole_pictures_come_bit_for_bit(both: Any, card: Card, name: str) -> None:
    """Planes, full-size RGB and what is painted: what a decoder in host memory gives; copied once.

    Of ten bits RGB is near only: the host's frame knows where chroma lies, and one made from planes does not.
    """
    there, here = both(name)
    for one, other in zip(sheets(there.planes()), sheets(here.planes()), strict=True):
        assert np.array_equal(one, other)
    near = 45 if name == "p010le" else 90
    assert psnr(there.rgb(), here.rgb()) >= near
    assert psnr(there.bgr(), here.bgr()) >= near

    def darken(planes: Any) -> None:
        planes.luma[:8] = 16

    painted = zip(sheets(there.painted(darken).planes()), sheets(here.painted(darken).planes()), strict=True)
    assert all(np.array_equal(one, other) for one, other in painted)
    assert card.traffic.copies("pictures_to_host") == 1
    assert card.traffic.copies("forms_to_host") == 0


def test_small_forms_are_copied_alone_and_counted(both: Any, card: Card) -> None:
    """A node in host memory gets what it asks for; the whole picture stays on the card."""
    there, here = both()
    assert psnr(there.bgr(320), here.bgr(320)) >= 45
    there.bgr(320)
    assert psnr(there.rgb(320), AvPixels(here._frame, colour=here.colour).rgb(320)) >= 45
    assert np.array_equal(there.luma(64), here.luma(64)), "thumbnails are exact"
    assert psnr(there.luma(400), here.luma(400)) >= 45
    counted = card.traffic.to_json()
    assert counted["forms_to_host"]["copies"] == 3
    assert counted["thumbnails_to_host"] == {"copies": 1, "bytes": 64 * 36}
    assert counted["pictures_to_host"]["copies"] == 0
    with pytest.raises(ValueError, match="1 pixel or more"):
        there.rgb(0)


def test_forms_do_not_depend_on_who_asked_first(both: Any) -> None:
    """A whole picture in host memory changes nothing of the small forms."""
    one, _ = both()
    other, _ = both()
    other.rgb()
    assert np.array_equal(one.rgb(300), other.rgb(300))


def test_a_frame_knows_its_card(both: Any, card: Card) -> None:
    """Only the very card gives pictures on the card; others are served in host memory."""
    there, here = both()
    frame = Frame(0, 0, Fraction(1, 25), there)
    assert frame.on_card(card) is there
    assert frame.on_card(None) is None
    assert frame.on_card(Card(str(card.device))) is None
    assert frame.with_pixels(here).on_card(card) is None
    assert AvPixels.of(frame).size == here.size


@pytest.mark.parametrize(("name", "bits"), [("nv12", 8), ("p010le", 10)])
def test_a_decoders_frame_becomes_planes(card: Card, on: str, samples: Path, name: str, bits: int) -> None:
    """NV12 and P010 by DLPack; the planes are copies, since decoders use their memory again."""
    from vidface.media.cardpixels import card_planes

    if on == "cuda":
        pytest.skip("frames of a decoder on a card are tried in test_nvdec.py")
    first = next(iter(open_source(samples / "two_people.mp4").frames()))
    picture, colour = AvPixels.of(first).upright()
    planar = picture.reformat(format="yuv420p10le") if bits == 10 else picture
    frame = picture.reformat(format=name)
    planes = card_planes(frame, colour)
    want = [np.asarray(view).astype(np.int32) for view in plane_views(planar)]
    made = [planes.luma, planes.chroma[..., 0], planes.chroma[..., 1]]
    for one, other in zip(made, want, strict=True):
        assert np.array_equal(one.numpy().astype(np.int32), other)
    before = planes.luma.clone()
    memoryview(frame.planes[0]).cast("B")[:64] = bytes(64)
    assert torch.equal(before, planes.luma)


@pytest.mark.parametrize("form", ["rgb", "bgr", "crop"])
def test_edges_of_colour_lie_where_the_host_has_them(card: Card, form: str) -> None:
    """Of ten bits, at full size: rows of chroma lie between two of luma, and blocks of colour tell."""
    from vidface.media.cardpixels import CardPixels
    from vidface.vision.tensorforms import CardPlanes

    colours = np.random.default_rng(3).integers(0, 256, (12, 16, 3), np.uint8)
    blocks = np.repeat(np.repeat(colours, 9, axis=0), 9, axis=1)[:108, :144]
    planar = av.VideoFrame.from_ndarray(blocks, "rgb24").reformat(format="yuv420p10le")
    luma, u, v = (np.array(view).astype(np.int16) for view in plane_views(planar))
    bright, hues = (torch.from_numpy(one).to(card.device) for one in (luma, np.stack([u, v], axis=-1)))
    planes = CardPlanes(bright, hues, bits=10, matrix="bt601", full_range=False)
    colour = Colour(matrix="bt601", full_range=False)
    there = CardPixels(planes, card, colour=colour, mark=card.mark())
    here = AvPixels(planar, colour=colour)
    if form == "rgb":
        assert psnr(on_host(card, there.card_rgb()), here.rgb()) >= 45
    elif form == "bgr":
        assert psnr(on_host(card, there.card_bgr()), here.bgr()) >= 45
    else:
        corner = np.array([[1.0, 0, 0], [0, 1.0, 0]])
        assert psnr(there.crop(corner, (144, 108)), here.crop(corner, (144, 108))) >= 45


def test_other_formats_are_refused(card: Card) -> None:
    from vidface.media.cardpixels import card_planes

    for frame in (av.VideoFrame(64, 48, "yuv444p"), av.VideoFrame(63, 48, "nv12")):
        with pytest.raises(ValueError, match="wanted NV12 or P010"):
            card_planes(frame, Colour())


def sheets(planes: Any) -> tuple[Any, Any, Any]:
    return planes.luma, planes.u, planes.v


def on_host(card: Card, picture: Any) -> Any:
    """3 x H x W on the card -> H x W x 3; read where it was made, since no other stream waits for that."""
    with card.lane():
        return picture.permute(1, 2, 0).cpu().numpy()


def psnr(one: Any, other: Any) -> float:
    assert one.shape == other.shape
    error = np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def need_card() -> None:
    """Skip without a card; fail where VIDFACE_REQUIRE_CUDA=1 promises one."""
    import os

    if torch.cuda.is_available():
        return
    if os.environ.get("VIDFACE_REQUIRE_CUDA") == "1":
        pytest.fail("VIDFACE_REQUIRE_CUDA=1 promises a card, but torch sees none")
    pytest.skip("torch sees no CUDA device")
