"""Pose, measures and mesh beside the faces: in faces.jsonl, in tables and in tracks.jsonl."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from vidface.data import Faces, Frame, SourceInfo
from vidface.data.identity import Identities, Identity
from vidface.data.measures import Measure, Measures
from vidface.data.mesh import BLENDSHAPES, Meshes
from vidface.data.pose import Poses
from vidface.data.verdict import Verdict, Verdicts
from vidface.errors import UsageError
from vidface.graph.tablerows import read_table
from vidface.media.pixels import frame_from_rgb
from vidface.node import Target
from vidface.sinks._points import points_texts
from vidface.sinks.jsonl import Jsonl
from vidface.sinks.table import COLUMNS, Table

BASE = Fraction(1, 25)
KINDS = (Measure("eye_opening", "ratio", "How open."), Measure("blink", "probability", "A blink."))


def at(index: int) -> Frame:
    """A frame at a time."""
    return replace(frame_from_rgb(np.zeros((4, 4, 3), np.uint8), index), pts=index, time_base=BASE)


def target(folder: Path, name: str = "faces") -> Target:
    """A place to write."""
    return Target(folder, name, SourceInfo("c.mp4", "mp4", "h264", "yuv420p", 4, 4, BASE))


def values() -> dict[str, Any]:
    """Two faces; of the second nothing was measured."""
    points = np.zeros((2, 478, 3), np.float32)
    points[1] = np.nan
    shapes = np.full((2, 52), 0.25, np.float32)
    shapes[1] = np.nan
    nan = np.nan
    return {
        "faces": Faces.of([(1, 2, 3, 4), (5, 6, 7, 8)], tracks=[1, 2]),
        "pose": Poses(
            np.array([(10.12345, -5, 1), (nan, nan, nan)]),
            np.array([(3, 4), (nan, nan)]),
            np.array([20, nan]),
            np.array([0.01, nan]),
        ),
        "measures": Measures(KINDS, np.array([(0.3, nan), (nan, nan)])),
        "mesh": Meshes.of(points, presence=[0.9, 0.1], blendshapes=shapes),
    }


def run(sink: Jsonl | Table, folder: Path, *ticks: dict[str, Any]) -> dict[str, Any]:
    """Write frames 0, 1, ... and give the facts."""
    sink.start(target(folder))
    try:
        for index, tick in enumerate(ticks):
            sink.process(at(index), **tick)
        return sink.finish()
    finally:
        sink.close()


def test_a_face_in_jsonl_carries_what_is_wired(tmp_path: Path) -> None:
    """Dicts by name, rounded to 4 decimals; null where not measured, also single measures."""
    run(Jsonl(), tmp_path, values())
    (line,) = (tmp_path / "faces.jsonl").read_text().splitlines()
    first, second = json.loads(line)["faces"]
    assert first["pose"] == {
        "yaw": 10.1235, "pitch": -5.0, "roll": 1.0, "x": 3.0, "y": 4.0, "scale": 20.0, "residual": 0.01
    }  # fmt: skip
    assert first["measures"] == {"eye_opening": 0.3, "blink": None}
    assert first["presence"] == 0.9
    assert first["blendshapes"] == dict.fromkeys(BLENDSHAPES, 0.25)
    assert [second[key] for key in ("pose", "measures", "presence", "blendshapes")] == [None, None, 0.1, None]


def test_only_what_is_wired_appears(tmp_path: Path) -> None:
    """A face without extras has the old keys, and one with a pose just that key more."""
    given = values()
    run(Jsonl(), tmp_path, {"faces": given["faces"]})
    old = json.loads((tmp_path / "faces.jsonl").read_text())["faces"][0]
    run(Jsonl(), tmp_path, {"faces": given["faces"], "pose": given["pose"]})
    new = json.loads((tmp_path / "faces.jsonl").read_text())["faces"][0]
    assert list(old) == ["track", "box", "score", "landmarks", "interpolated"]
    assert list(new) == [*old, "pose"]


def test_tracks_count_measured_frames_only_with_a_mesh(tmp_path: Path) -> None:
    """`measured` is the number of frames with a mesh; without the port the key is absent."""
    given = values()
    run(Jsonl(), tmp_path, given, given)
    rows = [json.loads(line) for line in (tmp_path / "tracks.jsonl").read_text().splitlines()]
    assert [(row["frames"], row["measured"]) for row in rows] == [(2, 2), (2, 0)]
    run(Jsonl(), tmp_path, {"faces": given["faces"]})
    assert "measured" not in json.loads((tmp_path / "tracks.jsonl").read_text().splitlines()[0])


def judged(*quality: float) -> Measures:
    """What recognize.quality would say of two faces."""
    kinds = (Measure("quality_size", "ratio", "Size."), Measure("quality", "ratio", "All of it."))
    return Measures(kinds, np.array([(0.5, value) for value in quality], np.float32))


def test_the_best_frame_of_a_track_follows_a_wired_quality(tmp_path: Path) -> None:
    """The frame of the highest quality and the mean of the measured ones; without the port the old keys."""
    faces, nan = values()["faces"], np.nan
    ticks = [judged(0.2, nan), judged(0.8, nan), judged(nan, nan), Measures.none(judged(0).kinds)]
    run(Jsonl(), tmp_path, *({"faces": faces, "quality": tick} for tick in ticks))
    first, second = (json.loads(line) for line in (tmp_path / "tracks.jsonl").read_text().splitlines())
    assert (first["best_frame"], first["best_quality"], first["mean_quality"]) == (1, 0.8, 0.5)
    assert [second[key] for key in ("best_frame", "best_time", "best_quality", "mean_quality")] == [None] * 4
    assert second["mean_score"] == 1.0
    lines = [json.loads(line) for line in (tmp_path / "faces.jsonl").read_text().splitlines()]
    assert lines[1]["faces"][0]["quality"] == {"quality_size": 0.5, "quality": 0.8}
    assert lines[3]["faces"][0]["quality"] is None
    run(Jsonl(), tmp_path, {"faces": faces})
    assert "mean_quality" not in (tmp_path / "tracks.jsonl").read_text()


def test_small_measures_keep_their_digits_in_lines_and_tables(tmp_path: Path) -> None:
    """A node of the user's may measure in any unit: 0.00031416 is not 0.0003."""
    faces = Faces.of([(1, 2, 3, 4)], tracks=[1])
    given = {"faces": faces, "measures": Measures(KINDS, np.array([(0.00031416, 0.123456)]))}
    run(Jsonl(), tmp_path, given)
    run(Table(), tmp_path, given)
    (face,) = json.loads((tmp_path / "faces.jsonl").read_text())["faces"]
    assert face["measures"] == {"eye_opening": 0.0003142, "blink": 0.1235}
    with (tmp_path / "faces.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["eye_opening"], row["blink"]) == ("0.0003142", "0.1235")


def test_a_table_has_the_quality_beside_the_measures(tmp_path: Path) -> None:
    """Two ports of measures, each under its own names."""
    given = values()
    run(Table(), tmp_path, {key: given[key] for key in ("faces", "measures")} | {"quality": judged(0.8, 0.1)})
    with (tmp_path / "faces.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[-4:] == ["eye_opening", "blink", "quality_size", "quality"]
    assert [row["quality"] for row in rows] == ["0.8", "0.1"]


def test_a_table_has_flat_columns_behind_the_old_ones(tmp_path: Path) -> None:
    """Names, order and values; empty where not known; `rows` counts faces."""
    facts = run(Table(), tmp_path, values())
    with (tmp_path / "faces.csv").open(newline="") as file:
        reader = csv.DictReader(file)
        first, second = reader
    names = list(reader.fieldnames or ())
    pose = [f"pose_{name}" for name in ("yaw", "pitch", "roll", "x", "y", "scale", "residual")]
    shapes = [f"bs_{name}" for name in BLENDSHAPES]
    assert names == [*COLUMNS, *pose, "eye_opening", "blink", "presence", *shapes]
    assert (first["pose_yaw"], first["eye_opening"], first["blink"]) == ("10.1235", "0.3", "")
    assert (first["presence"], first["bs_jawOpen"]) == ("0.9", "0.25")
    assert [second[name] for name in ("pose_x", "eye_opening", "presence", "bs_jawOpen")] == [
        "",
        "",
        "0.1",
        "",
    ]
    assert facts["rows"] == 2


def test_parquet_says_the_same(tmp_path: Path) -> None:
    """Further columns are float32, null where the CSV is empty."""
    parquet = pytest.importorskip("pyarrow.parquet")
    run(Table(format="parquet"), tmp_path, values())
    table = parquet.read_table(tmp_path / "faces.parquet")
    assert str(table.schema.field("pose_yaw").type) == "float"
    assert table.column("blink").to_pylist() == [None, None]
    assert table.column("bs_jawOpen").to_pylist() == [0.25, None]


def test_columns_are_settled_by_a_first_frame_without_faces(tmp_path: Path) -> None:
    """Nobody there at first: the header has the measures all the same."""
    nobody = {
        "faces": Faces.none(),
        "pose": Poses.none(),
        "measures": Measures.none(KINDS),
        "mesh": Meshes.none(),
    }
    run(Table(), tmp_path, nobody, values())
    header, *rows = (tmp_path / "faces.csv").read_text().splitlines()
    assert "eye_opening" in header
    assert len(rows) == 2


@pytest.mark.parametrize("port", ["pose", "measures", "mesh", "quality"])
@pytest.mark.parametrize("kind", [Jsonl, Table])
def test_another_number_of_rows_is_refused_by_name(tmp_path: Path, kind: Any, port: str) -> None:
    """Two rows for one face: the message names the port, and nothing is written for the frame."""
    given = values() | {"quality": judged(0.8, 0.1)}
    one = given["faces"].pick([0])
    with pytest.raises(UsageError, match=f"{port} has 2 rows for 1 faces"):
        run(kind(), tmp_path, {"faces": one, port: given[port]})


def test_a_skipped_frame_measured_nobody(tmp_path: Path) -> None:
    """The empty value that stands for a skipped frame gives empty cells, not an error."""
    given = values()
    run(Table(), tmp_path, {"faces": given["faces"], "mesh": Meshes.none(), "pose": Poses.none()})
    with (tmp_path / "faces.csv").open(newline="") as file:
        assert [(row["presence"], row["pose_yaw"]) for row in csv.DictReader(file)] == [("", ""), ("", "")]


def test_measures_that_change_on_the_way_are_refused(tmp_path: Path) -> None:
    """A table cannot grow a column after its header."""
    given = values()
    other = Measures((KINDS[0], Measure("smile", "ratio", "A smile.")), given["measures"].values)
    first = {"faces": given["faces"], "measures": given["measures"]}
    with pytest.raises(UsageError, match="blink, smile changed"):
        run(Table(), tmp_path, first, {**first, "measures": other})


def test_a_measure_named_like_a_column_is_refused(tmp_path: Path) -> None:
    """Two columns of one name would be read as one."""
    faces = Faces.of([(1, 2, 3, 4)])
    measures = Measures((Measure("score", "ratio", "Another score."),), np.zeros((1, 1), np.float32))
    with pytest.raises(UsageError, match="two columns 'score'"):
        run(Table(), tmp_path, {"faces": faces, "measures": measures})


def test_points_of_a_mesh_are_written_when_asked_for(tmp_path: Path) -> None:
    """x y z with 2 decimals, null where not measured; blendshapes may be left out."""
    given = {key: item for key, item in values().items() if key in ("faces", "mesh")}
    points = np.arange(2 * 478 * 3, dtype=np.float32).reshape(2, 478, 3) / 7 - 100
    points[1, 5, 0] = np.nan
    given["mesh"] = Meshes.of(points, presence=[0.9, 0.1])
    run(
        Jsonl(points=True, blendshapes=False),
        tmp_path,
        given,
        {"faces": given["faces"], "mesh": Meshes.none()},
    )
    here, nothing = (
        json.loads(line)["faces"] for line in (tmp_path / "faces.jsonl").read_text().splitlines()
    )
    assert np.abs(np.array(here[0]["points"]) - points[0]).max() <= 0.0051
    assert here[1]["points"] is None
    assert [face["points"] for face in nothing] == [None, None]
    assert list(here[0]) == ["track", "box", "score", "landmarks", "interpolated", "presence", "points"]


@pytest.mark.parametrize("far", [0.0, 0.004, 999.99, 21_474_836.0, 21_474_840.0, -3e9])
def test_points_are_written_as_a_format_would_write_them(far: float) -> None:
    """Also those whose hundredths do not fit into 32 bits, and numbers of unlike length beside each other."""
    points = np.random.default_rng(3).normal(0, 50, (2, 478, 3)).astype(np.float32)
    points[0, 7, 1] = far
    wanted = np.round(points.astype(np.float64), 2) + 0.0
    texts = points_texts(Meshes.of(points), 2)
    assert [json.loads(text) for text in texts] == wanted.tolist()
    assert " " not in texts[0]
    assert "\0" not in texts[0]


def test_a_table_has_the_verdict_so_far(tmp_path: Path) -> None:
    """Opinion and probability, empty where no test applied or nothing was judged on a frame."""
    faces = values()["faces"]
    said = Verdicts((Verdict("manipulated", 0.91234, 0.8, 0.95), Verdict()))
    run(Table(), tmp_path, {"faces": faces, "verdict": said}, {"faces": faces, "verdict": Verdicts.none()})
    rows = list(csv.DictReader((tmp_path / "faces.csv").read_text().splitlines()))
    assert list(rows[0])[len(COLUMNS) :] == ["verdict_opinion", "verdict_probability"]
    found = [(row["verdict_opinion"], row["verdict_probability"]) for row in rows]
    assert found == [("manipulated", "0.9123"), ("inconclusive", ""), ("", ""), ("", "")]
    pytest.importorskip("pyarrow")
    run(Table(format="parquet"), tmp_path, {"faces": faces, "verdict": said})
    found = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "faces.parquet")
    assert found["verdict_opinion"].to_pylist() == ["manipulated", "inconclusive"]
    assert found["verdict_probability"].to_pylist() == [pytest.approx(0.9123), None]


ANN = Identity("known", "Ann", 0.8, 0.3, "Ann", 5, (4, 1, 2))
OTHER = Identity("unknown", None, 0.2, nearest="Bob", looks=3)


def test_a_table_says_who_each_face_is(tmp_path: Path) -> None:
    """State, name, score and lead in the row of the face they are of; empty where a frame was skipped."""
    faces = values()["faces"]
    named = {"faces": faces, "identity": Identities((ANN, OTHER))}
    run(Table(), tmp_path, named, {"faces": faces, "identity": Identities.none()})
    with (tmp_path / "faces.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    place = header.index("identity_state")
    assert header[place:] == ["identity_state", "identity_name", "identity_score", "identity_margin"]
    assert [row[header.index("track")] for row in rows] == ["1", "2", "1", "2"]
    assert [row[place:] for row in rows] == [
        ["known", "Ann", "0.8", "0.3"],
        ["unknown", "", "0.2", ""],
        [""] * 4,
        [""] * 4,
    ]


def test_a_table_has_the_opinion_on_each_face(tmp_path: Path) -> None:
    """In the row of the face it is on."""
    faces, opinions = values()["faces"], (Verdict("manipulated", 0.9, 0.8, 0.95), Verdict())
    run(Table(), tmp_path, {"faces": faces, "verdict": Verdicts(opinions)})
    with (tmp_path / "faces.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["verdict_opinion"], row["verdict_probability"]) for row in rows] == [
        ("manipulated", "0.9"),
        ("inconclusive", ""),
    ]


def test_lines_say_who_each_face_is_and_tracks_who_it_was_last(tmp_path: Path) -> None:
    """tracks.jsonl has the last decision with the frames behind it, also after a frame that was skipped."""
    faces = values()["faces"]
    ticks = [Identities((OTHER, ANN)), Identities((ANN, OTHER)), Identities.none()]
    run(Jsonl(), tmp_path, *({"faces": faces, "identity": one} for one in ticks))
    lines = [json.loads(line)["faces"] for line in (tmp_path / "faces.jsonl").read_text().splitlines()]
    assert [[face.get("identity") for face in line] for line in lines] == [
        [OTHER.row(), ANN.row()],
        [ANN.row(), OTHER.row()],
        [None, None],
    ]
    first, second = [json.loads(line) for line in (tmp_path / "tracks.jsonl").read_text().splitlines()]
    assert (first["track"], first["identity"]) == (1, {**ANN.row(), "frames": [4, 1, 2]})
    assert (second["track"], second["identity"]) == (2, {**OTHER.row(), "frames": []})


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_columns_of_measures_are_settled_by_the_first_that_name_them(
    tmp_path: Path, form: Literal["csv", "parquet"]
) -> None:
    """A node that was left out on the first frames does not yet say what it would have measured."""
    pytest.importorskip("pyarrow")
    table = Table(format=form)
    table.start(target(tmp_path))
    for index, quality in enumerate([Measures.none(), Measures.none(), judged(0.5), Measures.none()]):
        table.process(at(index), Faces.of([[1, 2, 3, 4]]), quality=quality)
    assert table.finish()["rows"] == 4
    _, lines = read_table(tmp_path / f"faces.{form}")
    assert [json.loads(line)["quality"] or None for line in lines] == [None, None, 0.5, None]


def test_a_table_whose_measures_never_name_their_columns_has_its_rows(tmp_path: Path) -> None:
    table = Table()
    table.start(target(tmp_path))
    for index in range(3):
        table.process(at(index), Faces.of([[1, 2, 3, 4]]), pose=Poses.none(), quality=Measures.none())
    table.close()
    columns, lines = read_table(tmp_path / "faces.csv")
    assert len(lines) == 3
    assert columns.endswith("pose_residual")
