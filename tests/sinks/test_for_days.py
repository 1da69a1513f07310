"""Outputs of a camera that has no end: what they keep in memory is bounded, and files are still whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidface.data import Embeddings, Faces, Frame, SourceInfo
from vidface.media.pixels import frame_from_rgb
from vidface.node import Target
from vidface.sinks import embeddings as embeddings_module
from vidface.sinks.embeddings import EmbeddingsSink
from vidface.sinks.images import Images
from vidface.sinks.jsonl import Jsonl

PICTURE = frame_from_rgb(np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8), 0)
POINTS = [(20.5, 30.25), (40, 30), (30, 40), (22, 50), (38, 50)]


def target(folder: Path, name: str, *, live: bool = True) -> Target:
    info = SourceInfo("camera", "rtsp", "h264", "yuv420p", 64, 48, Fraction(1, 1000), live=live)
    return Target(folder, name, info)


def at(seconds: float) -> Frame:
    ms = round(1000 * seconds)
    return replace(PICTURE, index=ms, pts=ms, time_base=Fraction(1, 1000), arrival=5.0 + seconds)


def face(track: int) -> Faces:
    return Faces.of([(10, 10, 50, 45)], scores=[0.9], landmarks=[POINTS], tracks=[track])


def visits(count: int, every_s: float = 300) -> Iterator[tuple[Frame, Faces]]:
    """A new track every five minutes, seen twice."""
    for number in range(1, count + 1):
        for i in range(2):
            yield at(every_s * number + i), face(number)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_tracks_out_of_sight_are_written_and_forgotten(tmp_path: Path) -> None:
    """Of two hundred tracks of a day three are in memory; every one has its line, in order."""
    sink = Jsonl()
    sink.start(target(tmp_path, "faces"))
    for frame, faces in visits(200):
        sink.process(frame, faces)
    assert len(sink._tracks) <= 3
    assert len(rows(tmp_path / "tracks.jsonl")) >= 197
    facts = sink.finish()
    assert [row["track"] for row in rows(tmp_path / "tracks.jsonl")] == list(range(1, 201))
    assert facts["tracks"] == 200
    assert facts["files"] == ["faces.jsonl", "tracks.jsonl"]
    sink.close()


def test_a_number_that_comes_again_gets_another_line(tmp_path: Path) -> None:
    """As people do behind recognize.relink; a short absence does not split the line."""
    sink = Jsonl()
    sink.start(target(tmp_path, "faces"))
    for seconds, here in ((0, 1), (300, 1), (301, 1), (800, 0), (1000, 0), (2000, 1), (2001, 1)):
        sink.process(at(seconds), face(7) if here else Faces.none())
    sink.finish()
    sink.close()
    assert [(row["track"], row["frames"]) for row in rows(tmp_path / "tracks.jsonl")] == [(7, 3), (7, 2)]


def test_a_file_s_tracks_are_written_at_the_end(tmp_path: Path) -> None:
    """However long it is: one line a track, whatever happened in between."""
    sink = Jsonl()
    sink.start(target(tmp_path, "faces", live=False))
    for frame, faces in visits(20):
        sink.process(replace(frame, arrival=None), faces)
    sink.process(at(9000), face(1))
    assert not (tmp_path / "tracks.jsonl").exists()
    sink.finish()
    sink.close()
    assert len(rows(tmp_path / "tracks.jsonl")) == 20


def test_shots_of_tracks_out_of_sight_are_written_and_forgotten(tmp_path: Path) -> None:
    """Pictures and lines come as the day goes on; a number that comes again overwrites nothing."""
    sink = Images()
    sink.start(target(tmp_path, "shots"))
    for frame, faces in visits(40):
        sink.process(frame, faces)
    assert len(sink._tracks) <= 4
    assert len(sink._seen) <= 4
    first = (tmp_path / "shots" / "track_0001.jpg").read_bytes()
    sink.process(at(13000), face(1))
    facts = sink.finish()
    sink.close()
    index = rows(tmp_path / "shots" / "index.jsonl")
    assert (tmp_path / "shots" / "track_0001.jpg").read_bytes() == first
    assert sorted(row["file"] for row in index) == sorted(
        [f"track_{n:04d}.jpg" for n in range(1, 41)] + ["track_0001_again1.jpg"]
    )
    assert (facts["tracks"], facts["rows"]) == (41, 41)
    assert sorted(facts["files"]) == sorted(["shots/index.jsonl", *(f"shots/{row['file']}" for row in index)])


def test_vectors_of_the_newest_tracks_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for a hundred, the oldest go, and are counted; the file holds the others."""
    monkeypatch.setattr(embeddings_module, "_MOST_LIVE", 100)
    sink = EmbeddingsSink()
    sink.start(target(tmp_path, "people"))
    vector = Embeddings.of(np.ones((1, 8)), recognisability=np.ones(1, np.float32), model="made@0")
    for frame, faces in visits(500):
        sink.process(frame, faces, vector)
    assert len(sink._tracks) <= 100
    facts = sink.finish()
    sink.close()
    with np.load(tmp_path / "people.npz") as file:
        assert file["track"][-1] == 500
        assert len(file["track"]) == facts["tracks"] == 500 - facts["tracks_not_kept"]
