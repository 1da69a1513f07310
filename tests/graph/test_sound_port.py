"""source.sound: a node that listens, a file that stands in, stills that last, sound that is written."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import vidface
from tests.media.make_clips import Clip, make, read, times
from tests.media.sounds import clicks, tone, write_sound
from vidface.data.sound import Sound
from vidface.errors import GraphError, InputError
from vidface.graph import explain
from vidface.graph.plan import load

LISTENER = """
from vidface.data.faces import Faces
from vidface.data.frame import Frame
from vidface.data.sound import Sound
from vidface.node import Node

class Listen(Node):
    def process(self, frame: Frame, sound: Sound) -> Sound:
        return sound
"""

LOOK = """
from vidface.data.sound import Sound
from vidface.node import Sink

class Look(Sink):
    def process(self, sound: Sound) -> None:
        pass
"""


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """A graph whose one node passes on what it hears, and whose video is the input's."""
    (tmp_path / "listen.py").write_text(LISTENER)
    path = tmp_path / "graph.yaml"
    path.write_text(
        "version: 1\ndevice: cpu\nnodes:\n"
        "  listen: {use: ./listen.py, in: {frame: source, sound: source.sound}}\n"
        "outputs:\n  video: {use: video, in: source, with: {preset: ultrafast}}\n"
    )
    return path


def heard(graph: Path, clip: Path, **options: Any) -> list[tuple[Fraction, Sound]]:
    """Time and sound of every frame: the listening node's output, by way of a sink that only looks."""
    (graph.parent / "look.py").write_text(LOOK)
    text = graph.read_text().split("outputs:")[0]
    path = graph.parent / "looking.yaml"
    path.write_text(text + "outputs:\n  heard: {use: ./look.py, in: {sound: listen}}\n")
    return [(tick.time, tick["listen"]) for tick in vidface.run(path, clip, **options)]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds with a tone."""
    return make(tmp_path / "clip.mkv", Clip(sound="aac", pts=range(50)))


@pytest.fixture
def mute(tmp_path: Path) -> Path:
    """Two seconds without sound."""
    return make(tmp_path / "mute.mp4", Clip(pts=range(50)))


@pytest.mark.parametrize("chunk", [1, 7])
def test_every_frame_gets_the_sound_around_it(graph: Path, clip: Path, chunk: int) -> None:
    found = heard(graph, clip, chunk=chunk)
    assert len(found) == 50
    for time, sound in found:
        assert sound.now == int(time * 16_000)
        assert sound.heard
    assert np.abs(found[20][1].samples).max() > 0.01


def test_a_part_of_a_clip_hears_what_the_whole_does(graph: Path, clip: Path) -> None:
    whole = dict(heard(graph, clip))
    part = heard(graph, clip, start=1.0, stop=1.5)
    assert len(part) == 12 or len(part) == 13
    for time, sound in part:
        assert np.allclose(sound.part(sound.now, 8000), whole[time].part(sound.now, 8000), atol=0.02)


def test_a_clip_without_sound_is_silence_with_a_note(graph: Path, mute: Path, tmp_path: Path) -> None:
    run = vidface.run(graph, mute, tmp_path / "out")
    for _ in run:
        pass
    assert "source.sound: " in run.report.table()
    assert "has no sound, so every frame gets silence; --audio gives it some" in run.report.table()
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert facts["node_facts"]["source.sound"]["track"] is None


def test_the_sound_is_opened_only_where_somebody_listens(mute: Path) -> None:
    plain = {"version": 1, "nodes": {"d": {"use": "detect.face", "in": "source"}}, "outputs": {"faces": "d"}}
    run = vidface.run(plain, mute)
    assert "source.sound" not in run.report.table()
    run.close()


def test_a_folder_of_pictures_is_silent_with_a_note(graph: Path, tmp_path: Path, samples: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.jpg").write_bytes((samples / "hopper.jpg").read_bytes())
    run = vidface.run(graph, folder)
    assert len(list(run)) == 1
    assert "whose sound is not read; --audio names a file with sound" in run.report.table()


def test_a_file_stands_in_for_the_inputs_sound(graph: Path, mute: Path, tmp_path: Path) -> None:
    """It is heard by the node, carried by the video, copied, and ends where the pictures do."""
    sound = write_sound(tmp_path / "speech.m4a", [(0, clicks(5, [1.0]))], codec="aac")
    for _ in vidface.run(graph, mute, tmp_path / "out", audio=sound):
        pass
    out = tmp_path / "out" / "video.mp4"
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert facts["outputs"]["video"]["audio"] == "copied 1 stream"
    assert facts["audio"]["path"] == str(sound)
    assert len(facts["audio"]["sha256"]) == 64
    assert times(read(out)) == times(read(mute))
    with av.open(str(out)) as container:
        (stream,) = container.streams.audio
        packets = [packet for packet in container.demux(stream) if packet.pts is not None and packet.size]
    last = packets[-1]
    assert 1.9 < float(((last.pts or 0) + (last.duration or 0)) * last.time_base) < 2.1
    found = heard(graph, mute, audio=sound)
    peak = int(np.abs(found[20][1].samples).argmax()) + found[20][1].first
    assert peak / 16_000 == pytest.approx(1.0, abs=0.003)


def test_a_part_of_a_clip_gets_that_part_of_the_file(graph: Path, mute: Path, tmp_path: Path) -> None:
    """The click at 1.2 s is written at 1.2 s, although the run begins at 1 s."""
    sound = write_sound(tmp_path / "speech.wav", [(0, clicks(5, [0.3, 1.2]))])
    for _ in vidface.run(graph, mute, tmp_path / "out", audio=sound, start=1.0):
        pass
    from vidface.media.sound import SoundReader

    reader = SoundReader(tmp_path / "out" / "video.mp4")
    blocks = list(reader.blocks())
    reader.close()
    loud = [(b.first + int(np.abs(b.samples).argmax())) / 16_000 for b in blocks if b.samples.max() > 0.4]
    assert loud == pytest.approx([1.2], abs=0.004)


def test_the_file_begins_with_an_input_that_begins_late(graph: Path, tmp_path: Path) -> None:
    late = make(tmp_path / "late.mkv", Clip(pts=range(50, 100)))
    sound = write_sound(tmp_path / "speech.wav", [(0, clicks(2, [0.5]))])
    found = heard(graph, late, audio=sound)
    time, first = found[0]
    assert time == 2
    peak = int(np.abs(first.samples).argmax()) + first.first
    assert peak / 16_000 == pytest.approx(2.5, abs=0.002)


def test_one_picture_is_shown_as_long_as_the_file_sounds(graph: Path, tmp_path: Path, samples: Path) -> None:
    sound = write_sound(tmp_path / "speech.wav", [(0, tone(1.3))])
    shown = [tick.time for tick in vidface.run(graph, samples / "hopper.jpg", tmp_path / "out", audio=sound)]
    assert shown == [Fraction(n, 25) for n in range(33)]
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert facts["outputs"]["video"]["frames"] == 33
    assert facts["outputs"]["video"]["audio"] != "none"
    part = vidface.run(graph, samples / "hopper.jpg", audio=sound, rate=10, start=0.5, stop=1.0)
    assert [tick.time for tick in part] == [Fraction(n, 10) for n in range(5, 10)]


def test_a_file_without_sound_is_refused(graph: Path, mute: Path) -> None:
    with pytest.raises(InputError, match="wanted a file with sound"):
        vidface.run(graph, mute, audio=mute)


def test_a_wrong_name_behind_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "listen.py").write_text(LISTENER)
    path = tmp_path / "graph.yaml"
    path.write_text(
        "version: 1\nnodes:\n  listen: {use: ./listen.py, in: {frame: source, sound: source.sounds}}\n"
        "outputs:\n  video: source\n"
    )
    with pytest.raises(GraphError, match=r"nothing in the graph gives 'source.sounds'; did you mean"):
        load(path)


def test_the_plan_shows_where_the_sound_goes(graph: Path) -> None:
    plan = load(graph)
    assert plan.hears
    assert "source -- Sound --> listen" in explain.mermaid(plan)
