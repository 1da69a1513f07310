"""VideoSink: awkward sound tracks, which must not cost the video."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import read, sound_of, times
from tests.media.sounds import tone, write_sound
from tests.sinks.video_files import encode
from vidface.media._audiolanes import muxer_takes


def beside(video: Path, sound: Path, path: Path, later: float = 0.0, **options: str) -> Path:
    """The pictures of one file and the sound of another, `later` seconds later, in one file."""
    with (
        av.open(str(video)) as seen,
        av.open(str(sound)) as heard,
        av.open(str(path), "w", container_options=options) as out,
    ):
        lanes = [(seen, 0, seen.streams.video[0]), (heard, later, heard.streams.audio[0])]
        made = [out.add_stream_from_template(stream) for _, _, stream in lanes]
        for (source, shift, stream), target in zip(lanes, made, strict=True):
            for packet in source.demux(stream):
                if packet.dts is None or packet.pts is None:
                    continue
                units = round(shift / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + units, packet.dts + units, target
                out.mux(packet)
    return path


def ac3(layout: str, seconds: float, first: int = 0) -> Iterator[Any]:
    """Packets of a tone, times counting from sample `first` on."""
    coder: Any = av.CodecContext.create("ac3", "w")
    coder.sample_rate, coder.layout, coder.format = 48_000, layout, "fltp"
    coder.time_base = Fraction(1, 48_000)
    coder.open()
    wave = tone(seconds, rate=48_000)
    for start in range(0, len(wave) - 1535, 1536):
        part = np.repeat(wave[None, start : start + 1536], coder.layout.nb_channels, 0)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = 48_000, first + start, coder.time_base
        yield from coder.encode(frame)
    yield from coder.encode(None)


def with_ac3(video: Path, path: Path, packets: list[Any], codec: str = "ac3") -> Path:
    """The pictures of a file beside such packets."""
    with av.open(str(video)) as seen, av.open(str(path), "w") as out:
        picture = out.add_stream_from_template(seen.streams.video[0])
        sound = out.add_mux_stream(codec, rate=48_000)
        for packet in [*seen.demux(video=0), *packets]:
            if packet.dts is not None:
                packet.stream = picture if packet.stream is not None else sound
                out.mux(packet)
    return path


def loud(path: Path) -> list[bool]:
    """By tenths of a second, whether the first sound track sounds."""
    tenths: dict[int, float] = {}
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            if frame.pts is not None:
                samples = frame.to_ndarray().astype(float)
                tenth = int(frame.pts * (frame.time_base or Fraction(1)) * 10)
                tenths[tenth] = max(tenths.get(tenth, 0.0), float(np.abs(samples).max()))
    return [tenths.get(i, 0.0) > 0.1 for i in range(max(tenths) + 1)]


@pytest.mark.parametrize(
    ("coded", "name", "rate", "container"),
    [
        ("flac", "a.mkv", 48_000, "mov"),
        ("flac", "a.mkv", 192_000, "mov"),
        ("libopus", "a.mkv", 48_000, "mov"),
        ("libmp3lame", "a.mp3", 11_025, "mp4"),
    ],
)
def test_sound_that_the_muxer_refuses_is_encoded_anew(
    clip: Maker, tmp_path: Path, coded: str, name: str, rate: int, container: str
) -> None:
    """FFmpeg lists these codecs for these containers, and refuses them when the header is written."""
    sound = write_sound(tmp_path / name, [(0, tone(1, rate=rate))], rate=rate, codec=coded)
    path = beside(clip("in.mp4"), sound, tmp_path / "in.mkv")
    out, facts = encode(path, tmp_path, container=container)
    assert facts["audio"] == "re-encoded 1 stream"
    assert any("encoded anew" in note for note in facts["notes"])
    assert times(read(out)) == times(read(path))
    assert all(loud(out)[1:9])


def test_truehd_is_not_copied_into_mp4(clip: Maker, tmp_path: Path) -> None:
    """FFmpeg calls that an experiment and writes no header."""
    with av.open(str(with_ac3(clip("in.mp4"), tmp_path / "in.mkv", [], codec="truehd"))) as container:
        taken = {name: muxer_takes(container.streams.audio[0], name) for name in ("mp4", "mov", "matroska")}
    assert taken == {"mp4": False, "mov": False, "matroska": True}


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_a_track_that_a_broadcast_names_without_sending_it(
    clip: Maker, tmp_path: Path, container: str
) -> None:
    path = with_ac3(clip("in.mp4"), tmp_path / "in.ts", [])
    out, facts = encode(path, tmp_path, container=container)
    assert facts["audio"] == "none"
    assert "an audio stream (ac3) without sound was left out" in facts["notes"]
    assert len(read(out)) == 24


@pytest.mark.parametrize("first", [0.0, 3.0])
def test_ac3_without_a_packet_in_the_part(clip: Maker, tmp_path: Path, first: float) -> None:
    """mp4 must see a packet of AC-3 before it can be finished: without one the whole file was lost."""
    packets = list(ac3("stereo", 2, first=round(first * 48_000)))
    path = with_ac3(clip("in.mp4", pts=tuple(range(125))), tmp_path / "in.mkv", packets)
    cut = {"stop": 2.5} if first else {"start": 3.0}
    out, facts = encode(path, tmp_path, cut=cut)
    assert facts["audio"] == "none"
    assert "an audio stream (ac3) without sound was left out" in facts["notes"]
    assert times(read(out)) == times(read(path, **cut))
    kept, facts = encode(path, tmp_path)
    assert facts["audio"] == "copied 1 stream"
    assert sound_of(kept)[0] == sound_of(path)[0]


def test_a_late_track_that_is_not_looked_for_to_the_end_is_copied(clip: Maker, tmp_path: Path) -> None:
    """Sound that begins 14 s after the pictures."""
    video = clip("in.mp4", pts=tuple(range(0, 400, 10)))
    sound = write_sound(tmp_path / "a.mkv", [(0, tone(1))], codec="aac")
    path = beside(video, sound, tmp_path / "in.mkv", later=14.0)
    out, facts = encode(path, tmp_path, container="mkv")
    assert facts["audio"] == "copied 1 stream"
    assert sound_of(out) == sound_of(path)


@pytest.mark.parametrize(("before", "after"), [("5.1", "stereo"), ("stereo", "5.1"), ("mono", "stereo")])
def test_channels_that_change_on_the_way(clip: Maker, tmp_path: Path, before: str, after: str) -> None:
    """As broadcasts do between programmes; both parts are heard, at their places."""
    packets = [*ac3(before, 1.504), *ac3(after, 1.504, first=47 * 1536)]
    path = with_ac3(clip("in.mp4", pts=tuple(range(75))), tmp_path / "in.mkv", packets)
    out, facts = encode(path, tmp_path, container="webm", codec="vp9")
    assert facts["audio"] == "re-encoded 1 stream"
    assert all(loud(out)[1:29])
    stamps = sound_of(out)[1]
    assert 2.9 < float(stamps[-1] - stamps[0]) < 3.1


def test_sound_that_an_edit_list_hides_stays_hidden(clip: Maker, tmp_path: Path) -> None:
    """Matroska cannot hide it: of that second one packet is kept, for AAC to begin with."""
    sound = write_sound(tmp_path / "a.m4a", [(0, tone(2, rate=48_000))], rate=48_000, codec="aac")
    path = beside(clip("in.mp4"), sound, tmp_path / "in.mp4", later=-1.0, avoid_negative_ts="disabled")
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    hidden = sum(packet.is_discard for packet in packets)
    assert hidden > 40
    out, _ = encode(path, tmp_path, container="mkv")
    stamps = sound_of(out)[1]
    assert len(stamps) == len(packets) - hidden + 1
    assert stamps[0] >= Fraction(-1, 20)
    same, _ = encode(path, tmp_path, container="mp4")
    assert sound_of(same) == sound_of(path)


def test_hidden_sound_between_two_entries_of_an_edit_list(clip: Maker, tmp_path: Path) -> None:
    """Its times go back, but nobody was to hear it: no note."""
    sound = write_sound(tmp_path / "a.m4a", [(0, tone(4, rate=48_000))], rate=48_000, codec="aac")
    path = beside(clip("in.mp4", pts=tuple(range(50))), sound, tmp_path / "in.mp4")
    path.write_bytes(spliced(path.read_bytes(), [(1000, 0), (1000, 2 * 48_000)]))
    with av.open(str(path)) as container:
        assert sum(packet.is_discard for packet in container.demux(audio=0)) > 10
    for container_name in ("mp4", "mkv"):
        _, facts = encode(path, tmp_path, container=container_name)
        assert facts["notes"] == []


def spliced(data: bytes, entries: list[tuple[int, int]]) -> bytes:
    """An mp4 (index at its end) whose last track plays these pieces: milliseconds long, from this sample."""
    place = data.rindex(b"elst") - 4
    size = struct.unpack_from(">I", data, place)[0]
    table = b"".join(struct.pack(">IiI", length, first, 0x10000) for length, first in entries)
    box = struct.pack(">I4sII", 16 + len(table), b"elst", 0, len(entries)) + table
    grown = bytearray(data[:place] + box + data[place + size :])
    for name in (b"moov", b"trak", b"edts"):
        at = data.rindex(name, 0, place) - 4
        struct.pack_into(">I", grown, at, struct.unpack_from(">I", data, at)[0] + len(box) - size)
    return bytes(grown)
