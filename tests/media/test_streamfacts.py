"""Facts of streams: on clips made here, coded once and twice, with odd times, edit lists and damage."""

from __future__ import annotations

import gc
import json
import struct
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.media.conftest import Maker
from tests.media.make_clips import Clip, make
from vidface.errors import InputError
from vidface.media import _streamread
from vidface.media._streamboxes import Boxes, Edit, Track, read_boxes
from vidface.media._streamhints import sound_hints
from vidface.media._streamhistory import history_of, settings_of
from vidface.media._streamread import Packet, Reading
from vidface.media._streamtimes import times_of
from vidface.media._streamtwice import STRONG
from vidface.media.streamfacts import StreamFacts, stream_facts

SIZE = (128, 96)
Pictures = Sequence[NDArray[np.uint8]]


def pan(count: int) -> list[NDArray[np.uint8]]:
    """A camera that pans over a textured wall, with noise of its own in every picture."""
    random = np.random.default_rng(4)
    wall = cv2.GaussianBlur(random.normal(128, 90, (SIZE[1] + 20, SIZE[0] + count, 3)), (0, 0), 2.0)
    drift = np.clip(8 + np.cumsum(random.normal(0, 0.6, count)), 0, 19).astype(int)
    made = []
    for i in range(count):
        place = int(drift[i]), i // 2
        view = wall[place[0] : place[0] + SIZE[1], place[1] : place[1] + SIZE[0]]
        made.append(np.clip(view + random.normal(0, 2, view.shape), 0, 255).astype(np.uint8))
    return made


def code(
    path: Path, pictures: Pictures, coder: str = "libx264", *, pts: Sequence[int] = (), **options: str
) -> Path:
    """Write pictures at 25 a second."""
    quick = {"preset": "veryfast"} if coder == "libx264" else {"deadline": "realtime", "cpu-used": "8"}
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(coder, rate=25, options=quick | options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.thread_count = 1
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = pts[i] if pts else i, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def decoded(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [np.asarray(one.to_ndarray(format="rgb24"), np.uint8) for one in container.decode(video=0)]


def kinds(facts: StreamFacts) -> list[str]:
    return [hint.kind for hint in facts.hints]


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> tuple[StreamFacts, StreamFacts]:
    """The same pictures coded once, and coded with a key frame every 12 before."""
    folder = tmp_path_factory.mktemp("coded")
    pictures = pan(240)
    once = code(folder / "once.mp4", pictures, crf="23", g="250")
    first = code(folder / "first.mp4", pictures, crf="34", g="12", scenecut="0")
    twice = code(folder / "twice.mp4", decoded(first), crf="26", g="250")
    return stream_facts(once), stream_facts(twice)


def test_types_quantisers_and_settings(coded: tuple[StreamFacts, StreamFacts]) -> None:
    """What the coder wrote, and what the decoder says of every type."""
    once, _ = coded
    assert once.packets == once.pictures == 240
    assert sum(one.count for one in once.types.values()) == 240
    assert once.types["I"].count == 1
    assert once.types["I"].bytes_median > once.types["P"].bytes_median > once.types["B"].bytes_median
    assert 10 < once.types["P"].qp_mean < 40
    assert once.types["P"].qp_low <= once.types["P"].qp_mean <= once.types["P"].qp_high
    assert once.history.settings["crf"] == "23.0"
    assert once.history.settings["keyint"] == "250"
    assert once.history.coders[0].startswith("x264 - core")
    assert once.history.parts == 1


def test_the_same_file_has_the_same_facts_each_time(tmp_path: Path) -> None:
    """Quantisers were read while other threads decoded on, and differed in the third place."""
    path = code(tmp_path / "long.mp4", pan(120), crf="24", g="12")
    first, *others = (stream_facts(path).row() for _ in range(4))
    assert all(other == first for other in others)


def test_coded_twice_is_a_hint_with_its_period(coded: tuple[StreamFacts, StreamFacts]) -> None:
    """The earlier distance of key frames is found, and not in the clip that was coded once."""
    once, twice = coded
    assert once.twice is not None
    assert once.twice.strength < STRONG
    assert "twice" not in kinds(once)
    assert twice.twice is not None
    assert twice.twice.period == 12
    assert twice.twice.strength > STRONG
    (hint,) = [one for one in twice.hints if one.kind == "twice"]
    assert hint.says.startswith("Every 12 pictures one takes more bytes")
    assert "0 of 40 test clips coded once by x264" in hint.means


def test_codecs_that_were_not_measured_are_not_called_coded_twice(tmp_path: Path) -> None:
    """VP9 gives every eighth picture more bytes by design, as strong a period as a second coding leaves."""
    facts = stream_facts(code(tmp_path / "once.webm", pan(130), "libvpx-vp9", crf="30", b="0"))
    assert facts.twice is None
    assert "twice" not in kinds(facts)
    assert any(
        "not looked for: nobody measured what they are worth in vp9" in text for text in facts.left_out
    )


def test_key_frames_even_and_at_a_cut(tmp_path: Path) -> None:
    pictures = pan(60)
    even = stream_facts(code(tmp_path / "even.mp4", pictures, g="12", scenecut="0"))
    assert (even.keys.regular, even.keys.usual, even.keys.count) == (True, 12, 5)
    pictures[30:] = [255 - one for one in pictures[30:]]
    cut = stream_facts(code(tmp_path / "cut.mp4", pictures, g="12"))
    assert cut.keys.early >= 1
    assert "coding" in kinds(cut)


def test_even_times_have_no_hint(clip: Maker) -> None:
    facts = stream_facts(clip("plain.mp4"))
    assert facts.times is not None
    assert facts.times.constant
    assert facts.times.step == Fraction(1, 25)
    assert kinds(facts) == []


@pytest.mark.parametrize(
    ("pts", "says"),
    [
        ([*range(12), *range(40, 52)], "After 0.44 s (picture 11) 1.16 s pass without a picture."),
        ([*range(12), *range(13, 25)], "1 picture is missing in an otherwise even rate."),
        (list(np.cumsum([1, 2, 1, 1, 2, 1, 2, 2] * 3) * 3 // 2), "The rate varies"),
    ],
)
def test_odd_times_are_told(tmp_path: Path, pts: list[int], says: str) -> None:
    """A jump, a hole of one picture, a rate that varies."""
    made = make(tmp_path / "odd.mkv", Clip(pts=[int(one) for one in pts]))
    facts = stream_facts(made)
    assert next(hint.says for hint in facts.hints if hint.kind == "times").startswith(says)
    assert facts.times is not None
    assert not facts.times.constant


def test_a_rate_that_varies_has_no_holes(samples: Path) -> None:
    """The most common of many steps is a short one: no picture is missing, and longer steps are no jumps."""
    facts = stream_facts(samples / "walk_vfr.mkv")
    (hint,) = [one for one in facts.hints if one.kind == "times"]
    assert hint.says.startswith("The rate varies: 15 % of the steps are 29 ms")
    assert facts.times is not None
    assert facts.times.jumps == ()


def test_a_rate_that_doubles_half_of_its_steps_misses_no_pictures(tmp_path: Path) -> None:
    pts = list(np.cumsum([1, 1, 2] * 10))
    facts = stream_facts(make(tmp_path / "odd.mkv", Clip(pts=[int(one) for one in pts])))
    assert [hint.says[:16] for hint in facts.hints if hint.kind == "times"] == ["The rate varies:"]


def test_a_jump_of_a_varying_rate_is_still_told(tmp_path: Path) -> None:
    pts = [*np.cumsum([1, 1, 2] * 10), 200, 201, 202]
    facts = stream_facts(make(tmp_path / "odd.mkv", Clip(pts=[int(one) for one in pts])))
    assert [hint.says[:16] for hint in facts.hints if hint.kind == "times"] == [
        "After 1.60 s (pi",
        "The rate varies:",
    ]


def test_an_edit_list_is_told(tmp_path: Path) -> None:
    """Pictures that begin late stand behind an empty edit; a coder's delay alone is no hint."""
    late = make(tmp_path / "late.mp4", Clip(pts=tuple(range(25, 50))))
    boxes = read_boxes(late)
    assert boxes is not None
    assert boxes.tracks[0].edits[0] == Edit(None, Fraction(1))
    facts = stream_facts(late)
    assert "edit_list" in kinds(facts)
    assert facts.row()["history"]["edit_lists"][0][0] == {
        "track": "vide",
        "start": None,
        "length": "1.000000",
    }


def test_sound_that_ends_early_is_told(tmp_path: Path) -> None:
    """The sound lasts as long as the pictures, or it is said which of them ends first."""
    both = stream_facts(make(tmp_path / "both.mp4", Clip(pts=tuple(range(50)), sound="aac")))
    assert both.sound is not None
    assert "sound" not in kinds(both)
    reading = Reading("mp4", "h264", Fraction(1, 25), timed=True, rate=None, metadata={})
    reading.packets = [Packet(i, i, 1, 100, i == 0, True) for i in range(50)]
    reading.sound = Fraction(1), Fraction(3, 2)
    said = [hint.says for hint in sound_hints(reading, times_of(reading))]
    assert said == [
        "The sound begins 1.00 s after the picture.",
        "The sound ends 0.50 s before the picture.",
    ]


def cut_off(source: Path, made: Path, seconds: int) -> Path:
    """Take the begin away without coding anew: it stays stored, at times below 0, behind an edit list."""
    with av.open(str(source)) as given, av.open(str(made), "w") as out:
        streams = {one.index: out.add_stream_from_template(one) for one in given.streams}
        for packet in given.demux():
            if packet.pts is not None and packet.dts is not None and packet.time_base is not None:
                units = round(seconds / packet.time_base)
                packet.pts, packet.dts = packet.pts - units, packet.dts - units
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return made


def test_a_cut_without_coding_anew_hides_footage_and_its_sound_is_not_early(tmp_path: Path) -> None:
    """The list has one entry, as that which skips a coder's delay has; it hides a second of each track."""
    options = {"preset": "ultrafast", "g": "50", "bf": "2"}
    whole = make(tmp_path / "whole.mp4", Clip(pts=tuple(range(75)), sound="aac", options=options))
    before = stream_facts(whole)
    assert before.row()["history"]["edit_lists"] == []
    assert kinds(before) == []
    facts = stream_facts(cut_off(whole, tmp_path / "cut.mp4", 1))
    assert [hint.says for hint in facts.hints] == [
        "A track (vide) holds 1.00 s before and 0.00 s after what it shows, hidden by its edit list.",
        "A track (soun) holds 1.02 s before and 0.00 s after what it shows, hidden by its edit list.",
    ]
    assert facts.row()["history"]["edit_lists"][0][0]["before"] == "1.000000"
    assert facts.sound is not None
    assert abs(float(facts.sound[0])) < 0.05


def test_footage_behind_the_end_of_an_edit_list_is_told() -> None:
    """Of files of fragments, whose lengths are not stated, nothing is said."""
    track = Track("vide", edits=(Edit(Fraction(2, 25), Fraction(3)),), length=Fraction(10))
    reading = Reading("mp4", "h264", Fraction(1, 25), timed=True, rate=None, metadata={})
    for one, wanted in (
        (track, {"before": "0.080000", "after": "6.920000"}),
        (replace(track, length=Fraction(31, 10)), None),
        (replace(track, length=None), None),
        (replace(track, edits=(Edit(Fraction(0), Fraction(0)),)), None),
    ):
        found = history_of(reading, Boxes((), tracks=(one,))).edits
        assert ({key: found[0][0][key] for key in ("before", "after")} if found else None) == wanted


def test_joined_streams_name_two_coders(tmp_path: Path) -> None:
    """Raw streams need only be laid end to end; the texts of both stay in them."""
    one = code(tmp_path / "one.h264", pan(20), crf="20")
    two = code(tmp_path / "two.h264", pan(20), crf="35")
    joined = tmp_path / "joined.h264"
    joined.write_bytes(one.read_bytes() + two.read_bytes())
    facts = stream_facts(joined)
    assert facts.history.parts == 2
    assert any("2 coders or settings" in hint.says for hint in facts.hints)
    assert facts.times is None
    assert "The stream is bare: it states no times, so nothing can be said of its rate." in facts.left_out


def test_programs_are_named(tmp_path: Path) -> None:
    """Apple's handlers in a container of FFmpeg's, and an editor's name."""
    path = tmp_path / "named.mp4"
    with av.open(str(path), "w") as out:
        out.metadata["comment"] = "made with CapCut 5"
        stream: Any = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.metadata["handler_name"] = "Core Media Video"
        for picture in pan(4):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        out.mux(stream.encode(None))
    facts = stream_facts(path)
    said = " ".join(hint.says for hint in facts.hints)
    assert "'made with CapCut 5'" in said
    assert "named by programs of Apple, but Lavf" in said


def test_damage_is_counted_and_the_rest_is_told(tmp_path: Path) -> None:
    """Bytes in the middle of the pictures are gone: still facts, and a hint."""
    whole = code(tmp_path / "whole.mp4", pan(60), crf="18", g="12")
    data = bytearray(whole.read_bytes())
    start = data.index(b"mdat") + 4
    middle = start + (len(data) - start) // 3
    data[middle : middle + 4000] = bytes(4000)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data)
    facts = stream_facts(broken)
    assert facts.packets == 60
    assert "damage" in kinds(facts)


def test_files_that_are_no_video(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("nothing")
    with pytest.raises(InputError, match="text, not a video"):
        stream_facts(text)
    with pytest.raises(InputError, match="no such file"):
        stream_facts(tmp_path / "absent.mp4")


def test_rows_are_plain_and_lines_are_sentences(coded: tuple[StreamFacts, StreamFacts]) -> None:
    once, twice = coded
    again = json.loads(json.dumps(twice.row()))
    assert again["twice"]["period"] == 12
    assert again["types"]["P"]["qp_mean"] == pytest.approx(twice.types["P"].qp_mean, abs=1e-3)
    assert again["c2pa"] is None
    assert any(line.startswith("earlier coding: period 12") for line in twice.lines())
    assert any("quantiser" in line for line in once.lines())


def test_only_the_first_pictures_are_decoded(clip: Maker) -> None:
    facts = stream_facts(clip("plain.mp4"), most_pictures=5)
    assert (facts.pictures, facts.packets) == (5, 24)
    assert "Types were looked at in 5 of 24 pictures." in facts.left_out


def box(name: bytes, *parts: bytes) -> bytes:
    inner = b"".join(parts)
    return struct.pack(">I4s", 8 + len(inner), name) + inner


def test_boxes_by_hand(tmp_path: Path) -> None:
    """Dates, handler and edits of an index that was put together here; damage is left out."""
    seconds = int((datetime(2020, 1, 2, tzinfo=UTC) - datetime(1904, 1, 1, tzinfo=UTC)).total_seconds())
    head = struct.pack(">IIII", 0, seconds, seconds + 5, 1000) + bytes(8)
    edits = (
        struct.pack(">II", 0, 2) + struct.pack(">Iii", 500, -1, 1 << 16) + struct.pack(">Iii", 2000, 250, 1)
    )
    handler = bytes(8) + b"vide" + bytes(12) + b"\x06Camera"
    trak = box(
        b"trak", box(b"edts", box(b"elst", edits)), box(b"mdia", box(b"mdhd", head), box(b"hdlr", handler))
    )
    path = tmp_path / "made.mov"
    path.write_bytes(box(b"ftyp", b"qt  ") + box(b"moov", box(b"mvhd", head), trak) + box(b"mdat"))
    found = read_boxes(path)
    assert found is not None
    assert found.order == ("ftyp", "moov", "mdat")
    assert found.created == datetime(2020, 1, 2, tzinfo=UTC)
    (track,) = found.tracks
    assert track.handler == "Camera"
    assert track.edits == (Edit(None, Fraction(1, 2)), Edit(Fraction(1, 4), Fraction(2)))
    for cut in range(1, len(path.read_bytes()), 7):
        path.write_bytes(path.read_bytes()[:-cut] if cut < 40 else b"\0\0\0\x08ftyp\0\0\0\x09moovx")
        read_boxes(path)
    path.write_bytes(b"no boxes at all")
    assert read_boxes(path) is None


def test_settings_of_a_coder() -> None:
    text = "x264 - core 164 - H.264 - options: cabac=1 ref=3 keyint=250 rc=crf crf=23.0 qpmin=0"
    assert settings_of(text) == {"crf": "23.0", "rc": "crf", "keyint": "250", "ref": "3", "qpmin": "0"}
    assert settings_of("x265 (build 199)") == {}


def test_pictures_with_side_data_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyAV ties them into cycles; a few may wait for the next sweep, and nothing stays frozen."""
    path = code(tmp_path / "long.mp4", pan(80))
    gc.collect()
    frozen, alive, look = gc.get_freeze_count(), list[int](), _streamread._picture

    def counted(frame: Any) -> Any:
        alive.append(sum(isinstance(one, av.VideoFrame) for one in gc.get_objects()))
        return look(frame)

    monkeypatch.setattr(_streamread, "_picture", counted)
    assert len(_streamread.read_stream(path, most_pictures=80).pictures) == 80
    assert max(alive) <= 24
    assert gc.get_freeze_count() == frozen


def test_other_video_streams_are_told(tmp_path: Path) -> None:
    """Which one was read, and that players may show another."""
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        sizes = ((64, 48), (32, 32))
        streams = [container.add_stream("libx264", rate=25, width=w, height=h) for w, h in sizes]
        for stream, (width, height) in zip(streams, sizes, strict=True):
            frame = av.VideoFrame.from_ndarray(np.zeros((height, width, 3), np.uint8), "rgb24")
            frame.pts = 0
            container.mux([*stream.encode(frame), *stream.encode(None)])
    facts = stream_facts(path)
    assert [hint.says for hint in facts.hints if hint.kind == "streams"] == [
        "The file has other pictures beside stream 0, which alone was read: video stream 1 (h264, 32 x 32)."
    ]
