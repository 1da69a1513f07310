"""WatchBoard: what the live page shows of the cameras that are watched, and whom it asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from vidface.watch._lately import Lately
from vidface.watch.machine import process_facts
from vidface.watch.watcher import Watcher
from vidface.web.board import CameraView, Health, Measure, Shown, Told

_TOLD: Final = {
    "memory_mb": ("memory_mib", "Resident memory of the program."),
    "threads": ("threads", "Threads of the program."),
    "open_files": ("open_files", "Open files of the program."),
}


class WatchBoard:
    """A `vidface.web.board.Board` over a watcher."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._lately = Lately()

    def cameras(self) -> Sequence[CameraView]:
        """All of them, in the order of the user's file."""
        return [
            replace(lane.account.view(), recording=lane.recording, overdue=lane.overdue)
            for lane in self._watcher.lanes()
        ]

    def shown(self, camera: str) -> Shown | None:
        """The newest picture; the last one of a lost camera."""
        lane = self._watcher.lane(camera)
        newest = None if lane is None else lane.station.newest
        return None if newest is None else Shown(*newest)

    def events(self, limit: int) -> Sequence[Told]:
        """The latest, newest first."""
        return self._watcher.recent.latest(limit)

    def shot(self, name: str) -> bytes | None:
        """The picture of an event."""
        return self._watcher.recent.shot(name)

    def health(self) -> Health:
        """Failing where no camera at all is watched, though some should be.

        Losses are noted for an hour; /metrics counts them for as long as the program runs.
        """
        watcher = self._watcher
        lanes = watcher.lanes()
        notes = [watcher.trouble] if watcher.trouble else []
        told_to = dict(watcher.told_to)
        lost = told_to.pop("lost")
        if self._lately.rose("lost", lost):
            notes.append(f"{lost} events were lost, since the disk was too slow for them")
        for name, facts in told_to.items():
            notes += [f"{name}: {text}" for text in _missing(name, facts, self._lately)]
        kept = watcher.kept["cause"]
        notes += [kept] if kept else []
        for lane in lanes:
            if (recorded := lane.recorded) is not None and recorded["cause"]:
                notes.append(f"{lane.plan.name} is not recorded: {recorded['cause']}")
        gone = [lane.account.status in ("lost", "stopped") or lane.overdue for lane in lanes]
        failing = bool(lanes) and all(gone)
        notes += ["no camera is watched at present"] if failing else []
        return Health(watcher.began_utc_s, tuple(notes), failing)

    def metrics(self) -> Iterator[Measure]:
        """The process, receivers, recordings, and events by camera and kind."""
        facts = process_facts()
        for key, (name, told) in _TOLD.items():
            if facts[key] is not None:
                yield Measure(name, told, float(facts[key]))
        yield from _of_receivers(self._watcher.told_to)
        for lane in self._watcher.lanes():
            if (recorded := lane.recorded) is not None:
                told = "1 while it is recorded as it should be, 0 where that fails."
                works = float(recorded["cause"] is None)
                yield Measure("camera_recording", told, works, labels={"camera": lane.plan.name})
        for lane in self._watcher.lanes():
            for kind, count in list(lane.station.told.items()):
                labels = {"camera": lane.plan.name, "kind": kind}
                yield Measure("events", "Events told.", float(count), "counter", labels)

    def add_camera(self, name: str, settings: Mapping[str, Any]) -> None:
        """Watch one more camera, until the end of the program; see `Watcher.add`."""
        self._watcher.add(name, settings)

    def remove_camera(self, name: str) -> None:
        """Watch it no longer; see `Watcher.remove`."""
        self._watcher.remove(name)


def _missing(name: str, facts: Mapping[str, Any], lately: Lately) -> Iterator[str]:
    """What a receiver of events, or their log, does not have, in words."""
    if facts.get("trouble"):
        yield str(facts["trouble"])
    if lately.rose((name, "not taken"), facts["not_taken"]):
        yield f"{facts['not_taken']} events, or their pictures, could not be taken since the program began"
    lost = facts.get("lost", {})
    if lately.rose((name, "lost"), sum(lost.values())):
        causes = ", ".join(f"{cause} {count}" for cause, count in lost.items())
        yield f"{sum(lost.values())} events were lost since the program began ({causes})"


def _of_receivers(told_to: Mapping[str, Any]) -> Iterator[Measure]:
    receivers = {name: facts for name, facts in told_to.items() if name != "lost"}
    for name, facts in receivers.items():
        if "waiting" in facts:
            told = "Events that wait for a receiver."
            yield Measure("events_waiting", told, float(facts["waiting"]), labels={"receiver": name})
    for name, facts in receivers.items():
        told = "Events, or their pictures, that the log or the spool of a receiver could not take."
        yield Measure("events_not_taken", told, float(facts["not_taken"]), "counter", {"receiver": name})
    told = "Events that were lost: before they reached the disk (receiver all), or on the way to a receiver."
    slow = {"receiver": "all", "cause": "the disk was too slow"}
    yield Measure("events_lost", told, float(told_to["lost"]), "counter", slow)
    for name, facts in receivers.items():
        for cause, count in facts.get("lost", {}).items():
            yield Measure("events_lost", told, float(count), "counter", {"receiver": name, "cause": cause})
