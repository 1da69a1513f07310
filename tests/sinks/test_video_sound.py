"""VideoSink: the input's sound beside the new pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import read, sound_of, times
from tests.sinks.video_files import encode
from vidface.media.probe import probe


@pytest.mark.parametrize(
    ("name", "sound", "container"),
    [
        ("in.mp4", "aac", "mp4"),
        ("in.mkv", "libopus", "mp4"),
        ("in.mkv", "aac", "mkv"),
        ("in.mov", "pcm_s16le", "mov"),
        ("in.ts", "mp2", "mp4"),
        ("in.avi", "libmp3lame", "mp4"),
        ("in.webm", "libopus", "webm"),
        ("in.mkv", "flac", "mp4"),
    ],
)
def test_sound_is_copied_bit_exact(
    clip: Maker, tmp_path: Path, name: str, sound: str, container: str
) -> None:
    """The same packets, to the bit, at the same times (to the input's rounding); video times stay."""
    video = {"codec": "libvpx-vp9"} if name.endswith("webm") else {}
    path = clip(name, sound=sound, **video)
    how = {"codec": "vp9"} if container == "webm" else {}
    out, facts = encode(path, tmp_path, container=container, **how)
    assert facts["audio"] == "copied 1 stream"
    (digest, stamps), (wanted, starts) = sound_of(out), sound_of(path)
    assert digest == wanted
    assert max(abs(a - b) for a, b in zip(stamps, starts, strict=True)) < Fraction(1, 900)
    assert times(read(out)) == times(read(path))


@pytest.mark.parametrize(("sound", "container", "codec"), [("aac", "webm", "vp9"), ("pcm_u8", "mp4", "h264")])
def test_sound_is_encoded_anew_only_where_it_must(
    clip: Maker, tmp_path: Path, sound: str, container: str, codec: str
) -> None:
    """A codec that the container cannot hold becomes Opus or AAC of the same length, and that is said."""
    path = clip("in.mkv", sound=sound)
    out, facts = encode(path, tmp_path, container=container, codec=codec)
    assert facts["audio"] == "re-encoded 1 stream"
    assert any("encoded anew" in note for note in facts["notes"])
    _, stamps = sound_of(out)
    _, starts = sound_of(path)
    assert abs(stamps[-1] - starts[-1]) < Fraction(1, 10)
    assert times(read(out)) == times(read(path))


def test_deep_pcm_in_mp4_loses_nothing_and_plays_everywhere(clip: Maker, tmp_path: Path) -> None:
    """Copied it is noise to older players: ALAC has the same samples. In mov it stays as it is."""
    path = clip("in.mov", sound="pcm_s24le")
    out, facts = encode(path, tmp_path)
    assert (
        "pcm_s24le audio in mp4 is noise to older players: it was encoded as ALAC, without loss"
        in facts["notes"]
    )

    def samples(file: Path) -> np.ndarray[Any, Any]:
        with av.open(str(file)) as container:
            framer = av.AudioResampler("s32", "mono", 48000)
            parts = [part for frame in container.decode(audio=0) for part in framer.resample(frame)]
            return np.concatenate([part.to_ndarray()[0] for part in parts])

    made, wanted = samples(out), samples(path)
    assert probe(out).audio[0]["codec"] == "alac"
    assert np.array_equal(made[: len(wanted)], wanted)
    assert encode(path, tmp_path, container="mov")[1]["audio"] == "copied 1 stream"


def test_sound_can_be_left_out(clip: Maker, tmp_path: Path) -> None:
    """audio: none."""
    out, facts = encode(clip("in.mp4", sound="aac"), tmp_path, audio="none")
    assert facts["audio"] == "none"
    assert probe(out).audio == ()


def test_sound_of_a_part_only(clip: Maker, tmp_path: Path) -> None:
    """--from/--to cuts the sound with the pictures, and both keep the input's times."""
    path = clip("in.mp4", sound="aac", pts=tuple(range(75)))
    out, _ = encode(path, tmp_path, cut={"start": 1.0, "stop": 2.0})
    assert times(read(out)) == [Fraction(i, 25) for i in range(25, 50)]
    _, stamps = sound_of(out)
    _, whole = sound_of(path)
    assert stamps == [t for t in whole if 1 <= t < 2]


def test_broadcast_sound_moves_into_mp4(clip: Maker, tmp_path: Path) -> None:
    """AAC in a transport stream carries a header in each packet; in mp4 the same sound goes without."""
    path = clip("in.ts", sound="aac")
    out, facts = encode(path, tmp_path)
    assert facts["audio"] == "copied 1 stream"
    with av.open(str(path)) as a, av.open(str(out)) as b:
        before = [bytes(p)[7:] for p in a.demux(audio=0) if p.size]
        after = [bytes(p) for p in b.demux(audio=0) if p.size]
        assert after == before
    assert abs(sound_of(out)[1][0] - sound_of(path)[1][0]) < Fraction(1, 900)


def test_sound_of_joined_clips_stays_beside_its_pictures(clip: Maker, tmp_path: Path) -> None:
    """Two recordings in one transport stream, the second clock behind the first: both are heard in full."""
    one = clip("one.ts", sound="mp2", pts=tuple(range(75)))
    path = tmp_path / "joined.ts"
    path.write_bytes(one.read_bytes() * 2)
    out, facts = encode(path, tmp_path)
    assert facts["frames"] == 150
    stamps, single = sound_of(out)[1], sound_of(one)[1]
    assert len(stamps) >= 2 * len(single) - 2
    assert stamps == sorted(stamps)
    assert 5.8 < float(stamps[-1] - stamps[0]) < 6.2


@pytest.mark.parametrize(
    ("container", "codec", "german"), [("mp4", "h264", "deu"), ("webm", "vp9", "deu"), ("mov", "h264", "ger")]
)
def test_languages_and_the_stream_that_is_played_are_kept(
    clip: Maker, tmp_path: Path, container: str, codec: str, german: str
) -> None:
    """Copied or encoded anew: the second of two streams stays the one that a player begins with.

    QuickTime has the older codes of languages alone.
    """
    path, two = clip("in.mkv", sound="aac"), tmp_path / "two.mkv"
    with av.open(str(path)) as source, av.open(str(two), "w") as made:
        lanes: dict[int, list[Any]] = {0: [made.add_stream_from_template(source.streams.video[0])], 1: []}
        for language, chosen in (("eng", 0), ("deu", int(av.stream.Disposition.default))):
            stream = made.add_stream_from_template(source.streams.audio[0])
            stream.metadata["language"], stream.disposition = language, av.stream.Disposition(chosen)
            lanes[1].append(stream)
        for packet in source.demux():
            for stream in lanes[packet.stream.index] if packet.dts is not None else ():
                packet.stream = stream
                made.mux_one(packet)
    out, _ = encode(two, tmp_path, container=container, codec=codec)
    with av.open(str(out)) as result:
        told = [
            (one.language, bool(one.disposition & av.stream.Disposition.default))
            for one in result.streams.audio
        ]
    assert told == [("eng", False), (german, True)]


@pytest.mark.parametrize(("container", "codec"), [("mp4", "h264"), ("mkv", "h264"), ("webm", "vp9")])
def test_beside_hidden_people_a_sound_keeps_its_language_and_no_name(
    clip: Maker, tmp_path: Path, container: str, codec: str
) -> None:
    """Copied or encoded anew; the title of a sound is that of the input else."""
    path, named = clip("in.mkv", sound="aac"), tmp_path / "named.mkv"
    with av.open(str(path)) as source, av.open(str(named), "w") as made:
        lanes = {one.index: made.add_stream_from_template(one) for one in source.streams}
        lanes[1].metadata.update({"language": "deu", "title": "Ann Lee's microphone"})
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = lanes[packet.stream.index]
                made.mux_one(packet)
    for hidden in (("anonymize.faces",), ()):
        out, _ = encode(named, tmp_path, container=container, codec=codec, target={"hidden_by": hidden})
        with av.open(str(out)) as result:
            assert result.streams.audio[0].language == "deu"
        assert (b"Ann Lee" in out.read_bytes()) == (not hidden)


def test_subtitles_that_are_left_out_are_told(clip: Maker, tmp_path: Path) -> None:
    words, both = tmp_path / "words.srt", tmp_path / "both.mkv"
    words.write_text("1\n00:00:00,100 --> 00:00:00,900\nHello.\n\n")
    clean = clip("in.mkv", sound="aac")
    with av.open(str(clean)) as source, av.open(str(words)) as text, av.open(str(both), "w") as made:
        lanes = {stream.index: made.add_stream_from_template(stream) for stream in source.streams}
        said: Any = made.add_stream_from_template(text.streams.subtitles[0])
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = lanes[packet.stream.index]
                made.mux_one(packet)
        for line in text.demux():
            if line.dts is not None:
                line.stream = said
                made.mux_one(line)
    _, facts = encode(both, tmp_path)
    assert facts["notes"] == ["left out of what the input holds: 1 subtitle stream"]


@pytest.mark.parametrize(
    ("layout", "container", "codec", "heard", "said"),
    [
        ("5.1", "webm", "vp9", "5.1", ""),
        ("5.1(side)", "webm", "vp9", "5.1", ""),
        ("5.1(side)", "mp4", "h264", "5.1", ""),
        ("7.1", "webm", "vp9", "stereo", ", mixed down from 7.1 to stereo"),
    ],
)
def test_channels_are_kept_or_told(
    clip: Maker, tmp_path: Path, layout: str, container: str, codec: str, heard: str, said: str
) -> None:
    """Sound that must be encoded anew keeps its channels where the encoder takes them."""
    path = _around(clip("in.mp4"), layout, tmp_path / "in.mov")
    out, facts = encode(path, tmp_path, container=container, codec=codec)
    assert facts["notes"] == [f"{container} does not hold pcm_u8 audio: it was encoded anew{said}"]
    with av.open(str(out)) as made:
        assert made.streams.audio[0].codec_context.layout.name == heard


@pytest.mark.parametrize("layout", ["stereo", "5.1"])
def test_channels_of_which_the_input_says_only_how_many_go_into_mp4(
    clip: Maker, tmp_path: Path, layout: str
) -> None:
    """mp4 refuses "2 channels" of PCM, and says so only with its trailer: all pictures would be lost."""
    path = _around(clip("in.mp4"), layout, tmp_path / "in.mkv", "pcm_s16le")
    with av.open(str(path)) as made:
        assert made.streams.audio[0].codec_context.layout.name.endswith(" channels")
        wanted = made.streams.audio[0].codec_context.layout.nb_channels
    out, facts = encode(path, tmp_path)
    assert facts["notes"] == []
    with av.open(str(out)) as made:
        assert made.streams.audio[0].codec_context.layout.nb_channels == wanted
        assert made.streams.video[0].frames > 0


def _around(video: Path, layout: str, path: Path, codec: str = "pcm_u8") -> Path:
    """The pictures of a file beside a second of silence in this layout, in a coding that mp4 refuses."""
    with av.open(str(video)) as seen, av.open(str(path), "w") as out:
        picture: Any = out.add_stream_from_template(seen.streams.video[0])
        sound: Any = out.add_stream(codec, rate=48_000)
        context = sound.codec_context
        context.layout, context.bit_rate = layout, 128_000
        for packet in seen.demux(video=0):
            if packet.dts is not None:
                packet.stream = picture
                out.mux_one(packet)
        context.open(strict=False)
        size = context.frame_size or 1024
        for place in range(0, 48_000 - size, size):
            frame: Any = av.AudioFrame(format=context.format, layout=layout, samples=size)
            frame.sample_rate, frame.pts, frame.time_base = 48_000, place, Fraction(1, 48_000)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            for made in sound.encode(frame):
                out.mux_one(made)
        for made in sound.encode(None):
            out.mux_one(made)
    return path


def test_what_the_decoder_still_holds_is_encoded_too(clip: Maker, tmp_path: Path) -> None:
    """A decoder that gives each frame with the packet after it has one more at the end."""
    path = _around(clip("in.mp4"), "stereo", tmp_path / "in.wmv", codec="wmav2")
    out, facts = encode(path, tmp_path)
    assert facts["audio"] == "re-encoded 1 stream"
    heard = []
    for one in (path, out):
        with av.open(str(one)) as container:
            heard.append(sum(frame.samples for frame in container.decode(audio=0)))
    assert heard[1] >= heard[0]
