"""The command line as a user meets it: exit codes, sentences on stderr, no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.media.make_clips import Clip, make
from vidface.cli import main

GRAPH = "graphs/track.yaml"


def call(monkeypatch: pytest.MonkeyPatch, repo: Path, *words: object) -> int:
    """Run `vidface WORDS` in this process, in the root of the checkout; gives the exit code."""
    monkeypatch.chdir(repo)
    monkeypatch.setattr(sys, "argv", ["vidface", *map(str, words)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_run_writes_what_the_graph_says(
    monkeypatch: pytest.MonkeyPatch, repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ("run", GRAPH, "samples/two_people.mp4", "-o", out, "--to", "2", "--progress", "json")
    assert call(monkeypatch, repo, *words) == 0
    names = {path.name for path in out.iterdir()}
    assert names == {"video.mp4", "faces.jsonl", "tracks.jsonl", "shots", "run.json", "chain.jsonl"}
    report = json.loads((out / "run.json").read_text())
    assert report["status"] == "done"
    assert report["exit"] == 0
    assert report["ledger"]["decoded"] == report["ledger"]["processed"] == 50
    assert report["ledger"]["written"] == {"video": 50, "faces": 50, "shots": 50}
    assert len(report["input"]["sha256"]) == 64
    assert report["models"][0]["name"] == "vidface-facedet"
    err = capsys.readouterr().err
    assert "50 frames" in err
    assert json.loads(next(line for line in err.splitlines() if line.startswith("{")))["fps"] > 0


def test_run_refuses_a_folder_that_is_not_empty(
    monkeypatch: pytest.MonkeyPatch, repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    words = ["run", GRAPH, "samples/rotated.mp4", "-o", tmp_path, "--to", "0.2", "--outputs", "faces"]
    assert call(monkeypatch, repo, *words) == 2
    assert "is not empty; give another one, or --overwrite" in capsys.readouterr().err
    assert call(monkeypatch, repo, *words, "--overwrite") == 0
    assert (tmp_path / "precious.txt").read_text() == "mine"
    assert call(monkeypatch, repo, *words, "--overwrite") == 0


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["run", "graphs/absent.yaml", "samples/rotated.mp4"], 2, "absent.yaml: there is no such file"),
        (["run", GRAPH, "absent.mp4", "-o", "{tmp}/o"], 3, "absent.mp4"),
        (["run", GRAPH, "README.md", "-o", "{tmp}/o"], 3, "README.md"),
        (["run", GRAPH, "samples/rotated.mp4", "-o", "README.md"], 2, "is a file; name a folder"),
        (["run", GRAPH, "samples/rotated.mp4", "-o", "/proc/nowhere"], 2, "cannot be made"),
        (
            ["run", GRAPH, "samples/rotated.mp4", "-o", "{tmp}/o", "--from", "2", "--to", "1"],
            2,
            "must lie behind",
        ),
        (["run", GRAPH, "samples/rotated.mp4", "--set", "detect.evry=2"], 2, "did you mean 'every'"),
        (["run", GRAPH, "samples/rotated.mp4", "--device", "cuda:7", "-o", "{tmp}/o"], 2, "cuda"),
        (["run", GRAPH, "samples/rotated.mp4", "--device", "tpu", "-o", "{tmp}/o"], 2, "tpu"),
        (["run", GRAPH, "samples/rotated.mp4", "--set", "detect.model=nobody", "-o", "{tmp}/o"], 4, "nobody"),
        (["run", GRAPH, "samples/rotated.mp4", "--from", "now", "-o", "{tmp}/o"], 2, "is no time"),
        (["check", "tests/graphs/broken/loop.yaml"], 2, "wait for each other"),
        (["nodes", "detect.fase"], 2, "did you mean 'detect.face'"),
        (["fly"], 2, "No such command"),
    ],
)
def test_bad_input_gets_one_sentence_and_its_code(
    monkeypatch: pytest.MonkeyPatch,
    repo: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    sentence: str,
) -> None:
    assert call(monkeypatch, repo, *(word.replace("{tmp}", str(tmp_path)) for word in words)) == code
    err = capsys.readouterr().err
    assert sentence in err
    assert "Traceback" not in err


def test_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, repo, "check", "tests/graphs/broken/loop.yaml", "--debug") == 2
    assert "Traceback" in capsys.readouterr().err


def test_check_and_explain(
    monkeypatch: pytest.MonkeyPatch, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, repo, "check", GRAPH) == 0
    assert "sound; 3 nodes, 3 outputs" in capsys.readouterr().out
    assert call(monkeypatch, repo, "explain", GRAPH, "--rate", "25", "--set", "track.look_ahead=10") == 0
    text = capsys.readouterr().out
    assert "10 frames (400 ms)" in text
    assert text.index("detect.face") < text.index("track.faces") < text.index("draw.boxes")
    assert call(monkeypatch, repo, "explain", GRAPH, "--format", "mermaid") == 0
    assert "detect -- Faces --> track" in capsys.readouterr().out
    assert call(monkeypatch, repo, "explain", GRAPH, "--format", "dot") == 0
    assert 'detect -> track [label="Faces"]' in capsys.readouterr().out


def test_nodes_lists_and_shows(
    monkeypatch: pytest.MonkeyPatch, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, repo, "nodes") == 0
    listing = capsys.readouterr().out
    for name in ("detect.face", "track.faces", "draw.boxes", "video", "jsonl", "table", "images"):
        assert name in listing
    assert call(monkeypatch, repo, "nodes", "detect.face") == 0
    assert "every" in capsys.readouterr().out
    assert call(monkeypatch, repo, "nodes", "detect.face", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["inputs"][0]["type"] == "Frame"
    assert call(monkeypatch, repo, "nodes", "restore.face") == 0
    assert "restore_cosine_before ratio " in capsys.readouterr().out
    assert call(monkeypatch, repo, "nodes", "mesh.measures", "--format", "json") == 0
    measures = {one["name"]: one for one in json.loads(capsys.readouterr().out)["measures"]}
    assert measures["gaze_yaw"]["unit"] == "degrees"
    assert "viewer's right" in measures["gaze_yaw"]["meaning"]


def test_schema_is_json_and_knows_the_nodes(
    monkeypatch: pytest.MonkeyPatch, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, repo, "schema") == 0
    schema = json.loads(capsys.readouterr().out)
    uses = [rule["if"]["properties"]["use"]["const"] for rule in schema["$defs"]["NodeSpec"]["allOf"]]
    assert "track.faces" in uses


def test_doctor_and_probe(
    monkeypatch: pytest.MonkeyPatch, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, repo, "doctor") == 0
    assert "device auto" in capsys.readouterr().out
    assert call(monkeypatch, repo, "probe", "samples/rotated.mp4", "--format", "json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["width"], facts["height"], facts["codec"]) == (360, 640, "h264")


def test_format_adds_a_table(monkeypatch: pytest.MonkeyPatch, repo: Path, tmp_path: Path) -> None:
    words = (
        "run",
        GRAPH,
        "samples/rotated.mp4",
        "-o",
        tmp_path / "o",
        "--to",
        "0.4",
        "--format",
        "csv",
        "-q",
    )
    assert call(monkeypatch, repo, *words, "--outputs", "faces") == 0
    assert (tmp_path / "o" / "faces.csv").exists()


def test_a_quiet_run_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pictures that the input promises and does not hold change the result; anything else is not said."""
    whole = make(tmp_path / "whole.mkv", Clip(pts=tuple(range(60)))).read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole[: len(whole) // 2])
    words = ("run", GRAPH, cut, "-o", tmp_path / "o", "--outputs", "faces", "--rate", "5", "-q")
    assert call(monkeypatch, repo, *words) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert all(line.startswith("vidface: missing") for line in err.splitlines())
    assert "input ends early" in err


HEARING = (
    "import signal, runpy; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('vidface', run_name='__main__', alter_sys=True)"
)
"""`python -m vidface`; a shell starts its background jobs deaf to Ctrl-C, and the tests may run in one."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_readable_files(repo: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C (or a service manager's stop) ends with 130; the video plays, every JSON line is whole."""
    import av

    out = tmp_path / "o"
    words = ["run", GRAPH, "samples/two_people.mp4", "-o", str(out), "--set", "video.preset=medium"]
    work = subprocess.Popen(
        [sys.executable, "-c", HEARING, *words], cwd=repo, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    deadline = time.monotonic() + 30
    faces = out / "faces.jsonl"
    while time.monotonic() < deadline and not (faces.exists() and faces.read_text().count("\n") > 20):
        time.sleep(0.02)
    work.send_signal(number)
    _, err = work.communicate(timeout=30)
    assert work.returncode == 130
    assert "Traceback" not in err
    lines = [json.loads(line) for line in faces.read_text().splitlines()]
    with av.open(str(out / "video.mp4")) as container:
        count = sum(1 for _ in container.decode(video=0))
    report = json.loads((out / "run.json").read_text())
    assert report["status"] == "stopped"
    assert report["exit"] == 130
    assert count == len(lines) == report["ledger"]["written"]["video"] > 20


def test_a_part_behind_the_end_is_no_success(
    monkeypatch: pytest.MonkeyPatch, repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shell and run.json say the same."""
    words = ["run", "graphs/detect.yaml", "samples/rotated.mp4", "-o", tmp_path / "out", "--from", "100"]
    assert call(monkeypatch, repo, *words) == 3
    assert "there is no frame from --from 100 s on" in capsys.readouterr().err
    report = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (report["status"], report["exit"]) == ("failed", 3)
    assert "there is no frame" in report["error"]


@pytest.mark.parametrize("option", ["--from", "--to", "--rate"])
def test_times_are_finite(monkeypatch: pytest.MonkeyPatch, repo: Path, tmp_path: Path, option: str) -> None:
    words = ["run", "graphs/detect.yaml", "samples/rotated.mp4", "-o", tmp_path / "out", option]
    assert [call(monkeypatch, repo, *words, text) for text in ("nan", "inf", "1e400")] == [2, 2, 2]
