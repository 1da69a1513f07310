"""Many cameras: each has a lane of its own, whose troubles stay its own; changes while the others go on."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.events.receivers import an_event, free_port
from tests.media.live.server import RtspServer
from tests.watch.conftest import Watched, Write, until
from vidface.errors import UsageError
from vidface.events.fan import open_fan
from vidface.events.letter import letter_of, pack
from vidface.events.log import latest
from vidface.graph import plan as plan_module
from vidface.graph.plan import Plan
from vidface.graph.spec import GraphFile
from vidface.media.live.recordings import Recordings
from vidface.media.live.retry import Backoff
from vidface.watch import lane as lane_module
from vidface.watch.check import summary
from vidface.watch.config import Config
from vidface.watch.watcher import Watcher

Begin = Callable[[Path], Watched]


def test_cameras_are_watched_and_accounted_for(
    clip: Path, server: RtspServer, write: Write, watched: Begin, folder: Path
) -> None:
    """Two at once; at the end watch.json and each run.json say so, nothing runs on, files are private."""
    stand = watched(write(f"  film: chaos:{clip}?loops=forever\n  door: {{url: '{server.url}', rate: 5}}\n"))
    stand.until(lambda: stand.frames("film") > 10 and stand.frames("door") > 5)
    lane = stand.watcher.lane("film")
    assert lane is not None
    assert lane.station.newest is not None
    stand.watcher.close()
    told = json.loads((folder / "out" / "watch.json").read_text())
    door = told["cameras"]["door"]
    assert told["status"] == "ended"
    assert (door["status"], door["connections"], door["losses"], door["last_error"]) == (
        "stopped",
        1,
        0,
        None,
    )
    assert door["dropped"]["more frames than were asked for"] > 0
    assert {"p50", "p95", "p99"} <= door["latency_ms"].keys()
    runs = [json.loads(path.read_text()) for path in (folder / "out").glob("*/sessions/*/run.json")]
    assert [run["status"] for run in runs] == ["done", "done"]
    assert (folder / "out").stat().st_mode & 0o077 == 0
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith(("lane", "camera"))]


def test_a_camera_that_hangs_on_its_head(clip: Path, write: Write, watched: Begin, folder: Path) -> None:
    """Its session says that it was turned; a camera beside it is not."""
    film = f"chaos:{clip}?loops=forever"
    stand = watched(write(f"  hung: {{url: '{film}', rotate: 180}}\n  plain: '{film}'\n"))
    stand.until(lambda: min(stand.frames("hung"), stand.frames("plain")) > 2)
    stand.watcher.close()
    told = {}
    for path in (folder / "out").glob("*/sessions/*/run.json"):
        run = json.loads(path.read_text())
        told[path.parts[-4]] = (run["settings"]["rotate"], run["input"]["rotation"])
    assert told == {"hung": (180, 180), "plain": (0, 0)}


def test_a_lost_camera_is_told_of_and_comes_back(
    clip: Path, server: RtspServer, write: Write, watched: Begin, folder: Path
) -> None:
    """Events and account say since when and why; the other camera does not notice."""
    text = f"  film: chaos:{clip}?loops=forever\n  door: {{url: '{server.url}', lost_after_s: 0}}\n"
    stand = watched(write(text))
    stand.until(lambda: stand.frames("door") > 3)
    server.stop()
    stand.until(lambda: stand.watcher.recent.kinds().get("camera_lost"))
    seen = stand.frames("film")
    stand.until(lambda: stand.frames("film") > seen + 10)
    before = stand.frames("door")
    server.start()
    stand.until(lambda: stand.frames("door") > before)
    stand.until(lambda: stand.watcher.recent.kinds().get("camera_back"))
    lane = stand.watcher.lane("door")
    assert lane is not None
    row = lane.row()
    assert (row["status"], row["losses"], row["graphs_begun"]) == ("watched", 1, 1)
    assert row["lost_s"] > 0
    assert row["last_error"]["text"]
    stand.watcher.close()
    rows = latest(folder / "out" / "events", 10)
    assert [one["kind"] for one in rows] == ["camera_back", "camera_lost"]
    assert rows[1]["cause"]
    assert rows[0]["lost_s"] >= rows[1]["away_s"]


def test_a_camera_comes_back_where_nothing_can_be_said(
    server: RtspServer, write: Write, watched: Begin
) -> None:
    """Standard error lies on a full disk, say: it is lost and watched again, in silence."""
    stand = watched(write(f"  door: {{url: '{server.url}', lost_after_s: 0}}\n"))
    stand.until(lambda: stand.frames("door") > 3)
    stand.full = True
    server.stop()
    stand.until(lambda: stand.watcher.recent.kinds().get("camera_lost"))
    before = stand.frames("door")
    server.start()
    stand.until(lambda: stand.frames("door") > before, 20)
    lane = stand.watcher.lane("door")
    assert lane is not None
    assert (lane.row()["status"], lane.row()["graphs_begun"]) == ("watched", 1)


def test_a_bug_beside_the_sessions_ends_no_lane(
    clip: Path, write: Write, watched: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done between one session and the next fails once; the camera is called again after a pause."""
    asked: list[str] = []

    class Failing(Backoff):
        def next(self, kind: str = "lost") -> float | None:
            asked.append(kind)
            if len(asked) == 1:
                raise KeyError("nobody foresaw this")
            return 0.1

    monkeypatch.setattr(lane_module, "_ANEW_S", 0.1)
    monkeypatch.setattr(lane_module, "Backoff", Failing)
    stand = watched(write(f"  door: {{url: 'chaos:{clip}?loops=forever', set: [through.fails_at=3]}}\n"))
    stand.until(lambda: len(asked) > 2, 20)
    assert any("bug in vidface: KeyError" in text and "beginning anew" in text for text in stand.said)


def test_a_camera_that_was_lost_is_back_in_its_next_lane(
    server: RtspServer, write: Write, watched: Begin, folder: Path
) -> None:
    """Its settings change while it is lost: whoever heard that it was lost hears that it is back."""
    text = f"  door: {{url: '{server.url}', lost_after_s: 0%s}}\n"
    stand = watched(write(text % ""))
    stand.until(lambda: stand.frames("door") > 3)
    server.stop()
    stand.until(lambda: stand.watcher.recent.kinds().get("camera_lost"))
    old = stand.watcher.lane("door")
    write(text % ", rate: 10")
    stand.watcher.reload()
    stand.until(lambda: stand.watcher.lane("door") not in (None, old))
    server.start()
    stand.until(lambda: stand.watcher.recent.kinds().get("camera_back"), 20)
    stand.watcher.close()
    rows = latest(folder / "out" / "events", 10)
    assert [row["kind"] for row in rows] == ["camera_back", "camera_lost"]


def test_a_camera_that_was_lost_is_back_after_a_restart(
    server: RtspServer, write: Write, watched: Begin, folder: Path
) -> None:
    """Whoever heard from the program before that it was lost: once lost, and once back."""
    path = write(f"  door: {{url: '{server.url}', lost_after_s: 0}}\n")
    stand = watched(path)
    stand.until(lambda: stand.frames("door") > 3)
    server.stop()
    stand.until(lambda: stand.watcher.recent.kinds().get("camera_lost"))
    said = json.loads((folder / "out/watch.json").read_text())["cameras"]["door"]["told_lost"]
    assert said is not None  # at once: nobody has to end in order
    stand.watcher.close()
    again = watched(path)
    again.until(lambda: (lane := again.watcher.lane("door")) is not None and lane.account.why)
    server.start()
    again.until(lambda: again.watcher.recent.kinds().get("camera_back"), 20)
    again.watcher.close()
    rows = latest(folder / "out/events", 10)
    assert [row["kind"] for row in rows] == ["camera_back", "camera_lost"]
    assert rows[0]["lost_s"] > rows[1]["away_s"]
    assert json.loads((folder / "out/watch.json").read_text())["cameras"]["door"]["told_lost"] is None


def test_the_account_says_why_a_camera_is_away_now(server: RtspServer, write: Write, watched: Begin) -> None:
    """It went since it was switched off; now it wants a password. That is one loss."""
    stand = watched(write(f"  door: {{url: '{server.url}', lost_after_s: 0}}\n"))
    stand.until(lambda: stand.frames("door") > 3)
    lane = stand.watcher.lane("door")
    assert lane is not None
    server.stop()
    stand.until(lambda: lane.row()["status"] == "lost")
    server.login = "me:other"
    server.start()
    stand.until(lambda: "(401)" in lane.row()["why"])
    assert (lane.row()["status"], lane.row()["losses"]) == ("lost", 1)
    assert stand.watcher.recent.kinds()["camera_lost"] == 1


def test_a_camera_that_stays_away_gives_its_graph_back(
    server: RtspServer, write: Write, watched: Begin, folder: Path
) -> None:
    """After `evict_after_s` the camera alone is called; its next picture begins a graph of a new name."""
    stand = watched(write(f"  door: {{url: '{server.url}', evict_after_s: 1}}\n"))
    stand.until(lambda: stand.frames("door") > 3)
    lane = stand.watcher.lane("door")
    assert lane is not None
    first = lane.station.session
    server.stop()
    stand.until(lambda: lane.row()["evictions"] == 1)
    done = json.loads((folder / "out" / "door" / "sessions" / first / "run.json").read_text())
    assert done["status"] == "done"
    before = stand.frames("door")
    server.start()
    stand.until(lambda: stand.frames("door") > before)
    row = lane.row()
    assert (row["graphs_begun"], row["losses"], row["connections"]) == (2, 1, 2)
    assert lane.station.session != first


def test_a_graph_that_fails_harms_nobody_else(clip: Path, write: Write, watched: Begin) -> None:
    """It begins anew after a while; the other camera goes on."""
    text = (
        f"  film: chaos:{clip}?loops=forever\n"
        f"  bad: {{url: 'chaos:{clip}?loops=forever', set: [through.fails_at=3]}}\n"
    )
    stand = watched(write(text))
    lane = None
    stand.until(lambda: stand.watcher.lane("bad") is not None)
    lane = stand.watcher.lane("bad")
    assert lane is not None
    stand.until(lambda: lane.row()["graphs_begun"] >= 2)
    assert "on purpose" in lane.row()["last_error"]["text"]
    seen = stand.frames("film")
    stand.until(lambda: stand.frames("film") > seen + 10)


SLOW_TO_FAIL = '''
import time
from vidface.data import Device, Frame
from vidface.node import Node

class Slow(Node):
    """Never opens."""
    def open(self, device: Device) -> None:
        time.sleep(0.6)
        raise ValueError("on purpose")
    def process(self, frame: Frame) -> Frame:
        return frame
'''


def never_opens(folder: Path) -> None:
    (folder / "slow.py").write_text(SLOW_TO_FAIL, encoding="utf-8")
    graph = (folder / "light.yaml").read_text(encoding="utf-8")
    (folder / "fails.yaml").write_text(graph.replace("./through.py", "./slow.py"), encoding="utf-8")


def recorded(stand: Watched) -> lane_module.Lane:
    """The lane of the door, once fifty packets of it are recorded."""
    stand.until(lambda: stand.watcher.lane("door") is not None)
    lane = stand.watcher.lane("door")
    assert lane is not None
    stand.until(lambda: lane.row()["recorded"]["packets"] >= 50)
    return lane


@pytest.mark.parametrize("graph", ["graph: fails.yaml", "set: [through.fails_at=3]"])
def test_a_graph_that_fails_is_one_alarm(
    server: RtspServer, write: Write, watched: Begin, folder: Path, graph: str
) -> None:
    """At once or after some frames: the camera is well, comes again with each try, and is lost once."""
    never_opens(folder)
    stand = watched(write(f"  door: {{url: '{server.url}', {graph}, lost_after_s: 0}}\n"))
    stand.until(lambda: stand.watcher.lane("door") is not None)
    lane = stand.watcher.lane("door")
    assert lane is not None
    stand.until(lambda: lane.row()["graphs_begun"] >= 4)
    assert dict(stand.watcher.recent.kinds()) == {"camera_lost": 1}
    assert "on purpose" in lane.row()["why"]


def test_recording_goes_on_while_a_graph_that_failed_waits(
    server: RtspServer, write: Write, watched: Begin, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The camera is called again at once, and recorded; the graph begins when its wait is over."""
    never_opens(folder)
    monkeypatch.setattr(lane_module, "Backoff", partial(Backoff, first_s=100.0))
    door = f"{{url: '{server.url}', graph: fails.yaml, record: {{when: always, segment_s: 1}}}}"
    stand = watched(write(f"  door: {door}\n"))
    lane = recorded(stand)
    row = lane.row()
    assert (row["graphs_begun"], row["frames"], row["status"]) == (1, 0, "waiting")
    lane.stop()
    assert lane.join(60)


def test_a_graph_without_its_input_is_no_camera_that_is_given_up(
    server: RtspServer, write: Write, watched: Begin, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged gallery, say: the graph waits and has its tries, and the camera is recorded meanwhile."""
    never_opens(folder)
    slow = (folder / "slow.py").read_text(encoding="utf-8")
    damaged = slow.replace("import time", "import time\nfrom vidface.errors import InputError")
    (folder / "slow.py").write_text(damaged.replace("ValueError(", "InputError("), encoding="utf-8")
    monkeypatch.setattr(lane_module, "Backoff", partial(Backoff, first_s=100.0))
    door = f"{{url: '{server.url}', graph: fails.yaml, retry: 5, record: {{when: always, segment_s: 1}}}}"
    stand = watched(write(f"  door: {door}\n"))
    lane = recorded(stand)
    assert (lane.row()["graphs_begun"], lane.row()["status"]) == (1, "waiting")
    lane.stop()
    assert lane.join(60)


def test_a_recorded_camera_that_cannot_even_be_called_is_waited_for(
    server: RtspServer, write: Write, watched: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more files may be opened, say: each try has its wait."""
    tried: list[object] = []

    def nothing(*asked: object) -> None:
        tried.append(asked)
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(lane_module, "Backoff", partial(Backoff, first_s=100.0))
    monkeypatch.setattr(lane_module, "LiveSource", nothing)
    stand = watched(write(f"  door: {{url: '{server.url}', retry: 5, record: {{when: always}}}}\n"))
    stand.until(lambda: any("too many files are open" in text for text in stand.said))
    time.sleep(0.2)  # where nothing waits, thousands of tries
    lane = stand.watcher.lane("door")
    assert lane is not None
    assert (len(tried), lane.row()["status"]) == (1, "waiting")
    lane.stop()
    assert lane.join(60)


def test_a_graph_counts_as_it_was_checked(
    server: RtspServer, write: Write, watched: Begin, folder: Path
) -> None:
    """One that is being edited is refused when the file is read again, and breaks no camera afterwards."""
    stand = watched(write(f"  door: {{url: '{server.url}', evict_after_s: 1}}\n"))
    stand.until(lambda: stand.frames("door") > 3)
    (folder / "light.yaml").write_text("version: 1\nnodes: {", encoding="utf-8")
    stand.watcher.reload()
    assert "everything stays as it was" in stand.said[-1]
    lane = stand.watcher.lane("door")
    assert lane is not None
    server.stop()
    stand.until(lambda: lane.row()["evictions"] == 1)
    seen = stand.frames("door")
    server.start()
    stand.until(lambda: stand.frames("door") > seen)
    assert lane.row()["graphs_begun"] == 2


def test_a_node_that_was_edited_counts_once_the_file_is_read_again(
    clip: Path, write: Write, watched: Begin, folder: Path
) -> None:
    """Its camera begins anew; that of another graph does not."""
    film = f"chaos:{clip}?loops=forever"
    graph = (folder / "light.yaml").read_text(encoding="utf-8")
    (folder / "other.py").write_text((folder / "through.py").read_text())
    (folder / "other.yaml").write_text(graph.replace("./through.py", "./other.py"), encoding="utf-8")
    stand = watched(write(f"  a: {film}\n  b: {{url: '{film}', graph: other.yaml}}\n"))
    stand.until(lambda: stand.frames("a") > 2 and stand.frames("b") > 2)
    old, kept = stand.watcher.lane("a"), stand.watcher.lane("b")
    with (folder / "through.py").open("a", encoding="utf-8") as file:
        file.write("# edited\n")
    stand.watcher.reload()
    assert stand.said[-1].endswith("read again; changed a")
    stand.until(lambda: stand.watcher.lane("a") not in (None, old))
    assert stand.watcher.lane("b") is kept
    stand.watcher.reload()
    assert "no camera changed" in stand.said[-1]


def test_a_graph_that_could_begin_only_once_is_refused(clip: Path, write: Write, folder: Path) -> None:
    """A second session may not replace what the first one saved; the same graph without that is sound."""
    graph = (folder / "light.yaml").read_text(encoding="utf-8")
    (folder / "saves.yaml").write_text(graph.replace("./through.py", "stabilize.camera"), encoding="utf-8")
    door = f"  door: {{url: 'chaos:{clip}', graph: saves.yaml, set: ['through.save_motion=%s']}}\n"
    with pytest.raises(UsageError, match=r"door: a node of .*saves\.yaml saves to m\.jsonl"):
        summary(Config.read(write(door % "m.jsonl"), {}))
    assert "saves.yaml -> live" in summary(Config.read(write(door % "null"), {}))[0]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("set: [through.fials_at=3]", "through.py has no parameter 'fials_at'; did you mean 'fails_at'?"),
        ("set: [thruogh.fails_at=3]", "set: thruogh.fails_at=3: the graph has no node or output 'thruogh'"),
        ("set: [through]", "set: through: wanted node.parameter=value"),
        ("graph: none.yaml", "none.yaml: there is no such file"),
    ],
)
def test_a_fault_in_what_is_said_of_a_camera_names_file_and_camera(
    clip: Path, write: Write, said: str, wanted: str
) -> None:
    """It named a line of the graph, where nothing is wrong, or a --set that nobody typed."""
    path = write(f"  film: chaos:{clip}\n  door: {{url: 'chaos:{clip}', {said}}}\n")
    with pytest.raises(UsageError) as caught:
        summary(Config.read(path, {}))
    told = str(caught.value)
    assert told.startswith(f"{path}: camera door: ")
    assert wanted in told
    assert ("the graph itself is sound" in told) == said.startswith("set")


def test_a_camera_that_was_never_there_can_be_let_go_of(
    write: Write, watched: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ending does not wait for the next try; it was waited for, not lost."""
    monkeypatch.setattr(Backoff, "next", lambda *_: 600.0)
    stand = watched(write("  door: {url: 'rtsp://127.0.0.1:1/x', lost_after_s: 0}\n"))
    stand.until(lambda: stand.watcher.recent.kinds().get("camera_lost"))
    lane = stand.watcher.lane("door")
    assert lane is not None
    assert lane.row()["status"] == "waiting"
    assert "refused" in lane.row()["why"]
    lane.stop()
    assert lane.join(60)


def test_a_camera_that_is_given_up_ends_the_program(write: Write, watched: Begin) -> None:
    """With `retry: never`, once no camera is left; reading the file again tries it again."""
    stand = watched(write("  door: {url: 'rtsp://127.0.0.1:1/x', retry: never}\n"))
    stand.until(stand.watcher.settled)
    given_up = stand.watcher.lane("door")
    stand.watcher.reload()
    stand.until(lambda: stand.watcher.lane("door") not in (None, given_up))
    stand.until(stand.watcher.settled)


def test_a_bug_before_one_camera_is_told_and_tried_again(
    clip: Path, write: Write, watched: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is raised, the lane goes on, and says where it was."""
    raised: list[int] = []

    def load(graph: GraphFile) -> Plan:
        if not raised:
            raised.append(1)
            raise KeyError("nobody foresaw this")
        return real(graph)

    real = plan_module.load
    monkeypatch.setattr(lane_module, "load", load)
    stand = watched(write(f"  film: chaos:{clip}?loops=forever\n"))
    stand.until(lambda: stand.frames("film") > 2)
    assert any(
        "this is a bug in vidface: KeyError" in text and "test_watcher.py" in text for text in stand.said
    )


def test_the_file_is_read_again(clip: Path, write: Write, watched: Begin) -> None:
    """One is added, one removed, one changed; the fourth is not touched. A broken file changes nothing."""
    film = f"chaos:{clip}?loops=forever"
    stand = watched(write("".join(f"  {name}: {film}\n" for name in ("a", "b", "c"))))
    stand.until(lambda: min(stand.frames(name) for name in ("a", "b", "c")) > 2)
    kept = stand.watcher.lane("a")
    path = write(f"  a: {film}\n  c: {{url: '{film}', rate: 5}}\n  d: {film}\n")
    stand.watcher.reload()
    stand.until(lambda: stand.frames("d") > 2 and stand.frames("c") > 2)
    assert [lane.plan.name for lane in stand.watcher.lanes()] == ["a", "c", "d"]
    assert stand.watcher.lane("a") is kept
    changed = stand.watcher.lane("c")
    assert changed is not None
    assert changed.plan.settings.rate == 5
    assert any(text.endswith("read again; added d; removed b; changed c") for text in stand.said)
    stand.until(lambda: stand.watcher.account()["gone"].keys() == {"b", "c"})
    path.write_text("version: 1\ncamras: {}\n", encoding="utf-8")
    stand.watcher.reload()
    assert any("did you mean 'cameras'" in text for text in stand.said)
    assert stand.watcher.lane("a") is kept


def test_another_folder_of_the_file_counts_only_where_none_was_named(write: Write, folder: Path) -> None:
    """With `-o`, what the file says of its folder, and changes there, are nobody's news."""
    said: list[str] = []
    path = write("  a: rtsp://127.0.0.1:1/x\n")
    for elsewhere in (folder / "other", None):
        watcher = Watcher(Config.read(path, {}, elsewhere=elsewhere), tell=said.append)
        try:
            said.clear()
            watcher.reload()
            path.write_text(path.read_text().replace("out: out", "out: third"), encoding="utf-8")
            watcher.reload()
            watcher.reload()
        finally:
            watcher.close()
            path.write_text(path.read_text().replace("out: third", "out: out"), encoding="utf-8")
        assert watcher.folder.path == (elsewhere or folder / "out")
        told = [text for text in said if not text.endswith("no camera changed")]
        assert told == ([] if elsewhere else ["out: changes there count from the next start on"])


def test_no_camera_begins_anew_for_what_is_not_its_own(
    clip: Path, write: Write, watched: Begin, folder: Path
) -> None:
    """Another webhook, rules of events that its graph does not tell, and for how long recordings are kept."""
    door = f"  a: {{url: 'chaos:{clip}?loops=forever', record: {{when: always, segment_s: 1, keep_h: %d}}}}\n"
    said = "events: {webhook: {url: 'http://127.0.0.1:1/%s'}, linger_s: %d}\n"
    path = write(door % 24)
    path.write_text(said % ("one", 60) + path.read_text(), encoding="utf-8")
    stand = watched(path)
    stand.until(lambda: stand.frames("a") > 2)
    kept = stand.watcher.lane("a")
    write(door % 720)
    path.write_text(said % ("two", 30) + path.read_text(), encoding="utf-8")
    stand.watcher.reload()
    assert stand.said[-2].endswith("read again; recordings kept for another time of a")
    assert stand.said[-1].startswith("the receivers of events: changes there count from the next start on")
    stand.watcher.tick()
    assert stand.watcher.lane("a") is kept
    stand.watcher.close()
    assert Recordings(folder / "out" / "a" / "recordings").remembered() == (720, 20)


def test_a_camera_that_is_taken_out_keeps_its_recordings(
    clip: Path, write: Write, watched: Begin, folder: Path
) -> None:
    """For as long as was said of it, not as the file says of others; also after the next start."""
    film = f"chaos:{clip}?loops=forever"
    kept = f"  a: {film}\n  b: {{url: '{film}', record: {{when: always, segment_s: 1, keep_h: 720}}}}\n"
    stand = watched(write(kept))
    segments = folder / "out" / "b" / "recordings"
    stand.until((segments / "index.jsonl").exists)
    old = next(segments.glob("*.mp4"))
    path = write(f"  a: {film}\n")
    stand.watcher.reload()
    stand.until(lambda: "b" in stand.watcher.account()["gone"])
    three_days_ago = time.time() - 3 * 86400
    os.utime(old, (three_days_ago, three_days_ago))
    assert stand.watcher._keeper.sweep() == {}
    stand.watcher.close()
    again = watched(path)
    assert again.watcher._keeper.sweep() == {}
    assert old.exists()
    (segments / "keep.json").write_text("24 hours")
    assert again.watcher._keeper.sweep() == {}
    assert "its recordings stay" in again.said[-1]
    Recordings(segments).remember(24, None)
    assert again.watcher._keeper.sweep() == {"recordings": 1}


def test_cameras_come_and_go_by_the_control_api(
    clip: Path, server: RtspServer, write: Write, watched: Begin
) -> None:
    """One that was added stays when the file is read again; wrong ones are refused."""
    film = f"chaos:{clip}?loops=forever"
    stand = watched(write(f"  a: {film}\n"))
    stand.watcher.add("b", {"url": server.url})
    stand.until(lambda: stand.frames("b") > 2)
    stand.watcher.reload()
    stand.until(lambda: stand.watcher.lane("b") is not None)
    with pytest.raises(UsageError, match="already"):
        stand.watcher.add("b", {"url": server.url})
    with pytest.raises(UsageError, match="no live input"):
        stand.watcher.add("c", {"url": "clip.mp4"})
    stand.watcher.remove("b")
    stand.until(lambda: stand.watcher.lane("b") is None)
    with pytest.raises(UsageError, match="there is no camera 'b'"):
        stand.watcher.remove("b")


def test_a_folder_has_one_watcher(clip: Path, write: Write, watched: Begin) -> None:
    """A second program is refused before it calls any camera; afterwards the folder is free."""
    path = write(f"  a: chaos:{clip}\n")
    stand = watched(path)
    with pytest.raises(UsageError, match="another vidface watch writes"):
        Watcher(Config.read(path, {}), tell=stand.said.append)
    stand.watcher.close()
    Watcher(Config.read(path, {}), tell=stand.said.append).close()


def test_a_disk_that_is_full_at_the_start_keeps_nobody_from_watching(
    clip: Path, write: Write, watched: Begin, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is over its time goes first; where that is not enough, the camera is watched all the same."""
    old = folder / "out/events/events-2021-01-01.jsonl"
    old.parent.mkdir(parents=True)
    old.write_text("{}\n")
    seen: list[bool] = []

    def fan(*given: Any, **more: Any) -> Any:
        seen.append(old.exists())
        return open_fan(*given, **more)

    def refuse(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    usage = shutil.disk_usage(folder)
    monkeypatch.setattr("vidface.watch.watcher.open_fan", fan)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    monkeypatch.setattr(os, "fsync", refuse)
    stand = watched(write(f"  film: chaos:{clip}?loops=forever\n"))
    stand.until(lambda: stand.frames("film") > 3)
    assert seen == [False]
    assert (
        "film: the disk is full; it is watched, but the account of this session is not written" in stand.said
    )


def test_letters_go_by_the_receivers_of_the_file(
    clip: Path, write: Write, watched: Begin, folder: Path
) -> None:
    """Old ones of a receiver that was taken out; of one that is there its own settings count."""
    path = write(f"  a: chaos:{clip}\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(f"events: {{redis: {{url: 'redis://127.0.0.1:{free_port()}', spool_h: 8000}}}}\n")
    letters = [folder / "out/spool" / name / "0000000000000001.letter" for name in ("webhook", "redis")]
    for letter in letters:
        letter.parent.mkdir(parents=True)
        letter.write_bytes(pack(letter_of(an_event(), pictures=False)))
        os.utime(letter, (time.time() - 30 * 86_400,) * 2)
    stand = watched(path)
    stand.until(lambda: not letters[0].exists())
    assert letters[1].exists()


def test_passwords_are_in_no_file_and_no_sentence(
    server: RtspServer, write: Write, watched: Begin, folder: Path
) -> None:
    """Neither while it is watched nor when the camera refuses it."""
    server.login = "me:hushhush"
    right, wrong = server.url, server.url.replace("hushhush", "wrongword")
    stand = watched(write(f"  a: '{right}'\n  b: {{url: '{wrong}', lost_after_s: 0}}\n"))
    stand.until(lambda: stand.frames("a") > 3 and stand.watcher.recent.kinds().get("camera_lost"))
    stand.watcher.close()
    texts = [path.read_text() for path in (folder / "out").rglob("*.json*")] + stand.said
    assert any("(401)" in text for text in texts)
    assert not [text for text in texts if "hushhush" in text or "wrongword" in text]


def _has_frames(stand: Watched) -> bool:
    return stand.frames("a") > 3


def _opened() -> set[object]:
    """Threads, and files with what they lead to; but the folder that is looked into for that."""
    files = Path("/proc/self/fd")
    found: set[object] = set(threading.enumerate())
    for path in files.iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add((path.name, path.readlink()))
    return {each for each in found if not (isinstance(each, tuple) and each[1].name == "fd")}


def test_what_one_watcher_opened_it_closes(clip: Path, write: Write, watched: Begin) -> None:
    """No thread and no open file of its own is left; what others left may end meanwhile."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc")
    path = write(f"  a: chaos:{clip}?loops=forever\n")
    for _ in range(2):  # the first opens what stays open, such as libraries
        before = _opened()
        stand = watched(path)
        stand.until(partial(_has_frames, stand))
        stand.watcher.close()
    until(lambda: _opened() <= before)
