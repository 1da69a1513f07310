"""How a run ends when something in it fails: nothing else is lost, and run.json tells the truth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

import vidface
from tests.media.make_clips import Clip, make
from vidface.errors import NodeError, OutputError, OutputExistsError, UsageError, VidfaceError
from vidface.graph.folderlock import FolderLock
from vidface.graph.plainfacts import plain_facts
from vidface.graph.verify import check_folder

PASS = '''
from vidface.data.frame import Frame
from vidface.node import Node


class Pass(Node):
    """The picture as it is."""

    def process(self, frame: Frame) -> Frame:
        return frame

    def facts(self) -> dict:
        import numpy as np
        return {FACTS}

    def close(self) -> None:
        {CLOSE}
'''

SINK = '''
from vidface.data.frame import Frame
from vidface.node import Sink


class Odd(Sink):
    """A sink that fails where it is told to."""

    def process(self, frame: Frame) -> None:
        {PROCESS}

    def finish(self) -> dict:
        {FINISH}

    def close(self) -> None:
        {CLOSE}
'''


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make(tmp_path / "clip.mp4", Clip(pts=tuple(range(20))))


def graph(folder: Path, *, facts: str = "{}", node_close: str = "pass", **sink: str) -> Path:
    """video and faces around a sink of the user's."""
    (folder / "own.py").write_text(PASS.replace("{FACTS}", facts).replace("{CLOSE}", node_close))
    said = {"PROCESS": "pass", "FINISH": "return {}", "CLOSE": "pass"} | sink
    text = SINK
    for name, code in said.items():
        text = text.replace("{" + name + "}", code)
    (folder / "odd.py").write_text(text)
    made: dict[str, Any] = {
        "version": 1,
        "nodes": {"a": {"use": "./own.py", "in": "source"}, "b": {"use": "./own.py", "in": "a"}},
        "outputs": {"odd": {"use": "./odd.py", "in": "b"}, "video": "b"},
    }
    path = folder / "graph.yaml"
    path.write_text(json.dumps(made))
    return path


def through(path: Path, clip: Path, out: Path, **options: Any) -> dict[str, Any]:
    """Run it, whatever comes; its run.json."""
    try:
        for _ in vidface.run(path, clip, out, **options):
            pass
    except VidfaceError as error:
        told: dict[str, Any] = read(out)
        return told | {"raised": error}
    return read(out)


def read(out: Path) -> dict[str, Any]:
    """run.json, in which every number is one."""
    found: dict[str, Any] = json.loads((out / "run.json").read_text(), parse_constant=lambda _: 1 / 0)
    return found


FAILS = 'raise ValueError("odd")'


@pytest.mark.parametrize(
    ("sink", "when"),
    [
        ({"FINISH": FAILS}, "while finishing"),
        ({"FINISH": "return None"}, "found nothing"),
        ({"CLOSE": FAILS}, "while closing"),
        ({"PROCESS": f"if frame.index == 5: {FAILS}"}, "at frame 5"),
    ],
)
def test_what_the_other_outputs_finished_stays_the_runs(
    tmp_path: Path, clip: Path, sink: dict[str, str], when: str
) -> None:
    """The video is complete, listed and sealed; the sink that failed is named."""
    told = through(graph(tmp_path, **sink), clip, tmp_path / "out")
    assert isinstance(told["raised"], NodeError)
    assert when in str(told["raised"])
    assert "odd (" in str(told["raised"])
    assert (told["status"], told["exit"]) == ("failed", 1)
    assert "video.mp4" in told["files_sha256"]
    assert [check.name for check in check_folder(tmp_path / "out", read(tmp_path / "out")) if check.bad] == []


def test_a_node_that_cannot_be_closed_keeps_no_other_open(tmp_path: Path, clip: Path) -> None:
    """Both nodes are closed, and the first is named."""
    mark = tmp_path / "closed"
    close = f'with open({str(mark)!r}, "a") as file: file.write("x")\n        {FAILS}'
    told = through(graph(tmp_path, node_close=close), clip, tmp_path / "out")
    assert "a (./own.py) broke while closing" in str(told["raised"])
    assert mark.read_text() == "xx"
    assert told["status"] == "failed"


def test_facts_of_nodes_are_made_plain(tmp_path: Path, clip: Path) -> None:
    """Numbers of NumPy, paths and NaN: run.json stays JSON."""
    path = graph(tmp_path, facts='{"n": np.float32(2), "rows": np.arange(2), "nan": float("nan")}')
    told = through(path, clip, tmp_path / "out")
    assert told["status"] == "done"
    assert told["node_facts"]["a"] == {"n": 2.0, "rows": [0, 1], "nan": None}


def test_facts_that_json_cannot_hold_name_the_node(tmp_path: Path, clip: Path) -> None:
    told = through(graph(tmp_path, facts='{"deep": [{"it": object()}]}'), clip, tmp_path / "out")
    assert str(told["raised"]) == "a (./own.py): the fact of deep.it is a object, which JSON cannot hold"
    assert told["status"] == "failed"
    assert "video.mp4" in told["files_sha256"]


@pytest.mark.parametrize("files", ['"a.txt"', '["../a.txt"]', '["/etc/passwd"]', "[3]"])
def test_a_sink_lists_files_of_the_runs_folder_alone(tmp_path: Path, clip: Path, files: str) -> None:
    """Else run.json would answer for what is none of the run's."""
    told = through(graph(tmp_path, FINISH="return {'files': " + files + "}"), clip, tmp_path / "out")
    assert "odd (./odd.py)" in str(told["raised"])
    assert set(told["files_sha256"]) == {"video.mp4"}


def test_a_sink_that_says_nothing_is_named() -> None:
    with pytest.raises(NodeError, match=r"^odd: wanted its facts as a dict, found nothing$"):
        plain_facts(None, "odd")


def test_one_ctrl_c_while_files_are_completed(tmp_path: Path, clip: Path) -> None:
    """The run was stopped, and what was completed is sealed."""
    out = tmp_path / "out"
    run = vidface.run(graph(tmp_path, FINISH="raise KeyboardInterrupt"), clip, out)
    with pytest.raises(KeyboardInterrupt):
        list(run)
    told = read(out)
    assert (told["status"], told["exit"], told["error"]) == ("stopped", 130, None)
    assert "video.mp4" in told["files_sha256"]


class InterruptedOnce:
    """Ctrl-C at the first call; later ones do what they did."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call
        self.count = 0

    def __call__(self, *args: Any, **options: Any) -> Any:
        self.count += 1
        if self.count == 1:
            raise KeyboardInterrupt
        return self._call(*args, **options)


def test_one_ctrl_c_while_the_last_frames_are_written(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is under way is written to its end, and every output completed."""
    out = tmp_path / "out"
    run = vidface.run(graph(tmp_path, PROCESS="import time; time.sleep(0.02)"), clip, out)
    writer = run._engine._writer
    assert writer is not None
    wait = InterruptedOnce(writer._written.wait)
    monkeypatch.setattr(writer._written, "wait", wait)
    with pytest.raises(KeyboardInterrupt):
        list(run)
    told = read(out)
    assert (told["status"], told["exit"], told["error"], wait.count) == ("stopped", 130, None, 2)
    assert told["ledger"]["written"] == {"odd": 20, "video": 20}
    assert "video.mp4" in told["files_sha256"]


def test_one_ctrl_c_while_decoding_is_stopped(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outputs are completed all the same."""
    out = tmp_path / "out"
    run = vidface.run(graph(tmp_path), clip, out)
    monkeypatch.setattr(run._engine._feed, "stop", InterruptedOnce(run._engine._feed.stop))
    with pytest.raises(KeyboardInterrupt):
        list(run)
    assert read(out)["status"] == "stopped"
    assert "video.mp4" in read(out)["files_sha256"]


def test_one_ctrl_c_while_the_input_is_hashed(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """run.json says that it was stopped, and is neither left at "running" nor called done."""
    out = tmp_path / "out"
    run = vidface.run(graph(tmp_path), clip, out)
    assert run._folder is not None
    states: list[str] = []

    def join(*, cancel: bool) -> None:
        states.append(f"{read(out)['status']} {cancel}")
        raise KeyboardInterrupt

    monkeypatch.setattr(run._folder, "_end_hashing", join)
    with pytest.raises(KeyboardInterrupt):
        list(run)
    told = read(out)
    assert (told["status"], told["exit"], states) == ("stopped", 130, ["done False"])


def test_a_failure_outweighs_a_stop(tmp_path: Path, clip: Path) -> None:
    """Left early, and then a file could not be completed: that is what run.json tells."""
    out = tmp_path / "out"

    def leave() -> None:
        with vidface.run(graph(tmp_path, FINISH=FAILS), clip, out) as run:
            for _ in run:
                raise KeyboardInterrupt

    with pytest.raises(NodeError, match="while finishing"):
        leave()
    told = read(out)
    assert (told["status"], told["exit"]) == ("failed", 1)
    assert "while finishing" in told["error"]


def test_an_error_of_the_callers_own_is_the_runs_end(tmp_path: Path, clip: Path) -> None:
    """Whoever reads run.json learns why there is no more."""
    out = tmp_path / "out"

    def use() -> None:
        with vidface.run(graph(tmp_path), clip, out) as run:
            for _ in run:
                raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError):
        use()
    told = read(out)
    assert (told["status"], told["exit"], told["error"]) == ("failed", 1, "mine")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="wants a device that takes nothing")
def test_a_trace_that_cannot_be_written_is_named_and_the_run_is_accounted_for(
    tmp_path: Path, clip: Path
) -> None:
    told = through(graph(tmp_path), clip, tmp_path / "out", trace="/dev/full", overwrite=True)
    assert isinstance(told["raised"], OutputError)
    assert "the trace /dev/full cannot be written: No space left on device" in str(told["raised"])
    assert told["status"] == "failed"
    assert "video.mp4" in told["files_sha256"]


@pytest.mark.parametrize("name", ["video.mp4", "run.json", "chain.jsonl"])
def test_a_trace_is_no_file_of_the_run(tmp_path: Path, clip: Path, name: str) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match=f"{name} would be written over: this run writes .* itself"):
        vidface.run(graph(tmp_path), clip, out, trace=out / name)


def test_two_runs_never_write_into_one_folder(tmp_path: Path, clip: Path) -> None:
    """Also with --overwrite, while the first goes on; after it, and after one that failed, it is free."""
    out, path = tmp_path / "out", graph(tmp_path)
    with vidface.run(path, clip, out) as run:
        next(iter(run))
        with pytest.raises(OutputExistsError, match="another run is writing into the output folder"):
            vidface.run(path, clip, out, overwrite=True)
    with pytest.raises(UsageError):
        vidface.run(path, clip, out, overwrite=True, trace=out / "video.mp4")
    assert through(path, clip, out, overwrite=True)["status"] == "done"


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    """The lock goes with the process, and leaves no file."""
    code = (
        f"import os; from pathlib import Path; from vidface.graph.folderlock import FolderLock\n"
        f"kept = FolderLock(Path({str(tmp_path)!r})); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    FolderLock(tmp_path).release()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_nothing_of_a_video_is_a_sentence(tmp_path: Path) -> None:
    """The first fragment did not fit: the muxer is given no more, for that would end the process."""
    clip = make(tmp_path / "clip.mp4", Clip(size=(320, 240), pts=tuple(range(60))))
    code = (
        "import resource, sys, signal, vidface\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "graph, clip, out = sys.argv[1:]\n"
        "run = vidface.run(graph, clip, out)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "try:\n"
        "    [None for _ in run]\n"
        "except vidface.errors.OutputError as error:\n"
        "    print(error)\n"
    )
    words = [sys.executable, "-c", code, str(graph(tmp_path)), str(clip), str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert "the file is as large as this disk or user may have" in done.stdout


def test_a_closed_run_gives_no_more_frames(tmp_path: Path, clip: Path) -> None:
    """Who still holds its iterator sees it end, with a folder and without; it used to wait for ever."""
    for out in (tmp_path / "out", None):
        with vidface.run(graph(tmp_path), clip, out) as run:
            ticks = iter(run)
            next(ticks)
        assert list(ticks) == []


def test_one_plan_runs_twice_at_a_time(samples: Path) -> None:
    """Each run has nodes of its own: states, windows and models are no other's."""
    plan = vidface.load({"version": 1, "nodes": FOLLOWED, "outputs": {"faces": "track"}})
    clips = [samples / "two_people.mp4", samples / "walk_vfr.mkv"]

    def boxes(ticks: Any) -> list[list[float]]:
        return [tick["faces"].boxes.ravel().tolist() for tick in ticks]

    alone = [boxes(vidface.run(plan, clip, stop=1.0)) for clip in clips]
    first, second = (iter(vidface.run(plan, clip, stop=1.0)) for clip in clips)
    beside: list[list[Any]] = [[], []]
    for pair in zip_longest(first, second):
        for made, tick in zip(beside, pair, strict=True):
            if tick is not None:
                made.append(tick)
    assert [boxes(one) for one in beside] == alone


FOLLOWED = {
    "detect": {"use": "detect.face", "in": "source"},
    "track": {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}},
}
