"""`vidface run` over cameras: from the command line to complete files, without the password anywhere."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.media.live.server import Coded, RtspServer
from tests.media.make_clips import Clip, make
from vidface.cli._live import folder_for, tell

GRAPH = """
version: 1
nodes:
  detect: {use: detect.face, in: {frame: source}}
outputs:
  faces: detect
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_camera_run_in_order(repo: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Exit 0, every line whole, the account written; the password stands in none of it."""
    clip = make(tmp_path / "clip.mp4", Clip(pts=range(25), options={"g": "5", "bf": "0"}))
    (tmp_path / "graph.yaml").write_text(GRAPH)
    with RtspServer(Coded.of(clip), login="me:hunter2") as server:
        words = ["run", str(tmp_path / "graph.yaml"), server.url, "--progress", "none"]
        work = subprocess.Popen(
            [sys.executable, "-m", "vidface", *words],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(repo)},
        )
        out = tmp_path / "clip.vidface"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not _rows(out):
            time.sleep(0.05)
        work.send_signal(number)
        _, err = work.communicate(timeout=30)
    assert work.returncode == 0
    report = json.loads((out / "run.json").read_text())
    assert (report["status"], report["exit"]) == ("done", 0)
    assert report["input"]["camera"]["ended"] == "on request"
    assert len(_rows(out)) == report["ledger"]["processed"] > 0
    assert "latency from arrival" in err
    assert "hunter2" not in err + "".join(path.read_text() for path in out.iterdir())
    assert "rtsp://me:***@" in (out / "run.json").read_text()


@pytest.mark.parametrize(
    ("clip", "folder"),
    [
        ("rtsp://u:secret@cam:554/stream1?token=secret", "stream1.vidface"),
        ("rtsp://u:secret@cam:554", "cam_554.vidface"),
        ("rtsp://u:sec/ret@cam", "cam.vidface"),
        ("https://cdn/keyframe=1/door/index.m3u8", "index.m3u8.vidface"),
        ("https://cdn/token=secret/yard/other.m3u8?key=secret", "other.m3u8.vidface"),
        ("rtsp://h/user=admin_password=sec/ret", "user=admin_password=***.vidface"),
        ("chaos:clips/a.mp4?drop=1%", "a.mp4.vidface"),
        ("rtmp://h/live/STREAMsecret123", "stream.vidface"),
        ("clips/a.mp4", "a.mp4.vidface"),
        ("clips/what?.mp4", "what?.mp4.vidface"),
    ],
)
def test_the_folder_of_a_camera_tells_no_secret(clip: str, folder: str) -> None:
    """It is named after the path, or else the host; a file keeps its name as it is."""
    assert folder_for(clip) == Path(folder)


def test_what_cannot_be_said_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error on a full disk, or closed: a thread that watches a camera does not end for that."""
    with open("/dev/full", "w", encoding="utf-8", buffering=1) as full:  # noqa: PTH123 - a device
        monkeypatch.setattr(sys, "stderr", full)
        tell("door: is back")
        with contextlib.suppress(OSError):
            full.close()
        tell("door: is back")


def _rows(out: Path) -> list[dict[str, object]]:
    faces = out / "faces.jsonl"
    return [json.loads(line) for line in faces.read_text().splitlines()] if faces.exists() else []
