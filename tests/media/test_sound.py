"""SoundReader: samples at their exact places, whatever the file does."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.graph.toys import FlatPixels
from tests.media.conftest import Maker
from tests.media.sounds import clicks, peaks, tone, write_sound
from vidface.data import Frame
from vidface.data.sound import AHEAD, PAST, SOUND_RATE, Sound
from vidface.errors import InputError
from vidface.media.sound import SoundReader, sound_file


def frame(time: Fraction | float) -> Frame:
    exact = Fraction(time).limit_denominator(16_000)
    return Frame(0, exact.numerator, Fraction(1, exact.denominator), FlatPixels())


def heard(path: Path, begin: float, end: float, **how: Fraction) -> Sound:
    """The track from `begin` to `end`, pieced together of what frames at 25 a second hear."""
    reader = SoundReader(path, **how)
    first = round(begin * SOUND_RATE)
    out = np.zeros(round((end - begin) * SOUND_RATE), np.float32)
    try:
        for number in range(int((end - begin) * 25)):
            sound = reader.at(frame(Fraction(begin) + Fraction(number, 25)))
            place = sound.now - first
            out[place : place + AHEAD] = sound.part(sound.now, AHEAD)[: len(out) - place]
    finally:
        reader.close()
    return Sound(out, first, first)


def test_a_frame_hears_the_second_before_it_and_the_half_second_from_it_on(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", [(0, clicks(3, [0.5, 1.9]))])
    reader = SoundReader(path)
    sound = reader.at(frame(1.5))
    assert (len(sound.samples), sound.time) == (PAST + AHEAD, Fraction(1, 2))
    assert peaks(sound.samples, first=sound.first) == pytest.approx([0.5, 1.9], abs=0.002)
    assert sound.heard
    assert not sound.samples.flags.writeable
    reader.close()


@pytest.mark.parametrize(
    ("name", "codec", "rate", "channels"),
    [
        ("a.wav", "pcm_s16le", 44_100, 2),
        ("a.wav", "pcm_s16le", 8_000, 1),
        ("a.flac", "flac", 48_000, 2),
        ("a.m4a", "aac", 44_100, 2),
        ("a.mp3", "libmp3lame", 44_100, 1),
        ("a.mkv", "libopus", 48_000, 1),
        ("a.ogg", "libopus", 48_000, 2),
    ],
)
def test_a_click_stays_where_it_is(tmp_path: Path, name: str, codec: str, rate: int, channels: int) -> None:
    """Rate, channels, encoder delay and resampler do not move it by more than 1 ms."""
    at = [0.4, 1.23, 2.7]
    path = write_sound(
        tmp_path / name, [(0, clicks(3, at, rate=rate))], rate=rate, codec=codec, channels=channels
    )
    with_origin = sound_file(path)
    sound = heard(path, 0, 3, lead=with_origin.lead(Fraction(0)))
    assert peaks(sound.samples) == pytest.approx(at, abs=0.001)


def test_two_frames_agree_where_their_sounds_overlap(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", [(0, tone(3, rate=44_100))], rate=44_100)
    reader = SoundReader(path)
    one, other = (reader.at(frame(time)) for time in (1.0, 1.04))
    shared = len(one.samples) - (other.first - one.first)
    assert np.array_equal(one.samples[-shared:], other.samples[:shared])


def test_a_run_that_begins_later_hears_the_same(tmp_path: Path) -> None:
    """A seek changes nothing but the resampler's first samples."""
    path = write_sound(tmp_path / "a.mkv", [(0, clicks(20, [15.5, 17.25]))], codec="aac")
    late = heard(path, 15, 18, start=Fraction(15))
    whole = heard(path, 15, 18)
    assert peaks(late.samples, first=late.first) == pytest.approx([15.5, 17.25], abs=0.001)
    assert float(np.abs(late.samples - whole.samples).max()) < 0.02


def test_a_late_start_and_a_gap_are_silence(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.mkv", [(0.5, tone(0.5)), (2.0, tone(0.5))])
    sound = heard(path, 0, 3)
    level = np.abs(sound.samples).reshape(-1, 1600).max(1)  # by tenths of a second
    loud = np.flatnonzero(level > 0.1).tolist()
    assert loud == [5, 6, 7, 8, 9, 20, 21, 22, 23, 24]


def test_times_before_zero_and_behind_the_end_are_silence(tmp_path: Path) -> None:
    reader = SoundReader(write_sound(tmp_path / "a.wav", [(0, tone(0.5))]))
    assert not reader.at(frame(Fraction(-2))).samples.any()
    assert reader.at(frame(0)).samples.any()
    assert not reader.at(frame(9)).samples.any()
    assert not reader.at(frame(10)).samples.any()


def test_frames_far_apart_find_their_sound(tmp_path: Path) -> None:
    """Variable rate: what lies between is passed over."""
    reader = SoundReader(write_sound(tmp_path / "a.wav", [(0, clicks(9, [0.2, 4.1, 7.9]))]))
    for time in (0.1, 4.0, 7.8):
        sound = reader.at(frame(time))
        assert peaks(sound.samples, first=sound.first) == pytest.approx([time + 0.1], abs=0.001)


def test_the_frames_clock_and_the_tracks_leap_back_together(tmp_path: Path) -> None:
    """Joined recordings: sound from before the leap is not heard after it, and the other way round."""
    first = write_sound(tmp_path / "a.ts", [(0, clicks(4, [1.0, 3.0]))], codec="mp2")
    second = write_sound(tmp_path / "b.ts", [(0, clicks(4, [2.0]))], codec="mp2")
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    reader = SoundReader(both, lead=sound_file(first).lead(Fraction(0)))
    before = [reader.at(frame(time)) for time in (0.8, 2.8, 3.6)]
    after = [reader.at(frame(time)) for time in (0.8, 1.8)]
    found = [peaks(item.part(item.now, AHEAD), first=item.now) for item in (*before, *after)]
    assert [len(times) for times in found] == [1, 1, 0, 0, 1]
    assert found[4] == pytest.approx([2.0], abs=0.06)
    assert any("jump" in note for note in reader.facts()["notes"])


def test_a_file_without_sound_is_silence_and_says_so(clip: Maker) -> None:
    reader = SoundReader(clip("mute.mp4"))
    sound = reader.at(frame(1))
    assert not sound.heard
    assert len(sound.samples) == PAST + AHEAD
    assert not sound.samples.any()
    (note,) = reader.facts()["notes"]
    assert note.endswith("has no sound, so every frame gets silence; --audio gives it some")


def test_a_damaged_track_is_silent_where_it_is_damaged(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.flac", [(0, tone(4))], codec="flac")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(data)
    sound = heard(path, 0, 4)
    assert np.abs(sound.samples[:8000]).max() > 0.4
    assert np.abs(sound.samples[-8000:]).max() > 0.4


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Ten minutes of sound in the memory of a few seconds."""
    path = write_sound(tmp_path / "a.wav", [(0, np.tile(tone(1, rate=8000), 600))], rate=8000)
    reader = SoundReader(path)
    tracemalloc.start()
    for number in range(600 * 5):
        reader.at(frame(Fraction(number, 5)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    reader.close()
    assert peak < 4 * 2**20


def test_a_named_file_must_have_sound(clip: Maker, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="wanted a file with sound, but found only video"):
        sound_file(clip("mute.mp4"))
    with pytest.raises(InputError, match="no such file"):
        sound_file(tmp_path / "none.wav")
    empty = tmp_path / "empty.wav"
    empty.write_bytes(write_sound(tmp_path / "a.wav", [(0, tone(0.1))]).read_bytes()[:78])
    with pytest.raises(InputError, match="nothing in it can be read"):
        sound_file(empty)


def test_the_length_of_a_file_is_that_of_its_sound(tmp_path: Path) -> None:
    """By its packets: headers of streams are not asked."""
    assert float(sound_file(write_sound(tmp_path / "a.wav", [(0, tone(2.5))])).duration) == pytest.approx(2.5)
    late = write_sound(tmp_path / "late.mkv", [(1.5, tone(1))], codec="flac")
    assert float(sound_file(late).duration) == pytest.approx(1.0, abs=0.1)


def test_a_sound_holds_what_it_says() -> None:
    with pytest.raises(ValueError, match=r"Sound\.samples must be n, but is 2 x 3"):
        Sound(np.zeros((2, 3), np.float32), 0, 0)
    sound = Sound(np.arange(4, dtype=np.float32), 10, 12)
    assert sound.part(8, 4).tolist() == [0, 0, 0, 1]
    assert sound.part(13, 3).tolist() == [3, 0, 0]
    assert sound.part(99, 2).tolist() == [0, 0]
