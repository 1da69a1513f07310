"""Turns: one after another, clockwise, as display matrices; and `rotate` in every kind of input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import vidface
from tests.media.conftest import Maker
from tests.media.live.sent import sent
from tests.media.make_clips import Clip, make, read
from tests.media.test_images import save, with_orientation
from vidface.errors import UsageError
from vidface.media.decode import open_source
from vidface.media.live.options import LiveOptions
from vidface.media.live.recorder import Recorder
from vidface.media.live.recordsettings import RecordSettings
from vidface.media.orient import Turn, clockwise, matrix_of, quarter_turn, turn_by_matrix, turn_of

EVERY = [Turn(s, x, y) for s in (False, True) for x in (False, True) for y in (False, True)]
PICTURE = np.arange(24, dtype=np.uint8).reshape(4, 6)


@pytest.mark.parametrize("first", EVERY)
@pytest.mark.parametrize("second", EVERY)
def test_one_turn_after_another(first: Turn, second: Turn) -> None:
    assert np.array_equal(first.then(second).apply(PICTURE), second.apply(first.apply(PICTURE)))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_clockwise(degrees: int) -> None:
    assert np.array_equal(clockwise(degrees).apply(PICTURE), np.rot90(PICTURE, -degrees // 90))


def test_another_angle_is_refused() -> None:
    with pytest.raises(UsageError, match="--rotate wants 0, 90, 180 or 270"):
        clockwise(45)


@pytest.mark.parametrize("turn", EVERY)
def test_a_matrix_asks_for_its_turn(turn: Turn) -> None:
    data = matrix_of(turn)
    assert (turn_by_matrix(data) if data else Turn()) == turn


@pytest.mark.parametrize("rotate", [90, 180, 270])
@pytest.mark.parametrize("said", [0, 90])
def test_a_file_is_turned_beyond_what_it_says(clip: Maker, said: int, rotate: int) -> None:
    path = clip(f"said{said}.mp4", rotation=said)
    plain = read(path)[3]
    source = open_source(path, rotate=rotate)
    turned = list(source.frames())[3]
    assert np.array_equal(turned.rgb(), np.rot90(plain.rgb(), -rotate // 90))
    assert (source.info.width, source.info.height) == turned.size
    assert source.info.rotation == (rotate - said) % 360
    with pytest.raises(UsageError, match="leave --decoder out"):
        open_source(path, rotate=rotate, decoder="decord")


def test_pictures_are_turned_beyond_what_they_say(tmp_path: Path) -> None:
    path = with_orientation(save(tmp_path / "a.png", 1), 6)  # asks for 90 degrees clockwise
    (plain,), (turned,) = read(path), open_source(path, rotate=180).frames()
    assert np.array_equal(turned.rgb(), plain.rgb()[::-1, ::-1])
    assert open_source(path, rotate=90).info.rotation == 180


def test_what_is_played_live_is_turned(tmp_path: Path) -> None:
    """Of a clip that asks for a quarter, too."""
    path = make(tmp_path / "clip.mp4", Clip(pts=range(25), rotation=90))
    source = open_source(f"chaos:{path}?speed=4", live=LiveOptions(rotate=180, retry=0, staleness_s=9))
    turned = next(iter(source.frames()))
    assert np.array_equal(turned.rgb(), read(path)[turned.index].rgb()[::-1, ::-1])
    assert source.info.rotation == (180 - 90) % 360
    source.close()


@pytest.mark.parametrize("rotate", [0, 90, 180])
@pytest.mark.parametrize("said", [0, 90, 270])
def test_a_recording_asks_for_what_was_looked_at(tmp_path: Path, said: int, rotate: int) -> None:
    opened, packets = sent(make(tmp_path / "clip.mp4", Clip(pts=range(5))))
    always = RecordSettings(when="always", keep_h=None, keep_gb=None, free_gb=0)
    recorder = Recorder(tmp_path / "kept", always, rotate=rotate)
    recorder.take(replace(opened, matrix=matrix_of(quarter_turn(said))))
    for packet in packets:
        recorder.take(packet)
    recorder.close()
    (kept,) = (tmp_path / "kept").rglob("*.mp4")
    with av.open(str(kept)) as container:
        asked = turn_of(next(container.decode(video=0)))
    assert asked == quarter_turn(said).then(clockwise(rotate))


def test_a_run_says_how_it_turned(samples: Path, tmp_path: Path) -> None:
    """The portrait on its head has no face; turned, it has; run.json tells, so that a re-run turns it too."""
    graph = tmp_path / "graph.yaml"
    graph.write_text(
        "version: 1\nnodes:\n  detect: {use: detect.face, in: {frame: source}}\n"
        "outputs:\n  faces: {use: jsonl, in: {faces: detect}}\n"
    )
    head = tmp_path / "head.png"
    pixels = read(samples / "hopper.jpg")[0].rgb()[::-1, ::-1]
    assert cv2.imwrite(str(head), pixels[..., ::-1])
    (tick,) = vidface.run(graph, head, tmp_path / "out", rotate=180)
    (wanted,) = vidface.run(graph, samples / "hopper.jpg")
    np.testing.assert_allclose(tick["detect"].boxes, wanted["detect"].boxes, atol=0.5)
    assert '"rotate": 180' in (tmp_path / "out" / "run.json").read_text()
