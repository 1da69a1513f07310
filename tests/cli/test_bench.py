"""`vidface bench` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vidface.cli import cli
from vidface.errors import ModelMissingError, UsageError


def test_one_graph_on_one_clip(samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables on stdout; JSON, text and picture in the folder; decoding first, as what the rest is held to."""
    words = ["bench", "detect", "--clip", str(samples / "rotated.mp4"), "--runs", "1", "--seconds", "0.01"]
    cli.main([*words, "-o", str(tmp_path / "o")], standalone_mode=False)
    told = capsys.readouterr()
    assert "| detect |" in told.out
    assert told.err.splitlines() == ["bench: start-up", "bench: decode only", "bench: detect"]
    found = json.loads((tmp_path / "o" / "bench.json").read_text())
    assert [case["name"] for case in found["cases"]] == ["decode only", "detect"]
    assert [begin["name"] for begin in found["begins"]] == [
        "vidface --help",
        "vidface run detect, first frame",
    ]
    assert all(begin["wall"]["median"] > 0 for begin in found["begins"])
    assert found["facts"]["packages"]["av"]
    assert (tmp_path / "o" / "bench.md").read_text() == told.out
    assert (tmp_path / "o" / "bench.svg").read_text().startswith("<svg")


def test_a_graph_that_cannot_run_ends_with_the_reason_at_once(
    samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = tmp_path / "g.yaml"
    node = "{use: detect.face, in: source, with: {model: nobody}}"
    graph.write_text(f"version: 1\nnodes:\n  d: {node}\noutputs: {{faces: d}}\n")
    with pytest.raises(ModelMissingError, match="nobody"):
        cli.main(["bench", str(graph), "--clip", str(samples / "rotated.mp4")], standalone_mode=False)
    with pytest.raises(UsageError, match="gpu"):
        cli.main(["bench", "track", "--device", "gpu"], standalone_mode=False)
    assert "start-up" not in capsys.readouterr().err
