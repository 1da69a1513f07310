"""Rows of live frames have the time of day, whose clock it is, and when they came; rows of files do not."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from time import monotonic, time
from typing import Any

import numpy as np
import pytest

from vidface.data import Faces, SourceInfo
from vidface.media.pixels import frame_from_rgb
from vidface.node import Sink, Target
from vidface.sinks.jsonl import Jsonl
from vidface.sinks.table import Table

FRAME = frame_from_rgb(np.zeros((4, 4, 3), np.uint8), 0)
FACES = Faces.of([(1, 2, 3, 4)])
TAKEN_S = 1_700_000_000.25


def rows(sink: Sink, folder: Path, **clock: Any) -> list[dict[str, Any]]:
    info = SourceInfo("cam", "rtsp", "h264", "yuv420p", 4, 4, Fraction(1, 90000), live=bool(clock))
    sink.start(Target(folder, "faces", info))
    sink.process(replace(FRAME, **clock), FACES)
    sink.finish()
    sink.close()
    path = next(folder.glob("faces.*"))
    if path.suffix == ".csv":
        return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("sink", [Jsonl, Table])
def test_the_cameras_time_and_this_machines_are_both_written(sink: type[Sink], tmp_path: Path) -> None:
    """To the millisecond, in UTC."""
    (row,) = rows(sink(), tmp_path, arrival=monotonic(), utc_s=TAKEN_S, clock="rtcp")
    assert row["utc"] == "2023-11-14T22:13:20.250Z"
    assert row["clock"] == "rtcp"
    assert row["arrived"] > "2024"


@pytest.mark.parametrize("sink", [Jsonl, Table])
def test_without_a_time_of_the_camera_the_arrival_stands_for_it(sink: type[Sink], tmp_path: Path) -> None:
    """And says so."""
    (row,) = rows(sink(), tmp_path, arrival=monotonic(), utc_s=time(), clock="arrival")
    assert row["utc"] == row["arrived"]
    assert row["clock"] == "arrival"


@pytest.mark.parametrize("sink", [Jsonl, Table])
def test_rows_of_files_have_no_time_of_day(sink: type[Sink], tmp_path: Path) -> None:
    """A file's frames were taken nobody knows when."""
    (row,) = rows(sink(), tmp_path)
    assert not {"utc", "clock", "arrived"} & row.keys()
