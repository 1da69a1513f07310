"""graphs/anonymize.yaml: every face of a known clip is covered, and only what may be written is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import vidface
from vidface.data import Faces
from vidface.data.provenance import hidden_by
from vidface.media.declared import declared
from vidface.nodes.anonymize.audit import share_under


@pytest.mark.parametrize(("start", "stop"), [(3.0, 3.8), (6.4, 8.2)])
def test_every_face_of_the_sample_is_covered(repo: Path, samples: Path, start: float, stop: float) -> None:
    """One passes before the other; one comes in from the side, and a cut."""
    truth = {
        line["time"]: [face["box"] for face in line["faces"] if face["visible"] > 0]
        for line in map(json.loads, (samples / "two_people.truth.jsonl").read_text().splitlines())
    }
    run = vidface.run(repo / "graphs" / "anonymize.yaml", samples / "two_people.mp4", start=start, stop=stop)
    seen = 0
    for tick in run:
        covers: Faces = tick["hide.covers"]
        boxes = np.array(truth[f"{float(tick.frame.time):.6f}"], np.float32).reshape(-1, 4)
        # What lies outside of the picture need not be covered.
        boxes = np.clip(boxes, 0, (*tick.frame.size, *tick.frame.size))
        assert (share_under(boxes, covers.boxes, "oval") > 0.95).all(), float(tick.frame.time)
        seen += len(boxes)
    assert seen > 15


def test_a_run_leaves_no_faces_behind(repo: Path, samples: Path, tmp_path: Path) -> None:
    """The video, where covers lie, what the check found, and the run itself; the video says what it is."""
    out = tmp_path / "out"
    list(vidface.run(repo / "graphs" / "anonymize.yaml", samples / "two_people.mp4", out, stop=0.4))
    names = {path.name for path in out.iterdir()}
    assert names <= {
        "video.mp4",
        "faces.jsonl",
        "tracks.jsonl",
        "open.jsonl",
        "chain.jsonl",
        "run.json",
    }
    lines = [json.loads(line) for line in (out / "faces.jsonl").read_text().splitlines()]
    assert all(face["landmarks"] is None for line in lines for face in line["faces"])
    report = (out / "run.json").read_text()
    assert "no open face" in report or "open faces on" in report
    said = declared(out / "video.mp4")
    assert said.source_types == ()
    assert [by for text in said.metadata.values() for by in hidden_by(text)] == ["anonymize.faces"]
