"""`vidface watch`: a check calls nobody, SIGHUP reads the file again, SIGTERM ends in order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from tests.media.make_clips import Clip, make
from vidface.cli import cli

NODE = '''
from vidface.data import Frame
from vidface.node import Node

class Through(Node):
    """Frames as they are."""
    def process(self, frame: Frame) -> Frame:
        return frame
'''
HASTY = """
import runpy
from importlib import import_module
from vidface.watch import watcher
import_module("vidface.cli.watch")._TICK_S = watcher._WRITE_EVERY_S = 0.1
runpy.run_module("vidface")
"""
"""The program, which writes its account ten times a second."""

GRAPH = """version: 1
nodes: {through: {use: ./through.py, in: {frame: source}}}
outputs: {live: {use: live, in: {frame: through}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A light graph, a file of one camera, and the clip that it plays."""
    make(tmp_path / "clip.mp4", Clip(pts=range(25), options={"preset": "ultrafast", "g": "5", "bf": "0"}))
    (tmp_path / "through.py").write_text(NODE, encoding="utf-8")
    (tmp_path / "light.yaml").write_text(GRAPH, encoding="utf-8")
    return tmp_path


def write(folder: Path, *names: str, more: str = "") -> Path:
    path = folder / "cameras.yaml"
    lines = [f"  {name}: chaos:{folder}/clip.mp4?loops=forever\n" for name in names]
    text = f"version: 1\ngraph: light.yaml\nout: out\n{more}cameras:\n{''.join(lines)}"
    path.write_text(text, encoding="utf-8")
    return path


def check(path: Path) -> Any:
    return CliRunner().invoke(cli, ["watch", str(path), "--check"])


def test_check_lists_cameras_and_writes_nothing(folder: Path) -> None:
    """Also those that nobody could reach; without passwords."""
    path = write(folder, "film")
    path.write_text(path.read_text() + "  door: rtsp://me:hush@192.0.2.1/x\n")
    done = check(path)
    assert done.exit_code == 0
    assert "door  rtsp://me:***@192.0.2.1/x" in done.output
    assert "light.yaml -> live" in done.output
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("set: [through.speed=2]\n", "has no parameter 'speed'"),
        ("set: [thrugh.speed=2]\n", "did you mean 'through'"),
        ("http: {address: '0.0.0.0:8080'}\n", "could be seen by everybody"),
        ("grap: x\n", "did you mean 'graph'"),
    ],
)
def test_check_refuses_what_would_fail_later(
    folder: Path, more: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overrides, the page's address without a token, misspelt keys."""
    monkeypatch.delenv("VIDFACE_TOKEN", raising=False)
    done = check(write(folder, "film", more=more))
    assert done.exception is not None
    assert told in str(done.exception)


@pytest.fixture
def watching(folder: Path) -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Begins the program."""
    made: list[subprocess.Popen[str]] = []

    def begin(path: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HASTY, "watch", str(path)]
        made.append(
            subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder, env={**os.environ})
        )
        return made[-1]

    yield begin
    for process in made:
        if process.poll() is None:
            process.kill()
        process.communicate()


def account(folder: Path, met: Callable[[dict[str, Any]], object], limit_s: float = 60) -> dict[str, Any]:
    """watch.json, once something stands there."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        path = folder / "out" / "watch.json"
        told: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        if told and met(told):
            return told
        time.sleep(0.1)
    raise AssertionError(f"not in time: {told}")


def heard(process: subprocess.Popen[str], text: str, limit_s: float = 60) -> str:
    """The next line with these words, past others."""
    assert process.stderr is not None
    late = threading.Timer(limit_s, process.kill)
    late.start()
    try:
        return next(line for line in iter(process.stderr.readline, "") if text in line)
    finally:
        late.cancel()


def test_sighup_reads_the_file_again_and_sigterm_ends_in_order(
    folder: Path, watching: Callable[[Path], subprocess.Popen[str]]
) -> None:
    """A second camera joins, a broken file changes nothing; then everything is closed, and the exit is 0."""
    process = watching(write(folder, "one"))
    assert heard(process, "watches one;").startswith("vidface: watches one;")
    account(folder, lambda told: told["cameras"])
    write(folder, "one", "two")
    process.send_signal(signal.SIGHUP)
    heard(process, "read again; added two")
    (folder / "cameras.yaml").write_text("version: 2\n")
    process.send_signal(signal.SIGHUP)
    heard(process, "everything stays as it was")
    account(folder, lambda told: told["cameras"].get("two", {}).get("frames"))
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    told = account(folder, lambda told: told["status"] == "ended")
    assert {name: row["status"] for name, row in told["cameras"].items()} == {
        "one": "stopped",
        "two": "stopped",
    }
    assert min(row["frames"] for row in told["cameras"].values()) > 0


SLOW = """
import pathlib, time
here = pathlib.Path(__file__).parent
(here / "loading").touch()
until = time.monotonic() + 60
while (here / "hold").exists() and time.monotonic() < until:
    time.sleep(0.05)
"""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_while_it_starts_is_dealt_with_afterwards(
    folder: Path, watching: Callable[[Path], subprocess.Popen[str]], number: signal.Signals
) -> None:
    """Graphs take a while to load: the file is read again then, or the program ends in order."""
    (folder / "through.py").write_text(SLOW + NODE, encoding="utf-8")
    (folder / "hold").touch()
    process = watching(write(folder, "one"))
    end = time.monotonic() + 60
    while not (folder / "loading").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(number)
    time.sleep(0.2)
    (folder / "hold").unlink()
    assert heard(process, "watches one;").startswith("vidface: watches one;")
    if number == signal.SIGHUP:
        heard(process, "read again; no camera changed")
        process.send_signal(signal.SIGTERM)
    heard(process, "ends here")
    process.communicate(timeout=60)
    assert process.returncode == 0
    account(folder, lambda told: told["status"] == "ended")


def test_where_no_camera_is_left_it_says_so(
    folder: Path, watching: Callable[[Path], subprocess.Popen[str]]
) -> None:
    """With `retry: never`: exit 3, as for an input that cannot be read."""
    path = write(folder)
    path.write_text(path.read_text() + "  door: {url: 'rtsp://127.0.0.1:1/x', retry: never}\n")
    process = watching(path)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "no camera is left to watch" in said


def test_a_hangup_reads_the_certificate_again_too() -> None:
    """Beside the file: whoever renews it sends the same signal."""
    done: list[str] = []
    watcher = SimpleNamespace(
        reload=lambda: done.append("file"), tick=lambda: done.append("tick"), settled=lambda: True
    )
    server = SimpleNamespace(renew=lambda: done.append("certificate"))
    inbox, outbox = os.pipe()
    os.write(outbox, bytes([signal.SIGHUP]))
    assert import_module("vidface.cli.watch")._serve(watcher, inbox, None, server)
    for end in (inbox, outbox):
        os.close(end)
    assert done == ["file", "certificate", "tick"]
