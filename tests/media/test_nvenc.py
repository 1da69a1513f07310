"""Which encoder writes the video, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from vidface.errors import UsageError
from vidface.media import nvenc
from vidface.media.codecs import EncodeSettings
from vidface.media.decode import open_source
from vidface.media.encode import Encoder
from vidface.media.nvenc import choose_encoder


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which NVENC opens."""
    monkeypatch.setattr(nvenc, "nvenc_lack", lambda *_: None)


@pytest.mark.parametrize(("wish", "card"), [("auto", None), ("software", None), ("software", 0)])
def test_software_is_as_it_was(wish: Any, card: Any) -> None:
    """The same settings, the very object; where a card was there, the choice is told."""
    settings = EncodeSettings("h264", crf=20)
    made, told = choose_encoder(settings, wish, card)
    assert made is settings
    assert made.library == "libx264"
    assert told == ("" if card is None else "cpu: libx264, as asked for")


def test_a_run_on_a_card_encodes_there(served: None) -> None:
    """h264 and h265 by NVENC at constant quality, on the run's own card."""
    made, told = choose_encoder(EncodeSettings("h265", crf=22), "auto", 1)
    assert told == "cuda:1: hevc_nvenc"
    assert made.library == "hevc_nvenc"
    options = made.options(50, (640, 480))
    assert options == {
        "g": "50", "cq": "22", "preset": "p4", "rc": "vbr", "b": "0", "gpu": "1", "forced-idr": "1",
    }  # fmt: skip
    quick, _ = choose_encoder(EncodeSettings(preset="p7"), "nvenc", None)
    assert quick.options(50, (640, 480))["preset"] == "p7"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (
            EncodeSettings("vp9", "mkv"),
            "cpu: libvpx-vp9, since NVENC is used for h264 and h265, but this is vp9",
        ),
        (EncodeSettings(crf=0), "cpu: libx264, since crf 0 asks for pictures without loss"),
        (EncodeSettings(preset="slow"), "cpu: libx264, since preset slow is libx264's, and NVENC has p1, "),
    ],
)
def test_what_nvenc_has_not_is_encoded_in_software(served: None, settings: EncodeSettings, why: str) -> None:
    made, told = choose_encoder(settings, "auto", 0)
    assert made.card is None
    assert made.preset == settings.preset
    assert told.startswith(why)
    with pytest.raises(UsageError, match="encoder nvenc was asked for, but"):
        choose_encoder(settings, "nvenc", 0)


def test_a_preset_of_the_card_needs_the_card() -> None:
    """Asked for where software encodes: a sentence, not x264's error."""
    with pytest.raises(UsageError, match="preset p4 is NVENC's, but libx264 encodes here"):
        choose_encoder(EncodeSettings(preset="p4"), "auto", None)


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has a card")
def test_without_a_card_the_reason_is_told() -> None:
    """The library of the driver, the build of FFmpeg, or the card itself."""
    assert nvenc.nvenc_lack() is not None
    assert nvenc.nvenc_lack("h264_unheard_of") == "this build of FFmpeg has no h264_unheard_of"
    made, told = choose_encoder(EncodeSettings(preset="p4"), "auto", 0)
    assert (made.card, made.preset) == (None, None)
    assert told.startswith("cpu: libx264, since ")


def test_pictures_that_nvenc_does_not_take_are_encoded_in_software(samples: Path, tmp_path: Path) -> None:
    """Of ten bits: the file is written by x264, and says so."""
    source = open_source(samples / "two_people.mp4", stop=0.2)
    encoder = Encoder(tmp_path / "out.mp4", EncodeSettings(card=0), source.info)
    for frame in source.frames():
        from vidface.media.pixels import AvPixels

        picture, colour = AvPixels.of(frame).upright()
        deep = AvPixels(picture.reformat(format="yuv420p10le"), colour=colour)
        encoder.write(frame.with_pixels(deep))
    facts = encoder.finish()
    assert encoder.library == "libx264"
    assert facts["notes"][0].startswith("encoded in software: NVENC is used for 4:2:0 of 8 bits")
    assert facts["frames"] == 5


def test_pictures_too_large_for_nvenc_are_encoded_in_software(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial before the first frame is of another size; the real one is tried with the first frame."""
    monkeypatch.setattr(
        nvenc, "nvenc_lack", lambda _library, _index, size=(0, 0): "too large" if size[0] else None
    )
    source = open_source(samples / "two_people.mp4", stop=0.2)
    settings, told = choose_encoder(EncodeSettings(), "auto", 0)
    assert told == "cuda:0: h264_nvenc"
    encoder = Encoder(tmp_path / "out.mp4", settings, source.info)
    for frame in source.frames():
        encoder.write(frame)
    assert encoder.finish()["notes"] == ["encoded in software: too large"]


def test_full_range_is_a_tag_for_nvenc_and_a_format_for_x264() -> None:
    assert EncodeSettings(card=0).pixel_format("yuvj420p", (64, 48)) == ("yuv420p", None)
    assert EncodeSettings().pixel_format("yuvj420p", (64, 48)) == ("yuvj420p", None)


@pytest.mark.gpu
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_a_card_writes_every_frame_at_its_time(samples: Path, tmp_path: Path, codec: Any) -> None:
    """As many frames as came, at the same times, and near to what they were (35 dB and more)."""
    lack = nvenc.nvenc_lack()
    if lack is not None:  # CUDA does not promise it: an H100 or H200 decodes, but has no encoder
        pytest.skip(lack)
    source = open_source(samples / "two_people.mp4", stop=2.0)
    settings, _ = choose_encoder(EncodeSettings(codec), "nvenc", 0)
    encoder = Encoder(tmp_path / "out.mp4", settings, source.info)
    frames = list(source.frames())
    for frame in frames:
        encoder.write(frame)
    assert encoder.finish()["frames"] == len(frames)
    again = list(open_source(tmp_path / "out.mp4").frames())
    assert [frame.time for frame in again] == [frame.time for frame in frames]
    for one, other in zip(again[::10], frames[::10], strict=True):
        assert np.mean((one.rgb().astype(float) - other.rgb()) ** 2) <= 255**2 / 10**3.5
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].codec_context.name in ("h264", "hevc")
