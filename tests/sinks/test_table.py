"""table: flat rows as CSV and Parquet, with the same values."""

from __future__ import annotations

import csv
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from vidface.data import Faces, Frame, SourceInfo
from vidface.errors import OutputError, UsageError
from vidface.media.pixels import frame_from_rgb
from vidface.node import Target
from vidface.sinks import table
from vidface.sinks.table import COLUMNS, Table

BASE = Fraction(1, 90000)
POINTS = [(20.5, 30.25), (40, 30), (30, 40), (22, 50), (38, 50)]


def at(index: int, pts: int) -> Frame:
    """A frame at a time."""
    return replace(frame_from_rgb(np.zeros((4, 4, 3), np.uint8), index), pts=pts, time_base=BASE)


VALUES = [
    (at(0, 0), Faces.none()),
    (at(1, 3003), Faces.of([(1, 2, 3.456, 4)], scores=[0.912345], landmarks=[POINTS], tracks=[5])),
    (at(2, 6006), Faces.of([(1, 2, 3, 4), (5, 6, 7, 8)], tracks=[5, -1], interpolated=[True, False])),
]


def write(
    folder: Path, form: Literal["csv", "parquet"], values: list[tuple[Frame, Faces]], name: str = "faces"
) -> dict[str, Any]:
    """Run the sink over some frames."""
    sink = Table(format=form)
    sink.start(Target(folder, name, SourceInfo("c.mp4", "mp4", "h264", "yuv420p", 4, 4, BASE)))
    for frame, faces in values:
        sink.process(frame, faces)
    facts = sink.finish()
    sink.close()
    return facts


def parquet(path: Path) -> Any:
    """The file as an Arrow table; skips where pyarrow is not installed."""
    return pytest.importorskip("pyarrow.parquet").read_table(path)


def test_csv_is_as_documented(tmp_path: Path) -> None:
    """Header, one row a face, exact time, empty where not known, true and false."""
    facts = write(tmp_path, "csv", VALUES)
    lines = (tmp_path / "faces.csv").read_text().splitlines()
    assert lines == [
        "frame,pts,time_base,time_s,epoch,track,x1,y1,x2,y2,score,"
        "lm_0_x,lm_0_y,lm_1_x,lm_1_y,lm_2_x,lm_2_y,lm_3_x,lm_3_y,lm_4_x,lm_4_y,interpolated",
        "1,3003,1/90000,0.033367,0,5,1.0,2.0,3.46,4.0,0.9123,"
        "20.5,30.25,40.0,30.0,30.0,40.0,22.0,50.0,38.0,50.0,false",
        "2,6006,1/90000,0.066733,0,5,1.0,2.0,3.0,4.0,1.0,,,,,,,,,,,true",
        "2,6006,1/90000,0.066733,0,,5.0,6.0,7.0,8.0,1.0,,,,,,,,,,,false",
    ]
    assert facts == {"files": ["faces.csv"], "rows": 3}


def test_parquet_holds_the_same_values_with_types(tmp_path: Path) -> None:
    """Row by row what the CSV says; types as stated; null where the CSV is empty."""
    pytest.importorskip("pyarrow")
    write(tmp_path, "csv", VALUES)
    facts = write(tmp_path, "parquet", VALUES)
    found = parquet(tmp_path / "faces.parquet")
    names = {"float64": "double", "float32": "float"}
    assert {f.name: str(f.type) for f in found.schema} == {n: names.get(t, t) for n, t in COLUMNS.items()}
    with (tmp_path / "faces.csv").open(newline="") as file:
        for row, text in zip(found.to_pylist(), csv.DictReader(file), strict=True):
            for key, value in row.items():
                if value is None:
                    assert text[key] == ""
                elif isinstance(value, bool):
                    assert text[key] == str(value).lower()
                elif isinstance(value, str):
                    assert text[key] == value
                else:
                    assert float(text[key]) == pytest.approx(value, abs=1e-6)
    assert facts == {"files": ["faces.parquet"], "rows": 3}


def test_parquet_is_written_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows go out as they come, so memory is bounded; nothing is lost at the seams."""
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(table, "ROWS_PER_GROUP", 4)
    values = [(at(i, i), Faces.of([(0, 0, 1, 1)], tracks=[i + 1])) for i in range(10)]
    write(tmp_path, "parquet", values)
    file = pytest.importorskip("pyarrow.parquet").ParquetFile(tmp_path / "faces.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [4, 4, 2]
    assert file.read().column("track").to_pylist() == list(range(1, 11))


def test_a_run_without_faces_gives_a_readable_empty_table(tmp_path: Path) -> None:
    """Header or schema, no rows."""
    pytest.importorskip("pyarrow")
    write(tmp_path, "csv", [])
    write(tmp_path, "parquet", [])
    assert len((tmp_path / "faces.csv").read_text().splitlines()) == 1
    assert parquet(tmp_path / "faces.parquet").num_rows == 0


def test_a_failed_run_leaves_a_readable_parquet(tmp_path: Path) -> None:
    """Closed without `finish`, as after an error elsewhere: what was written can be read."""
    pytest.importorskip("pyarrow")
    sink = Table(format="parquet")
    sink.start(Target(tmp_path, "faces", SourceInfo("c.mp4", "mp4", "h264", "yuv420p", 4, 4, BASE)))
    sink.process(*VALUES[1])
    sink.close()
    sink.close()
    assert parquet(tmp_path / "faces.parquet").num_rows == 1


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_files_are_private_and_named_after_the_output(
    tmp_path: Path, form: Literal["csv", "parquet"]
) -> None:
    """Mode 0600; an output called NAME_format does not say the format twice."""
    pytest.importorskip("pyarrow")
    facts = write(tmp_path, form, VALUES, name=f"people_{form}")
    path = tmp_path / f"people.{form}"
    assert facts["files"] == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_full_disk_is_an_output_error(tmp_path: Path, form: Literal["csv", "parquet"]) -> None:
    """One sentence with path and cause, and closing afterwards does not fail in another way."""
    pytest.importorskip("pyarrow")
    (tmp_path / f"faces.{form}").symlink_to("/dev/full")
    sink = Table(format=form)
    place = Target(tmp_path, "faces", SourceInfo("c.mp4", "mp4", "h264", "yuv420p", 4, 4, BASE))

    def all_of_it() -> None:
        sink.start(place)
        sink.process(*VALUES[1])
        sink.finish()

    with pytest.raises(OutputError, match=rf"faces\.{form} could not be written: No space left"):
        all_of_it()
    sink.close()


def hide(name: str) -> Callable[..., Any]:
    """An import that does not find `name`."""
    real = __import__

    def importing(wanted: str, *rest: Any, **more: Any) -> Any:
        if wanted.partition(".")[0] == name:
            raise ImportError(f"No module named {wanted}")
        return real(wanted, *rest, **more)

    return importing


def test_without_pyarrow_the_mend_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parquet asked for, pyarrow absent: what to install, and that CSV goes without; no file is left."""
    for name in [name for name in sys.modules if name.split(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("builtins.__import__", hide("pyarrow"))
    with pytest.raises(UsageError, match=r"pip install 'vidface\[tables\]'"):
        write(tmp_path, "parquet", [])
    assert not list(tmp_path.iterdir())
    write(tmp_path, "csv", [])
