"""Watcher: which cameras are watched, now; adds, removes and changes them while the others go on."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import RLock
from typing import Any, Final

from vidface.data.telling import unfailing
from vidface.data.times import time_of_day
from vidface.errors import OutputError, UsageError, VidfaceError
from vidface.events.fan import open_fan
from vidface.infer.pool import Pool
from vidface.media.live.recordings import Recordings
from vidface.media.live.recordsettings import RecordSettings
from vidface.version import __version__
from vidface.watch._steadyclock import SteadyClock
from vidface.watch.alarm import Alarms
from vidface.watch.check import checked
from vidface.watch.config import Config
from vidface.watch.folder import WatchFolder
from vidface.watch.keep import SPOOL, Keeper
from vidface.watch.lane import Lane
from vidface.watch.machine import process_facts
from vidface.watch.order import Order, fixed, listed, wanted
from vidface.watch.recent import Recent
from vidface.watch.shared import Shared

EVENTS: Final = "events"
CLOCK: Final = "clock.json"
_WRITE_EVERY_S: Final = 10.0
_END_S: Final = 20.0
_GONE: Final = 50
_LITTLE_BYTES: Final = 256 * 2**20


class Watcher:
    """Lanes by camera. `tick` is called by one thread about once a second; the rest by any.

    Args:
        config: checked.
        tell: takes sentences.
        command: for run.json.

    Raises:
        UsageError: a graph is not sound, the folder cannot be written, or a receiver of events is not.
        ModelError: a model is missing.
    """

    def __init__(self, config: Config, *, tell: Callable[[str], None], command: tuple[str, ...] = ()) -> None:
        self._config = config
        self._tell = tell = unfailing(tell)
        orders = self._orders(config)
        self.folder = WatchFolder(config.out)
        self._lock = RLock()
        self._orders_now = orders
        events, log, clock = config.spec.events, config.out / EVENTS, SteadyClock(config.out / CLOCK)
        self._keeper = Keeper(
            config.out,
            config.spec.keep,
            record=self._recorded,
            receivers=events.named(),
            tell=tell,
            clock=clock,
        )
        if shutil.disk_usage(config.out).free < _LITTLE_BYTES:
            self._keeper.sweep()  # what is over its time makes room for what is about to be opened
        self._fan = open_fan(events, log=log, spool=config.out / SPOOL, tell=tell, clock=clock.now)
        self.recent = Recent(log, self._fan)
        self.pool = Pool()
        noted = self._keeper.log.note
        self._shared = Shared(
            self.pool, self.recent, tell, config.out, command, deleted=noted, clock=clock.now
        )
        self._lanes: dict[str, Lane] = {}
        self._leaving: list[Lane] = []
        self._alarms = {name: Alarms(since) for name, since in self.folder.told_lost().items()}
        self._gone: dict[str, dict[str, Any]] = {}
        self._began_utc = time.time()
        self._written = 0.0
        self._trouble: str | None = None
        self._closed = False
        self._keeper.start()

    @property
    def began_utc_s(self) -> float:
        """When it began, seconds since 1970."""
        return self._began_utc

    @property
    def trouble(self) -> str | None:
        """Why watch.json could not be written the last time."""
        return self._trouble

    @property
    def told_to(self) -> dict[str, Any]:
        """What became of events: `lost`, and an account for each receiver."""
        return self._fan.facts()

    @property
    def kept(self) -> dict[str, Any]:
        """What was deleted since its time was over; `cause`: why that failed."""
        return self._keeper.facts()

    def lanes(self) -> list[Lane]:
        """Those of the cameras that are watched, in the order of the file."""
        with self._lock:
            return [self._lanes[name] for name in self._orders_now if name in self._lanes]

    def lane(self, name: str) -> Lane | None:
        """That of one camera."""
        with self._lock:
            return self._lanes.get(name)

    def settled(self) -> bool:
        """Nobody is watched any more: each camera was given up."""
        lanes = self.lanes()
        return bool(lanes) and not self._leaving and all(lane.ended for lane in lanes)

    def tick(self) -> None:
        """Begin and end lanes as ordered, look after each, and write the account."""
        with self._lock:
            if self._closed:
                return
            self._leaving = [lane for lane in self._leaving if not self._left(lane)]
            self._meet()
            lanes = list(self._lanes.values())
        told = [lane for lane in lanes if lane.look_after()]
        if told or time.monotonic() - self._written >= _WRITE_EVERY_S:
            self.write()

    def reload(self) -> None:
        """Read the file again; where it is not sound, everything stays as it is.

        Cameras that were given up are tried again.
        """
        try:
            before = self._config
            config = Config.read(before.path, before.environment, elsewhere=before.elsewhere)
            orders = self._orders(config)
        except VidfaceError as error:
            self._tell(f"{error}; everything stays as it was")
            return
        later = fixed(before, config)
        with self._lock:
            kept = {name: order for name, order in self._orders_now.items() if order.added}
            known = set(self._orders_now)
            self._config = config
            self._orders_now = {**kept, **orders}
            for name in [name for name, lane in self._lanes.items() if lane.ended]:
                self._leaving.append(self._lanes.pop(name))
            now = set(self._orders_now)
            stay = {name: lane for name, lane in self._lanes.items() if name in now}
            changed = {name for name, lane in stay.items() if self._differs(name, lane)}
            kept_for = {
                name
                for name in stay.keys() - changed
                if self._orders_now[name].plan.record != stay[name].plan.record
            }
        told = [listed("added", now - known), listed("removed", known - now), listed("changed", changed)]
        told.append(listed("recordings kept for another time of", kept_for))
        self._tell(f"{config.path}: read again; {'; '.join(filter(None, told)) or 'no camera changed'}")
        if later:
            self._tell(f"{', '.join(later)}: changes there count from the next start on")

    def add(self, name: str, settings: Mapping[str, Any]) -> None:
        """Watch one more camera, until the end of the program.

        Raises:
            UsageError: the name is taken, or the settings are not sound.
        """
        plan = self._config.camera(name, settings)
        order = Order(plan, checked(plan), added=True)
        with self._lock:
            if name in self._orders_now:
                raise UsageError(f"there is a camera {name!r} already")
            self._orders_now[name] = order

    def remove(self, name: str) -> None:
        """Watch it no longer; one of the file comes back when that is read again.

        Raises:
            UsageError: there is no such camera.
        """
        with self._lock:
            if self._orders_now.pop(name, None) is None:
                raise UsageError(f"there is no camera {name!r}")

    def write(self, status: str = "running") -> None:
        """Write watch.json now."""
        self._written = time.monotonic()
        try:
            self.folder.write(self.account(status))
            self._trouble = None
        except OutputError as error:
            if self._trouble is None:
                self._tell(str(error))
            self._trouble = str(error)

    def account(self, status: str = "running") -> dict[str, Any]:
        """What watch.json says."""
        with self._lock:
            lanes, gone = self.lanes(), dict(self._gone)
        return {
            "version": __version__,
            "status": status,
            "started": time_of_day(self._began_utc),
            "updated": time_of_day(time.time()),
            "config": str(self._config.path),
            "process": process_facts(),
            "cameras": {lane.plan.name: lane.row() for lane in lanes},
            "gone": gone,
            "events": {"told": self.recent.kinds(), **self.told_to},
            "kept": self.kept,
            "models": self.pool.facts(),
        }

    def close(self) -> None:
        """End all lanes in order, then the rest; what is late is told and left. Safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            lanes = [*self._lanes.values(), *self._leaving]
        for lane in lanes:
            lane.stop()
        until = time.monotonic() + _END_S
        late = [lane.plan.name for lane in lanes if not lane.join(max(0.0, until - time.monotonic()))]
        if late:
            self._tell(f"{', '.join(late)}: did not end within {_END_S:.0f} s, and was left")
        self._keeper.close()
        self._fan.close()
        self.write("ended")
        self.folder.close()

    def _recorded(self, camera: str) -> RecordSettings:
        """What counts for the recordings of a camera; of one that is watched no more, what counted last."""
        with self._lock:
            order, record = self._orders_now.get(camera), self._config.spec.record
        recordings = Recordings(self.folder.path / camera / "recordings")
        if order is not None:
            with suppress(OSError):  # a full disk keeps nothing from being deleted
                recordings.remember(order.plan.record.keep_h, order.plan.record.keep_gb)
            return order.plan.record
        try:
            kept = recordings.remembered() or (record.keep_h, record.keep_gb)
        except OSError as error:
            self._tell(f"{camera} is watched no more, and its recordings stay: {error}")
            kept = None, None
        return record.model_copy(update={"keep_h": kept[0], "keep_gb": kept[1]})

    def _orders(self, config: Config) -> dict[str, Order]:
        """Orders of a file; each graph is loaded for it, which checks it."""
        return {plan.name: Order(plan, checked(plan, config.path)) for plan in config.cameras}

    def _meet(self) -> None:
        """Begin and end lanes so that they are as ordered."""
        for name, lane in list(self._lanes.items()):
            if name not in self._orders_now or self._differs(name, lane):
                lane.stop()
                self._leaving.append(self._lanes.pop(name))
        leaving = {lane.plan.name for lane in self._leaving}
        for name, order in self._orders_now.items():
            if name in self._lanes:
                self._lanes[name].keep(order.plan)
            elif name not in leaving:
                alarms = self._alarms.setdefault(name, Alarms())
                alarms.handed_on()
                self._lanes[name] = Lane(order.plan, self._shared, graph=order.graph, alarms=alarms)
                self._lanes[name].start()

    def _differs(self, name: str, lane: Lane) -> bool:
        order = self._orders_now[name]
        return wanted(order.plan, order.graph) != wanted(lane.plan, lane.graph)

    def _left(self, lane: Lane) -> bool:
        if not lane.join(0):
            return False
        self._gone[lane.plan.name] = lane.row()
        for name in list(self._gone)[:-_GONE]:
            del self._gone[name]
            if name not in self._orders_now:
                self._alarms.pop(name, None)
        return True
