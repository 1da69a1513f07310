"""When a file is decoded on a card, and why not."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from tests.media.conftest import Maker
from vidface.errors import ModelError
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
        ({"extra": {"interlaced": True}}, "interlaced pictures are decoded in host memory"),
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


@pytest.mark.parametrize(("siting", "left"), [(0, True), (1, False)])
def test_chroma_is_read_where_it_lies(
    samples: Path, tmp_path: Path, card: Any, siting: int, left: bool
) -> None:
    """H.264 that says left or centre: found on its first picture, of whatever coding it is said to be."""
    path = sited_clip(samples, tmp_path, siting)
    for codec in ("h264", "vp9"):
        made = nvdec._sited(first_nv12(path), path, codec, card)
        assert isinstance(made, nvdec.Nvdec)
        assert made.left is left
    assert not any(kind["copies"] for kind in card.traffic.to_json().values())


def test_chroma_on_the_corner_is_decoded_in_host_memory(samples: Path, tmp_path: Path, card: Any) -> None:
    """Top-left has no form on the card within 45 dB."""
    path = sited_clip(samples, tmp_path, 2)
    made = nvdec._sited(first_nv12(path), path, "h264", card)
    assert isinstance(made, str)
    assert made.startswith("its chroma lies elsewhere")


@pytest.mark.parametrize("coded", ["yuv420p", "yuv420p10le"])
def test_pictures_of_other_times_are_not_compared(clip: Maker, card: Any, coded: str) -> None:
    """A card that begins with another picture than the CPU would number all frames otherwise: refused."""
    path = clip("first.mp4", pixel_format=coded)
    with av.open(str(path)) as container:
        first, second, *_ = [one.reformat(format="nv12") for one in container.decode(video=0)]
    assert isinstance(nvdec._sited(first, path, "h264", card), nvdec.Nvdec)
    told = "NVDEC does not begin with the picture with which FFmpeg's decoder begins"
    assert nvdec._sited(second, path, "h264", card) == told
    first.pts = None
    assert nvdec._sited(first, path, "h264", card) == told


def sited_clip(samples: Path, folder: Path, siting: int) -> Path:
    """One picture of a sample in H.264 that says where its chroma lies, as x264 numbers that."""
    from vidface.media.pixels import AvPixels

    path = folder / "sited.mp4"
    picture, _ = AvPixels.of(next(iter(open_source(samples / "two_people.mp4").frames()))).upright()
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=25, options={"x264-params": f"chromaloc={siting}"})
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
        frame = picture.reformat(format="yuv420p")
        frame.pts = None
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def first_nv12(path: Path) -> Any:
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).reformat(format="nv12")


def test_a_card_without_memory_is_a_sentence(
    card: Any, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch's error on memory is no traceback."""
    from vidface.media import cardpixels
    from vidface.media.colour import Colour
    from vidface.media.orient import UPRIGHT

    def full(*_given: Any, **_options: Any) -> Any:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 MiB.")

    monkeypatch.setattr(cardpixels, "card_planes", full)
    frame = SimpleNamespace(format=SimpleNamespace(name="cuda"))
    with pytest.raises(
        ModelError, match=r"cpu cannot take a decoded picture \(cuda out of memory.*--device cpu"
    ):
        nvdec.Nvdec(card, "h264").pixels(frame, Colour(), UPRIGHT)  # type: ignore[arg-type]


def test_a_card_that_fails_after_the_trial_is_left(samples: Path, card: Any, monkeypatch: Any) -> None:
    """The file cannot be opened there a second time: every frame comes from host memory, and it is said."""

    class Failing:
        def open(self, path: Any) -> Any:
            raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(nvdec, "nvdec_for", lambda *_: (Failing(), "cuda:0: h264 by NVDEC"))
    source = open_source(samples / "two_people.mp4", card=card)
    assert next(iter(source.frames())).index == 0
    assert source.info.extra["decoded_on"] == "cpu: NVDEC failed after its trial (CUDA out of memory)"


def made_clips(clip: Maker) -> dict[str, Path]:
    """One clip of each kind that NVDEC reads and the samples are not, as large as its coders want."""
    small: dict[str, Any] = {"size": (320, 256), "pts": tuple(range(12))}
    return {
        "10-bit hevc": clip("deep.mp4", codec="libx265", pixel_format="yuv420p10le", **small),
        "vp9": clip("vp9.webm", codec="libvpx-vp9", **small),
        "full-range h264": clip("full.mp4", colour=(1, 2), **small),
        "mpeg2video": clip("old.mpg", codec="mpeg2video", bare_options={"b": "8000000"}, **small),
    }


def test_the_clips_for_the_card_are_of_all_kinds(clip: Maker) -> None:
    """Nothing speaks against them before NVDEC is asked, so that each is decoded where there is a card."""
    infos = {kind: probe(path) for kind, path in made_clips(clip).items()}
    assert [info.codec for info in infos.values()] == ["hevc", "vp9", "h264", "mpeg2video"]
    assert infos["10-bit hevc"].pixel_format == "yuv420p10le"
    assert next(iter(open_source(made_clips(clip)["full-range h264"]).frames())).planes().full_range
    assert [nvdec._why_not("clip", info) for info in infos.values()] == [None] * 4


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["two_people.mp4", "rotated.mp4", "walk_vfr.mkv"])
def test_the_card_gives_the_same_pictures(samples: Path, name: str) -> None:
    """Every frame, at the same time; H.264 is exact, so planes are equal to the bit, and forms by 45 dB."""
    compare_on_card(samples / name)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["10-bit hevc", "vp9", "full-range h264", "mpeg2video"])
def test_the_card_gives_the_same_pictures_of_other_codings(clip: Maker, kind: str) -> None:
    """MPEG-2 leaves the rounding of its transform open: there planes are within 2 levels."""
    compare_on_card(made_clips(clip)[kind], levels=2 if kind == "mpeg2video" else 0)


def compare_on_card(path: Path, *, levels: int = 0) -> None:
    if not torch.cuda.is_available():
        if os.environ.get("VIDFACE_REQUIRE_CUDA") == "1":
            pytest.fail("VIDFACE_REQUIRE_CUDA=1 promises a card, but torch sees none")
        pytest.skip("torch sees no CUDA device")
    from vidface.data.card import Card
    from vidface.media.cardpixels import CardPixels

    card = Card("cuda:0")
    source, plain = open_source(path, card=card), open_source(path)
    assert "NVDEC" in source.info.extra["decoded_on"]
    for one, other in zip(source.frames(), plain.frames(), strict=True):
        assert (one.pts, one.size) == (other.pts, other.size)
        assert isinstance(one.pixels, CardPixels)
        with card.lane():
            small = one.pixels.card_rgb(160).permute(1, 2, 0).cpu().numpy().astype(float)
        assert np.mean((small - other.rgb(160)) ** 2) <= 255**2 / 10**4.5
        if one.index % 10 == 0:
            for there, here in ((one.planes().luma, other.planes().luma), (one.planes().u, other.planes().u)):
                assert np.abs(there.astype(int) - here.astype(int)).max() <= levels


def test_a_report_tells_pictures_that_came_in_host_memory(card: Any) -> None:
    """NVDEC gave its trial's picture, and then none, or not all."""
    one = nvdec.Nvdec(card, "h264")
    assert one.told("cuda:0: h264 by NVDEC") == "cuda:0: h264 by NVDEC"
    one.passed = 2
    assert one.told("cuda:0: h264 by NVDEC").startswith("cpu: NVDEC gave no picture after its trial, 2 came")
    one.taken = 1
    said = one.told("cuda:0: h264 by NVDEC")
    one.passed = 3
    assert one.told(said) == "cuda:0: h264 by NVDEC; 3 pictures in host memory"


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (av.error.MemoryError, "cpu has no memory left to decode with"),
        (av.error.ExternalError, "cpu stopped decoding"),
        (av.error.InvalidDataError, ""),
    ],
)
def test_what_the_card_is_to_blame_for_is_no_damage_of_the_file(
    samples: Path, card: Any, kind: type[av.error.FFmpegError], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card without memory ends the run with a sentence; damage is a hole, as ever."""
    source: Any = open_source(samples / "two_people.mp4")
    monkeypatch.setattr(source, "_nvdec", nvdec.Nvdec(card, "h264"))
    monkeypatch.setattr(source, "_container", lambda: av.open(str(samples / "two_people.mp4")))
    source.info.extra["decoded_on"] = "cuda:0: h264 by NVDEC"
    opened = source._open

    def failing() -> Any:
        session = opened()

        def decode(packet: Any) -> Any:
            raise kind(12 if says.endswith("with") else 1, "made to fail")

        context = SimpleNamespace(decode=decode)
        session.stream = SimpleNamespace(codec_context=context, time_base=session.stream.time_base)
        return session

    session = failing()
    packet = next(session.container.demux(video=0))
    if says:
        with pytest.raises(ModelError, match=says):
            source._pictures(session, packet)
    else:
        assert source._pictures(session, packet) == []
    source.close()
