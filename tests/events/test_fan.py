"""Fan: everybody gets everything, nobody makes a camera wait, and what goes wrong is told once."""

from __future__ import annotations

import json
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.events.receivers import Receiver, an_event, free_port, until
from vidface.data.event import Event
from vidface.errors import OutputError, UsageError
from vidface.events.fan import Fan, open_fan
from vidface.events.log import latest
from vidface.events.settings import EventSettings


@dataclass
class Outlet:
    """Keeps what it gets; `fails` so many times first; waits for `gate`."""

    fails: int = 0
    error: Exception = field(default_factory=lambda: OutputError("x could not be written: full"))
    gate: threading.Event = field(default_factory=threading.Event)
    events: list[Event] = field(default_factory=list)
    closed: bool = False

    def send(self, event: Event) -> None:
        self.gate.wait(60)
        if self.fails:
            self.fails -= 1
            raise self.error
        self.events.append(event)

    def facts(self) -> dict[str, Any]:
        return {"taken": len(self.events)}

    def close(self) -> None:
        self.closed = True


def ready(**how: Any) -> Outlet:
    """An outlet that does not wait."""
    outlet = Outlet(**how)
    outlet.gate.set()
    return outlet


def test_everybody_gets_everything_in_order() -> None:
    one, two = ready(), ready()
    fan = Fan({"one": one, "two": two})
    for n in range(100):
        fan.send(an_event(n))
    fan.close()
    assert [event.track for event in one.events] == [str(n) for n in range(100)]
    assert one.events == two.events
    assert one.closed
    assert fan.facts() == {
        "lost": 0,
        "one": {"taken": 100, "not_taken": 0},
        "two": {"taken": 100, "not_taken": 0},
    }


@pytest.mark.parametrize(
    "error",
    [
        OutputError("full"),
        OSError(5, "Input/output error"),
        ValueError("year 60000"),
        TypeError("no plain value"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_one_that_fails_does_not_harm_the_others(error: Exception) -> None:
    """Told when it begins and when it is over, with the count."""
    told: list[str] = []
    bad, good = ready(fails=3, error=error), ready()
    fan = Fan({"bad": bad, "good": good}, tell=told.append)
    for n in range(5):
        fan.send(an_event(n))
    fan.close()
    assert len(good.events) == 5
    assert [event.track for event in bad.events] == ["3", "4"]
    assert told == [
        f"bad: {error}; events go on, and this is tried with each.",
        "bad: takes events again; 3 were lost, or their pictures.",
    ]
    assert fan.facts()["bad"]["not_taken"] == 3


def test_a_disk_that_hangs_makes_nobody_wait() -> None:
    """What has no room is counted; sending stays quick; closing gives up in time and says so."""
    told: list[str] = []
    stuck = Outlet()
    fan = Fan({"log": stuck}, tell=told.append, room=10)
    begin = time.monotonic()
    for n in range(500):
        fan.send(an_event(n))
    assert time.monotonic() - begin < 60
    assert fan.facts()["lost"] in (489, 490)  # one may be on its way already
    begin = time.monotonic()
    fan.close(0.2)
    assert time.monotonic() - begin < 60
    assert "what waited for it at the end is lost" in told[-1]
    assert sum("too many events wait" in text for text in told) == 1
    stuck.gate.set()


def test_many_cameras_at_once() -> None:
    """From many threads nothing is lost, and each camera's events stay in order."""
    outlet = ready()
    fan = Fan({"all": outlet}, room=5000)

    def lane(camera: str) -> None:
        for n in range(200):
            fan.send(an_event(n, camera=camera))

    lanes = [threading.Thread(target=lane, args=(f"camera {n}",)) for n in range(16)]
    for each in lanes:
        each.start()
    for each in lanes:
        each.join()
    fan.close()
    assert len(outlet.events) == 3200
    for n in range(16):
        own = [event.track for event in outlet.events if event.camera == f"camera {n}"]
        assert own == [str(n) for n in range(200)]


def test_life_after_the_end() -> None:
    """Closing twice is nothing; what comes later is counted."""
    outlet = ready()
    fan = Fan({"log": outlet})
    fan.close()
    fan.close()
    fan.send(an_event())
    assert (outlet.events, fan.facts()["lost"]) == ([], 1)


def test_the_log_and_a_webhook(tmp_path: Path) -> None:
    """Opened as the user says: the log names the picture that the letter names."""
    with Receiver() as receiver:
        settings = EventSettings.model_validate({"webhook": {"url": receiver.url}})
        fan = open_fan(settings, log=lambda camera: tmp_path / camera, spool=tmp_path / "spool")
        fan.send(an_event(7))
        assert until(lambda: receiver.posts)
        fan.close()
    (row,) = latest(tmp_path / "door", 5)
    assert json.loads(receiver.posts[0].body)["event"] == row
    assert (tmp_path / "door" / row["shot"]).is_file()
    assert fan.facts()["webhook"]["delivered"] == 1
    assert fan.facts()["log"] == {"written": 1, "not_taken": 0}


def test_a_log_that_cannot_be_written_does_not_stop_the_webhook(tmp_path: Path) -> None:
    """Its folder is taken away, and comes back; an event with a time that is none is one event lost."""
    told: list[str] = []
    log = tmp_path / "log"
    log.write_text("in the way")
    with Receiver() as receiver:
        settings = EventSettings.model_validate({"webhook": {"url": receiver.url}})
        fan = open_fan(settings, log=log, spool=tmp_path / "spool", tell=told.append)
        fan.send(an_event(1))
        assert until(lambda: len(receiver.posts) == 1)
        log.unlink()
        fan.send(an_event(2))
        fan.send(an_event(3, utc_s=float("nan")))
        fan.send(an_event(4, details=MappingProxyType({"score": float("nan")})))
        fan.send(an_event(5))
        assert until(lambda: len(receiver.posts) == 3)
        fan.close()
    assert [row["track"] for row in latest(log, 9)] == ["5", "2"]
    assert receiver.tracks == ["1", "2", "5"]
    assert "could not be written" in told[0]
    assert "log: takes events again; 1 were lost, or their pictures." in told


def test_faces_that_travel_unencrypted_are_told(tmp_path: Path) -> None:
    """To another machine, but not on this one."""
    told: list[str] = []
    settings = EventSettings.model_validate({"webhook": {"url": "http://ann:pw@camera-server.example/x"}})
    open_fan(settings, log=tmp_path, spool=tmp_path / "a", tell=told.append).close()
    assert told == [
        "webhook http://camera-server.example: events with names and faces travel there unencrypted."
    ]
    for url in (f"http://127.0.0.1:{free_port()}", "https://camera-server.example"):
        settings = EventSettings.model_validate({"webhook": {"url": url}})
        open_fan(settings, log=tmp_path, spool=tmp_path / "a", tell=told.append).close()
    assert len(told) == 1


def test_a_secret_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, by the name of the variable."""
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    settings = EventSettings.model_validate(
        {"webhook": {"url": "https://a.example", "secret_env": "HOOK_SECRET"}}
    )
    with pytest.raises(UsageError, match=r"HOOK_SECRET, but that environment variable is not set"):
        open_fan(settings, log=tmp_path, spool=tmp_path)
    shutil.rmtree(tmp_path)
