"""embeddings: what stands in the .npz file, a row a track."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.nodes.recognize._people import DIMENSION, MODEL, Stream, person
from vidface.data import Embeddings, Faces, SourceInfo
from vidface.data.identity import Identities, Identity
from vidface.data.measures import Measure, Measures
from vidface.errors import OutputError, UsageError
from vidface.node import Target
from vidface.sinks.embeddings import EmbeddingsSink

BASE = Fraction(1, 25)
GOOD = (Measure("quality", "ratio", "How good."),)


def opened(folder: Path, **fields: Any) -> EmbeddingsSink:
    """A sink that was started."""
    sink = EmbeddingsSink(**fields)
    sink.start(Target(folder, "people", SourceInfo("c.mp4", "mp4", "h264", "yuv420p", 4, 4, BASE)))
    return sink


def write(folder: Path, rows: Sequence[Mapping[int, int | None]], **more: Any) -> dict[str, Any]:
    """Run the sink over {track: person} a frame, and read back the arrays and (as `facts`) its facts."""
    stream, sink = Stream(rows), opened(folder)
    for place, (frame, faces, found) in enumerate(
        zip(stream.frames, stream.faces, stream.embeddings, strict=True)
    ):
        sink.process(frame, faces, found, **{name: values[place] for name, values in more.items()})
    facts = sink.finish()
    sink.close()
    return read(folder) | {"facts": facts}


def read(folder: Path) -> dict[str, Any]:
    """The arrays of the file."""
    with np.load(folder / "people.npz", allow_pickle=False) as found:
        return dict(found)


def test_a_row_for_every_track(tmp_path: Path) -> None:
    """Vectors near their people, counts, frames and times, in the order of numbers; one private file."""
    found = write(tmp_path, [{4: 1}, {4: 1, 2: 0}, {4: None, 2: 0}, {2: 0}])
    assert found["facts"] == {"files": ["people.npz"], "tracks": 2}
    assert found["track"].tolist() == [2, 4]
    assert found["vector"].shape == (2, DIMENSION)
    assert found["vector"].dtype == np.float32
    assert [float(found["vector"][i] @ person(i)) > 0.9 for i in (0, 1)] == [True, True]
    assert np.linalg.norm(found["vector"], axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert found["looks"].tolist() == [3, 2]
    assert found["evidence"] == pytest.approx([2.7, 1.8], abs=1e-5)
    assert found["first_frame"].tolist() == [1, 0]
    assert found["last_frame"].tolist() == [3, 2]
    assert found["first_time"].tolist() == [0.04, 0]
    assert found["last_time"].tolist() == [0.12, 0.08]
    assert str(found["model"]) == MODEL
    assert [path.name for path in tmp_path.iterdir()] == ["people.npz"]
    assert stat.S_IMODE((tmp_path / "people.npz").stat().st_mode) == 0o600


def test_a_track_that_was_never_measured_has_zeros(tmp_path: Path) -> None:
    """It keeps its place and times; best_frame is -1."""
    found = write(tmp_path, [{1: None, 2: 0}, {1: None}])
    assert not found["vector"][0].any()
    assert found["vector"][1].any()
    assert found["best_frame"].tolist() == [-1, 0]
    assert found["looks"].tolist() == [0, 1]


def test_a_run_without_faces_gives_a_readable_file(tmp_path: Path) -> None:
    """No rows, and no pickled objects."""
    found = write(tmp_path, [{}, {}])
    assert len(found["track"]) == len(found["state"]) == len(found["span_track"]) == 0
    assert found["vector"].ndim == 2


def test_quality_weighs_looks_and_chooses_the_best(tmp_path: Path) -> None:
    """The best frame is the best look's; looks of quality 0 do not count; not known counts half."""
    values = [0.1, 0.9, 0.0, np.nan]
    quality = [Measures(GOOD, np.array([[v]], np.float32)) for v in values]
    found = write(tmp_path, [{1: 0}] * 4, quality=quality)
    assert found["best_frame"].tolist() == [1]
    assert found["looks"].tolist() == [3]
    assert found["evidence"] == pytest.approx([0.9 * (0.1 + 0.9 + 0.5)], abs=1e-5)


def test_unrecognisable_looks_do_not_count(tmp_path: Path) -> None:
    """Below `min_recognisability`; not known counts half."""
    stream, sink = Stream([{1: 0}] * 3), opened(tmp_path, min_recognisability=0.3)
    for frame, faces, seen, sure in zip(
        stream.frames, stream.faces, stream.embeddings, (0.2, np.nan, 0.4), strict=True
    ):
        chance = np.array([sure], np.float32)
        sink.process(frame, faces, Embeddings(seen.vectors, chance, MODEL))
    sink.close()
    assert read(tmp_path)["looks"].tolist() == [2]
    assert read(tmp_path)["evidence"] == pytest.approx([0.9], abs=1e-5)


def test_the_last_decision_is_kept(tmp_path: Path) -> None:
    """State and name; empty for a node that skipped the frame, the one before stays."""
    known = Identity("known", "Zoë Ann", 0.7)
    who = [
        Identities((Identity(), Identity("unknown"))),
        Identities((known, Identity("unknown"))),
        Identities.none(),
    ]
    found = write(tmp_path, [{1: 0, 2: 1}] * 3, identity=who)
    assert found["state"].tolist() == ["known", "unknown"]
    assert found["name"].tolist() == ["Zoë Ann", ""]


def test_spans_say_when_a_track_was_there(tmp_path: Path) -> None:
    """A gap of more than a second makes a new span; shorter ones do not."""
    rows: list[Mapping[int, int | None]] = [{1: 0}, *[{}] * 20, {1: 0}, *[{}] * 30, {1: 0, 2: 1}]
    found = write(tmp_path, rows)
    assert found["span_track"].tolist() == [1, 1, 2]
    assert found["span_first"] == pytest.approx([0, 52 / 25, 52 / 25])
    assert found["span_last"] == pytest.approx([21 / 25, 52 / 25, 52 / 25])


def test_the_number_of_spans_is_bounded(tmp_path: Path) -> None:
    """A track that comes and goes for hours: the shortest gaps are bridged, the ends stay."""
    stream, sink = Stream([{1: 0}]), opened(tmp_path)
    for i in range(400):
        frame = replace(stream.frames[0], index=i, pts=i * (50 + i))
        sink.process(frame, stream.faces[0], stream.embeddings[0])
    sink.close()
    found = read(tmp_path)
    assert len(found["span_track"]) == 256
    assert found["span_first"][0] == 0
    assert found["span_last"][-1] == pytest.approx(399 * 449 / 25)
    assert (found["span_first"][1:] > found["span_last"][:-1]).all()


@pytest.mark.parametrize("leaps", [1, 400])
def test_no_span_ends_before_it_begins(tmp_path: Path, leaps: int) -> None:
    """Where the clock of a file leaps back a span ends, also where there are too many to keep."""
    stream, sink = Stream([{1: 0}]), opened(tmp_path)
    times = [pts for leap in range(leaps + 1) for pts in (1000 - 50 * (leap % 3), 1010)]
    for index, pts in enumerate(times):
        frame = replace(stream.frames[0], index=index, pts=pts)
        sink.process(frame, stream.faces[0], stream.embeddings[0])
    sink.close()
    found = read(tmp_path)
    assert len(found["span_track"]) > 1
    assert (found["span_first"] <= found["span_last"]).all()
    if leaps == 1:
        assert found["span_first"].tolist() == [40.0, 38.0, 40.4]
        assert found["span_last"].tolist() == [40.4, 38.0, 40.4]


def test_a_track_out_of_sight_keeps_its_vector_only(tmp_path: Path) -> None:
    """After 60 s its looks are let go; when it comes back both parts make the vector and the counts."""
    stream, sink = Stream([{1: 0}] * 6), opened(tmp_path)
    times = [0, 1, 2, 3, 4, 5, 70 * 25, 71 * 25]
    nobody = Faces.none()
    for i, pts in enumerate(times):
        frame = replace(stream.frames[0], index=i, pts=pts)
        if i == 6:
            sink.process(frame, nobody, Embeddings.none(DIMENSION))
            assert not sink._tracks[1].looks.vectors
            assert sink._tracks[1].vector is not None
        else:
            sink.process(frame, stream.faces[0], stream.embeddings[i % 6])
    sink.close()
    found = read(tmp_path)
    assert found["looks"].tolist() == [7]
    assert found["evidence"] == pytest.approx([7 * 0.9], abs=1e-4)
    assert float(found["vector"][0] @ person(0)) > 0.95
    assert found["best_frame"].tolist() == [0]


def test_a_failed_run_keeps_what_was_seen(tmp_path: Path) -> None:
    """Closed without `finish`, as after an error elsewhere; closing twice is fine."""
    stream, sink = Stream([{1: 0}]), opened(tmp_path)
    sink.process(stream.frames[0], stream.faces[0], stream.embeddings[0])
    sink.close()
    sink.close()
    assert read(tmp_path)["track"].tolist() == [1]


def test_faces_without_a_track_are_left_out(tmp_path: Path) -> None:
    """They have no number to be found by."""
    assert write(tmp_path, [{-1: 0, 3: 1}])["track"].tolist() == [3]


def test_wrong_wires_are_refused(tmp_path: Path) -> None:
    """Embeddings of other faces; measures without quality."""
    stream, sink = Stream([{1: 0}, {1: 0, 2: 1}]), opened(tmp_path)
    with pytest.raises(UsageError, match="embeddings has 2 rows for 1 faces"):
        sink.process(stream.frames[0], stream.faces[0], stream.embeddings[1])
    odd = Measures((Measure("size", "pixels", "Height."),), np.ones((1, 1), np.float32))
    with pytest.raises(UsageError, match="needs measures with a column 'quality', but gets size"):
        sink.process(stream.frames[0], stream.faces[0], stream.embeddings[0], odd)


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    """One sentence with path and cause."""
    (tmp_path / "people.npz").symlink_to("/dev/full")
    sink = opened(tmp_path)
    with pytest.raises(OutputError, match=r"people\.npz could not be written: No space left"):
        sink.finish()
    sink.close()
