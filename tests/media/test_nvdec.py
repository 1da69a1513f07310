"""When a file is decoded on a card, and why not."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidface.media import nvdec
from vidface.media.decode import open_source
from vidface.media.probe import probe

torch = pytest.importorskip("torch", reason="torch is an extra")


@pytest.fixture
def card() -> Any:
    from vidface.data.card import Card

    return Card("cpu")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"codec": "ffv1"}, "NVDEC is used for h264, .* but this is ffv1"),
        ({"pixel_format": "yuv444p"}, "4:2:0 of 8 or 10 bits, but these are yuv444p"),
        ({"width": 767}, "have even sides, but these are 767 x 432"),
    ],
)
def test_what_speaks_against_it_is_said(samples: Path, card: Any, change: Any, why: str) -> None:
    """A phrase, before anything is opened."""
    info = replace(probe(samples / "two_people.mp4"), **change)
    made, told = nvdec.nvdec_for("clip.mp4", info, card)
    assert made is None
    assert told.startswith("cpu: ")
    assert re.search(why, told)
    made, told = nvdec.nvdec_for("https://camera/clip.mp4", info, card)
    assert (made, told) == (None, "cpu: an address is decoded in host memory")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a card")
def test_without_a_driver_the_file_is_read_in_host_memory(samples: Path, card: Any) -> None:
    """The source falls back by itself, says why, and gives every frame."""
    assert nvdec.nvdec_lack() is not None
    clip = samples / "two_people.mp4"
    source, plain = open_source(clip, card=card), open_source(clip)
    assert source.info.extra["decoded_on"].startswith("cpu: ")
    assert "decoded_on" not in plain.info.extra
    for one, other in zip(source.frames(), plain.frames(), strict=True):
        assert one.pts == other.pts
        assert np.array_equal(one.planes().luma, other.planes().luma)


def test_a_failing_decoder_is_a_reason(samples: Path, card: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the driver is there but its decoder fails on the first picture."""
    monkeypatch.setattr(nvdec, "nvdec_lack", lambda *_: None)
    clip = samples / "two_people.mp4"
    made, told = nvdec.nvdec_for(clip, probe(clip), card)
    if torch.cuda.is_available():
        pytest.skip("this machine has a card")
    assert made is None
    assert told.startswith("cpu: NVDEC failed (")


def test_software_frames_among_those_of_the_card_are_taken_as_they_are(samples: Path, card: Any) -> None:
    """NVDEC passes on what it cannot decode: the picture then is in host memory."""
    from vidface.media.colour import Colour
    from vidface.media.orient import UPRIGHT
    from vidface.media.pixels import AvPixels

    first = next(iter(open_source(samples / "two_people.mp4").frames()))
    picture, _ = AvPixels.of(first).upright()
    made = nvdec.Nvdec(card, "h264").pixels(picture, Colour(), UPRIGHT)
    assert isinstance(made, AvPixels)
    assert card.traffic.copies("pictures_to_host") == 0


@pytest.mark.gpu
@pytest.mark.parametrize("clip", ["two_people.mp4", "rotated.mp4", "walk_vfr.mkv"])
def test_the_card_gives_the_same_pictures(samples: Path, clip: str) -> None:
    """Every frame, at the same time; H.264 is exact, so planes are equal to the bit, and forms by 45 dB."""
    if not torch.cuda.is_available():
        if os.environ.get("VIDFACE_REQUIRE_CUDA") == "1":
            pytest.fail("VIDFACE_REQUIRE_CUDA=1 promises a card, but torch sees none")
        pytest.skip("torch sees no CUDA device")
    from vidface.data.card import Card
    from vidface.media.cardpixels import CardPixels

    card = Card("cuda:0")
    source, plain = open_source(samples / clip, card=card), open_source(samples / clip)
    assert "NVDEC" in source.info.extra["decoded_on"]
    for one, other in zip(source.frames(), plain.frames(), strict=True):
        assert (one.pts, one.size) == (other.pts, other.size)
        assert isinstance(one.pixels, CardPixels)
        with card.lane():
            small = one.pixels.card_rgb(320).permute(1, 2, 0).cpu().numpy().astype(float)
        assert np.mean((small - other.rgb(320)) ** 2) <= 255**2 / 10**4.5
        if one.index % 10 == 0:
            assert np.array_equal(one.planes().luma, other.planes().luma)
            assert np.array_equal(one.planes().u, other.planes().u)
