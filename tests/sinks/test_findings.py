"""findings: a line for every finding, a picture for every map, private, whole at any moment."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.sinks.test_jsonl import at, target
from vidface.data import Faces
from vidface.data.comments import comments
from vidface.data.finding import Finding, Findings, Stretch
from vidface.data.provenance import MadeBy, Provenance
from vidface.data.verdict import Moment, Verdict, Verdicts
from vidface.sinks.findings import FindingsSink
from vidface.sinks.jsonl import Jsonl

WHEN = Stretch(0, 25, Fraction(0), Fraction(1))
HEAT = np.arange(64, dtype=np.uint8).reshape(8, 8)


def one(score: float = 1.5, **more: Any) -> Finding:
    """A finding of blend."""
    return Finding("blend", 3, WHEN, score, **more)


def write(folder: Path, *findings: Findings) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of the file after a run over so many frames, and the facts."""
    sink = FindingsSink()
    sink.start(target(folder, "findings"))
    for index, items in enumerate(findings):
        sink.process(at(index, index * 512), blend=items)
    facts = sink.finish()
    sink.close()
    lines = (folder / "findings.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines], facts


def test_a_finding_is_a_line(tmp_path: Path) -> None:
    """Those that apply and those that do not; frames without any write nothing."""
    silent = Finding("pulse", 3, WHEN, why_not="The face is 20 px tall; the pulse needs 60.")
    rows, facts = write(tmp_path, Findings.none(), Findings((one(details={"frames": 5}), silent)))
    assert rows[0]["score"] == 1.5
    assert rows[0]["details"] == {"frames": 5}
    assert rows[1]["score"] is None
    assert rows[1]["why_not"].endswith("needs 60.")
    assert facts["applied"] == {"blend": 1}
    assert facts["did_not_apply"] == {"pulse": 1}
    assert facts["files"] == ["findings.jsonl"]


def test_maps_are_pictures(tmp_path: Path) -> None:
    """The map as it is, its crop, the names in the line; a map named twice is one file."""
    face = np.full((16, 16, 3), (200, 10, 10), np.uint8)
    seen = one(heat=HEAT, frame=12, picture=face)
    rows, facts = write(tmp_path, Findings((seen,)), Findings((seen,)))
    assert rows[0]["heat"] == rows[1]["heat"] == "heat/blend_0003_000012.png"
    assert rows[0]["heat_frame"] == 12
    stored = cv2.imread(str(tmp_path / rows[0]["heat"]), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(stored, HEAT)
    crop = cv2.imread(str(tmp_path / rows[1]["face"]))
    assert crop is not None
    assert abs(int(crop[8, 8, 2]) - 200) < 8  # red, in OpenCV's order
    assert facts["files"] == ["findings.jsonl", rows[0]["heat"], rows[0]["face"]]


def test_pictures_say_what_they_are_of(tmp_path: Path) -> None:
    """Of synthetic faces both the map and the crop say so, also where the files are passed on alone."""
    made = Provenance((MadeBy("restore", "restore.face", generates=True),))
    sink = FindingsSink()
    sink.start(replace(target(tmp_path, "findings"), provenance=made))
    face = np.full((16, 16, 3), 90, np.uint8)
    sink.process(at(0, 0), blend=Findings((one(heat=HEAT, frame=12, picture=face),)))
    sink.close()
    texts = [comments(path.read_bytes())["Comment"] for path in sorted((tmp_path / "heat").iterdir())]
    assert texts == [made.comment()] * 2
    assert texts[0].startswith("synthetic: ")


def test_a_map_without_a_crop(tmp_path: Path) -> None:
    """The crop is null, the map stands."""
    rows, _ = write(tmp_path, Findings((one(heat=HEAT, frame=1),)))
    assert rows[0]["face"] is None
    assert (tmp_path / rows[0]["heat"]).is_file()


def test_files_are_private(tmp_path: Path) -> None:
    """0600 and 0700: what is found of a face is nobody else's business."""
    write(tmp_path, Findings((one(heat=HEAT, frame=1),)))
    assert stat.S_IMODE((tmp_path / "heat").stat().st_mode) == 0o700
    for path in (tmp_path / "findings.jsonl", *(tmp_path / "heat").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_lines_are_there_before_the_end(tmp_path: Path) -> None:
    """A run that is cut off leaves what it found until then, with the maps that the lines name."""
    sink = FindingsSink()
    sink.start(target(tmp_path, "findings"))
    sink.process(at(0, 0), blend=Findings((one(heat=HEAT, frame=0),)))
    row = json.loads((tmp_path / "findings.jsonl").read_text())
    assert (tmp_path / row["heat"]).is_file()
    sink.close()


def test_verdicts_stand_in_faces_and_tracks(tmp_path: Path) -> None:
    """A row so far in faces.jsonl, the last one in full in tracks.jsonl."""
    faces = Faces.of([(0, 0, 9, 9)], tracks=[1])
    early = Verdict()
    late = Verdict(
        "manipulated",
        0.97,
        0.9,
        0.99,
        ("The seam is plain.",),
        ("blend",),
        ("pulse: too short.",),
        (Moment(Fraction(0), Fraction(1), 0.97),),
    )
    sink = Jsonl()
    sink.start(target(tmp_path))
    for index, verdict in enumerate((early, late)):
        sink.process(at(index, index * 512), faces, verdict=Verdicts((verdict,)))
    sink.finish()
    sink.close()
    rows = [json.loads(line) for line in (tmp_path / "faces.jsonl").read_text().splitlines()]
    assert rows[0]["faces"][0]["verdict"]["opinion"] == "inconclusive"
    assert "reasons" not in rows[1]["faces"][0]["verdict"]
    last = json.loads((tmp_path / "tracks.jsonl").read_text())["verdict"]
    assert last["probability"] == 0.97
    assert last["reasons"] == ["The seam is plain."]
    assert last["moments"] == [{"start": "0.000000", "end": "1.000000", "probability": 0.97}]
