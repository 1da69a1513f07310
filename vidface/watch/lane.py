"""Lane: one camera and the graph over it, in a thread of their own, begun anew whenever they end."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from vidface.data.times import time_of_day
from vidface.errors import InputError, VidfaceError
from vidface.graph.plan import load
from vidface.graph.run import Run, run
from vidface.media.live.address import LiveAddress, live_address
from vidface.media.live.options import Hangup, LiveOptions
from vidface.media.live.retry import Backoff, retry_limit
from vidface.media.live.source import LiveSource
from vidface.watch._mishap import mishap
from vidface.watch.account import CameraAccount
from vidface.watch.alarm import STEADY_S, Alarms
from vidface.watch.check import Checked
from vidface.watch.config import CameraPlan
from vidface.watch.sessions import Sessions
from vidface.watch.shared import Shared
from vidface.watch.station import CameraStation
from vidface.watch.voice import Voice

_NOTE_EVERY_S: Final = 1.0
_ANEW_S: Final = 10.0
_WRITE_NOTHING: Final = frozenset({"events", "live"})
"""Outputs that hand on what they have; no file of the session is theirs."""


class Lane:
    """Watches one camera until `stop`; its troubles are its own.

    The first picture is waited for, then the graph begins; the camera counts as watched from the first frame
    that has been through it. Where either fails or ends, both begin anew after 1 to 60 s, ever later until a
    graph has worked for a minute. A camera that is recorded does not wait for a graph that failed: it is
    called again at once, and the graph alone waits.
    After `evict_after_s` without a picture the graph is closed (its models, memory and files); the camera
    alone is called on, and the graph begins anew with the next picture.

    Args:
        graph: that of the plan, as it was checked; what became of its file since then counts for nothing.
            The Python files of its nodes are read at the beginning of each session.
        alarms: of the camera, from the lane before it.
    """

    def __init__(self, plan: CameraPlan, shared: Shared, *, graph: Checked, alarms: Alarms) -> None:
        self.plan = plan
        self.graph = graph
        self.account = CameraAccount(plan.name)
        self._voice = Voice(plan.name, shared.tell)
        self._recorder = shared.recorder(plan)
        posts = (shared.post,) if self._recorder is None else (self._recorder, shared.post)
        self.station = CameraStation(plan.name, *posts)
        self._shared = shared
        self._sessions = Sessions(shared.out / plan.name)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._hangup = Hangup()
        self._run: Run | None = None
        self._graph_due = 0.0
        self._calling = True
        self._evicting = False
        self._first_frame: float | None = None
        self._alarms = alarms
        self._thread = threading.Thread(target=self._work, name=f"lane-{plan.name}", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end in order; returns at once, and may be called twice."""
        self._stopping.set()
        with self._lock:
            work, hangup = self._run, self._hangup
        if work is None or not work.finish():
            hangup()

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; False where it has not ended by then."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def keep(self, plan: CameraPlan) -> None:
        """Recordings are kept as long as this plan says; all else of it is as it was."""
        if plan != self.plan:
            self.plan = plan
            if self._recorder is not None:
                self._recorder.keep(plan.record)

    @property
    def recorded(self) -> dict[str, Any] | None:
        """The account of the recording, see `Recorder.facts`; None where nothing is recorded."""
        return None if self._recorder is None else self._recorder.facts()

    @property
    def recording(self) -> str | None:
        """What is recorded, in words; None where nothing is."""
        facts = self.recorded
        return None if facts is None else f"{facts['when']}: {facts['cause'] or facts['state']}"

    @property
    def overdue(self) -> bool:
        """It was never there, and should be by now."""
        account = self.account
        told = account.status == "waiting" and account.why is not None
        return told and account.away_s >= self.plan.settings.lost_after_s

    @property
    def ended(self) -> bool:
        """Nobody watches the camera any more, and nobody will."""
        return self.account.status == "stopped"

    def row(self) -> dict[str, Any]:
        """For watch.json; `told_lost`: since when the camera is lost, where that was told."""
        lost = self._alarms.lost_utc_s
        told = {"told_lost": None if lost is None else time_of_day(lost)}
        return {**self.account.row(), **told, "events": dict(self.station.told), "recorded": self.recorded}

    def look_after(self) -> bool:
        """Called now and then from one other thread: tells of a lost camera, and closes its idle graph.

        Returns:
            Something was told.
        """
        account, settings = self.account, self.plan.settings
        now = account.standing
        alarm = self._alarms.look(now, settings.lost_after_s)
        if alarm is not None:
            self.station.report(alarm.kind, **alarm.details)
        away = now.status in ("waiting", "lost") and not account.there
        with self._lock:
            idle = away and now.lasts_s >= settings.evict_after_s
            work = self._run if idle else None
            self._evicting = self._evicting or work is not None
        if work is not None:
            work.finish()
        return alarm is not None

    def _work(self) -> None:
        try:
            while not (self._watched_on() or self._stopping.wait(_ANEW_S)):
                continue
        finally:
            self._sessions.tidy()
            if self._recorder is not None:
                self._recorder.close()

    def _watched_on(self) -> bool:
        """False where a bug outside the sessions ended it: no camera stays unwatched for that."""
        try:
            self._watch_on()
        except Exception as error:  # noqa: BLE001 - as in `_guarded`
            self.account.failed(str(mishap(error)))
            self._voice.say(f"{mishap(error)}; beginning anew in {_ANEW_S:.0f} s")
            return False
        return True

    def _watch_on(self) -> None:
        limit = retry_limit(self.plan.settings.retry)
        backoff = Backoff(limit)
        while not self._stopping.is_set():
            trouble = self._guarded()
            if self._stopping.is_set():
                break
            if trouble is None and self._evicting:
                self._evicting = False
                continue
            if self._first_frame is not None and time.monotonic() - self._first_frame > STEADY_S:
                backoff.succeeded()
            kind = "password" if self._calling and isinstance(trouble, InputError) else "lost"
            text = str(trouble or "it ended")
            # The connection has counted its own tries already.
            wait = None if limit is not None and kind == "password" else backoff.next(kind)
            if wait is None:
                self.account.stopped(text)
                self._voice.say(f"{text}; given up")
                return
            self.account.failed(text)
            if trouble is not None and not self._calling:
                self._alarms.failed()
            self._voice.say(f"{text}; beginning anew in {wait:.0f} s")
            if self._recorder is None or trouble is None or self._calling:
                self._stopping.wait(wait)
            else:  # recording goes on
                self._graph_due = time.monotonic() + wait
        self.account.stopped("watched no longer", error=False)

    def _guarded(self) -> Exception | None:
        """One session; what ended it, if that was not asked for."""
        try:
            self._session()
        except VidfaceError as error:
            return error
        except Exception as error:  # noqa: BLE001 - what fails before one camera must not end the others
            return mishap(error)
        finally:
            self.account.ended()
        return None

    def _session(self) -> None:
        """From the first picture to the end of the graph."""
        self._calling, self._first_frame = True, None  # trouble is the camera's, not the graph's
        with self._lock:
            self._hangup = Hangup()
        if self._stopping.is_set():
            return
        source = LiveSource(self._address(), self._options())
        try:
            if not self._stopping.wait(max(0.0, self._graph_due - time.monotonic())):
                self._watch(source)
        finally:
            source.close()
            if self._recorder is not None:
                self._recorder.nobody()  # a graph that failed told of no leaving

    def _watch(self, source: LiveSource) -> None:
        self._calling = False
        plan = load(self.graph.file)
        only_account = all(outlet.use in _WRITE_NOTHING for outlet in plan.outlets)
        session, folder = self._sessions.begin(only_account=only_account)
        if self._sessions.in_memory:
            self._voice.say("the disk is full; it is watched, but the account of this session is not written")
        self.station.session = session
        self.account.began()
        with self._shared.pool.lane(self.plan.name) as lane:
            work = run(
                plan,
                self.plan.url,
                folder,
                source=source,
                rotate=self.plan.settings.rotate,
                pool=lane,
                station=self.station,
                command=self._shared.command,
                tell=self._voice.say,
            )
            with self._lock:
                self._run = work
            try:
                self._serve(work, source)
            finally:
                with self._lock:
                    self._run = None
                self.account.noted(work.report, source.facts())
                self._sessions.tidy()
        if self._evicting:
            self.account.evicted()
            self._voice.say("no picture for long; its graph is closed until it comes back")

    def _serve(self, work: Run, source: LiveSource) -> None:
        noted = 0.0
        with work:
            if self._stopping.is_set():
                work.finish()
            for tick in work:
                # Noted first: who sees a frame counted finds the connection it came over counted too.
                if time.monotonic() - noted >= _NOTE_EVERY_S:
                    noted = time.monotonic()
                    self.account.noted(work.report, source.facts())
                self.account.looked(tick)
                self._first_frame = self._first_frame or time.monotonic()

    def _address(self) -> LiveAddress:
        address = live_address(self.plan.url)
        if address is None:
            raise InputError(f"{self.plan.name}: its address is no live input.")
        return address

    def _options(self) -> LiveOptions:
        settings = self.plan.settings
        return LiveOptions(
            retry=retry_limit(settings.retry),
            transport=settings.transport,
            trusted=settings.trusted,
            staleness_s=settings.staleness_s,
            rate=settings.rate,
            rotate=settings.rotate,
            tell=self._voice.say,
            lost=self.account.went,
            back=lambda _away_s: self.account.came(),
            hangup=self._hangup,
            recorder=self._recorder,
        )
