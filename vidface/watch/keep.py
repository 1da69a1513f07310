"""Keeper: deletes events, best shots, embeddings and recordings when their time is over.

Only plain files of the names below are deleted, never through a link; whatever else stands there stays.

    OUT/events/events-2026-11-21.jsonl                  events_days after that day
    OUT/events/shots/2026-11-21/...jpg                  shots_days after that day
    OUT/CAMERA/sessions/.../NAME/track_0007.jpg         shots_days after they were written
    OUT/CAMERA/sessions/.../heat/blend_0007_000120.jpg  shots_days after they were written, maps too
    OUT/CAMERA/sessions/.../NAME.npz with embeddings    embeddings_days after they were written
    OUT/CAMERA/recordings/20261121T183612.345Z.mp4      keep_h, keep_gb of the camera's record:, or of
                                                        keep.json beside it, where it is watched no more
    OUT/spool/RECEIVER/0000000000000007.letter          7 days after they were written, where events: names
                                                        that receiver no more; else it goes by its spool_h

OUT/deleted.jsonl says what went, when and why; without names of people.

What is old is so by `SteadyClock`. What was written on a wrong clock (ahead, or never set) counts from when
the clock was seen to be right.
"""

from __future__ import annotations

import re
import struct
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from vidface.data import filenames
from vidface.events.log import DAY_FILE, SHOT, SHOTS
from vidface.events.spool import LEFT, MOST_S
from vidface.media.live.recordings import SEGMENT, Recordings
from vidface.media.live.recordsettings import RecordSettings
from vidface.watch._deletionlog import DeletionLog
from vidface.watch._ownfolder import OwnFolder
from vidface.watch._steadyclock import SteadyClock

_EVERY_S: Final = 1800.0
_REMEMBER_S: Final = 60.0
"""A program that is killed again and again must not stand still in time."""
_EVENTS, _SESSIONS, _RECORDINGS = "events", "sessions", "recordings"
SPOOL: Final = "spool"
"""Folder of letters that wait, one folder a receiver."""
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_MEMBERS: Final = frozenset({"vector.npy", "track.npy", "model.npy"})
"""Of what the embeddings sink writes."""
_DAY_S: Final = 86_400.0


class KeepSettings(BaseModel):
    """For how long what is known of people is kept; null keeps it for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    events_days: float | None = Field(30.0, gt=0, description="Events, from the end of their UTC day.")
    shots_days: float | None = Field(7.0, gt=0, description="Best shots, from the end of their UTC day.")
    embeddings_days: float | None = Field(7.0, gt=0, description="Files of embeddings, since written.")


class Keeper:
    """Looks through the folder each half hour, in a thread of its own, between `start` and `close`.

    Args:
        out: folder of one `vidface watch`.
        settings: for how long.
        record: what counts for the recordings of a camera, by its name; also of one that is watched no more.
        receivers: names of those that look after their letters themselves.
        tell: takes sentences.
        clock: gives the time by which things are old.
    """

    def __init__(
        self,
        out: Path,
        settings: KeepSettings,
        *,
        record: Callable[[str], RecordSettings],
        receivers: Collection[str] = (),
        tell: Callable[[str], None],
        clock: SteadyClock | None = None,
    ) -> None:
        self.log = DeletionLog(out)
        self._clock = clock or SteadyClock()
        self._out, self._settings, self._record, self._tell = out, settings, record, tell
        self._receivers = frozenset(receivers)
        self._deleted: Counter[str] = Counter()
        self._trouble: str | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="keep", daemon=True)

    def start(self) -> None:
        """Begin; the first look comes at once."""
        self._thread.start()

    def close(self) -> None:
        """End, after the file that is just being deleted; safe to call twice."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._clock.remember()

    def facts(self) -> dict[str, Any]:
        """For watch.json: files deleted so far, by kind; why a look failed the last time.

        `clock_ahead_s`: the machine's clock has leapt so far, and is not believed yet.
        """
        cause, ahead_s = self._cause(), round(self._clock.behind_s)
        deleted = dict(self._deleted)
        return {**self._settings.model_dump(), "deleted": deleted, "cause": cause, "clock_ahead_s": ahead_s}

    def sweep(self) -> dict[str, int]:
        """Delete what is over its time, now; files deleted, by kind."""
        before = Counter(self._deleted)
        trouble = None
        for place in (self._events, self._shots, self._embeddings, self._recordings, self._letters):
            try:
                place()
            except OSError as error:
                trouble = f"what is over its time could not be deleted: {error.strerror or error}"
        if trouble is not None and trouble != self._trouble:
            self._tell(trouble)
        self._trouble = trouble
        return dict(self._deleted - before)

    def _cause(self) -> str | None:
        ended = self._thread.ident is not None and not self._thread.is_alive() and not self._closing.is_set()
        return "nothing is deleted any more: its thread has failed" if ended else self._trouble

    def _work(self) -> None:
        while not self._closing.is_set():
            self.sweep()
            for _ in range(int(_EVERY_S / _REMEMBER_S)):
                self._clock.remember()
                if self._closing.wait(_REMEMBER_S):
                    return

    def _events(self) -> None:
        days = self._settings.events_days
        with OwnFolder(self._out, _EVENTS) as here:
            named = [match for name in here.files() if (match := DAY_FILE.fullmatch(name)) is not None]
            over = [name for match in named for name in self._by_day(here, match[1], [match[0]], days)]
            self._delete(here, over, "events", _EVENTS, days)

    def _shots(self) -> None:
        days = self._settings.shots_days
        with OwnFolder(self._out, _EVENTS, SHOTS) as above:
            for day in [day for day in above.folders() if _DAY.fullmatch(day)]:
                place = f"{_EVENTS}/{SHOTS}/{day}"
                with OwnFolder(self._out, _EVENTS, SHOTS, day) as here:
                    names = [name for name in here.files() if SHOT.fullmatch(f"{SHOTS}/{day}/{name}")]
                    over = self._by_day(here, day, names, days)
                    self._delete(here, over, "shots", place, days)
                if over:
                    above.delete_empty(day)
        for parts in self._sessions():
            with OwnFolder(self._out, *parts) as session:
                folders = session.folders()
            for folder in folders:
                with OwnFolder(self._out, *parts, folder) as here:
                    over = self._old(here, days, partial(_crop, folder))
                    self._delete(here, over, "shots", "/".join((*parts, folder)), days)

    def _embeddings(self) -> None:
        days = self._settings.embeddings_days
        for parts in self._sessions():
            with OwnFolder(self._out, *parts) as here:
                old = self._old(here, days, lambda name: name.endswith(".npz"))
                over = [name for name in old if _holds_embeddings(here, name)]
                self._delete(here, over, "embeddings", "/".join(parts), days)

    def _recordings(self) -> None:
        for camera in self._cameras():
            with OwnFolder(self._out, camera) as here:
                if _RECORDINGS not in here.folders():
                    continue
            kept = self._record(camera)
            with OwnFolder(self._out, camera, _RECORDINGS) as here:
                self._old(here, kept.keep_h, SEGMENT.fullmatch)  # none that nobody could ever call old
            recordings = Recordings(self._out / camera / _RECORDINGS, self._clock.now)
            gone = recordings.sweep(kept.keep_h, kept.keep_gb)
            self._note("recordings", f"{camera}/{_RECORDINGS}", gone)

    def _letters(self) -> None:
        """Those that wait for nobody: the receiver was taken out of the file."""
        with OwnFolder(self._out, SPOOL) as above:
            for name in [name for name in above.folders() if name not in self._receivers]:
                with OwnFolder(self._out, SPOOL, name) as here:
                    over = self._old(here, MOST_S / _DAY_S, LEFT.fullmatch)
                    self._delete(here, over, "letters", f"{SPOOL}/{name}", MOST_S / _DAY_S)
                if over:
                    above.delete_empty(name)

    def _cameras(self) -> list[str]:
        with OwnFolder(self._out) as here:
            return [name for name in here.folders() if name not in (_EVENTS, SPOOL)]

    def _sessions(self) -> Iterator[tuple[str, str, str]]:
        for camera in self._cameras():
            with OwnFolder(self._out, camera, _SESSIONS) as here:
                names = here.folders()
            yield from ((camera, _SESSIONS, name) for name in names)

    def _by_day(self, here: OwnFolder, day: str, names: Sequence[str], days: float | None) -> list[str]:
        """Those of a UTC day since whose end so many days have passed, if its name may be true."""
        try:
            end = datetime.combine(date.fromisoformat(day) + timedelta(days=1), datetime.min.time(), UTC)
        except (ValueError, OverflowError):
            return []
        if not self._clock.plausible(end.timestamp() - _DAY_S):
            return self._old(here, days, names.__contains__)
        over = days is not None and self._clock.now() - end.timestamp() > days * _DAY_S
        return list(names) if over else []

    def _old(self, here: OwnFolder, days: float | None, ours: Callable[[str], object]) -> list[str]:
        """Files of ours that were last written so many days ago; one of a wrong clock is dated anew."""
        if days is None:
            return []
        now, found = self._clock.now(), []
        for name, facts in here.files().items():
            if self._clock.misdated(facts.st_mtime):
                if ours(name):
                    here.date(name, now)
            elif facts.st_mtime < now - days * _DAY_S and ours(name):
                found.append(name)
        return found

    def _delete(
        self, here: OwnFolder, names: Sequence[str], kind: str, place: str, days: float | None
    ) -> None:
        gone = []
        try:
            for name in sorted(names):
                if self._closing.is_set():
                    return
                here.delete(name)
                gone.append({"file": name, "because": f"older than {days:g} days"})
        finally:
            self._note(kind, place, gone)

    def _note(self, kind: str, place: str, gone: Sequence[Mapping[str, Any]]) -> None:
        if gone:
            self._deleted[kind] += len(gone)
            self.log.note(place, gone)


def _holds_embeddings(here: OwnFolder, name: str) -> bool:
    """A damaged archive may: its vectors can still be read out of it."""
    try:
        with here.open(name) as file:
            packed = file.read(2) == b"PK"
            with zipfile.ZipFile(file) as archive:
                return set(archive.namelist()) >= _MEMBERS
    except OSError:
        return False
    except (zipfile.BadZipFile, RuntimeError, ValueError, EOFError, struct.error, LookupError):
        return packed


def _crop(folder: str, name: str) -> bool:
    """What the outputs images and findings write, below a session."""
    if filenames.SHOT.fullmatch(name):
        return True
    return bool(filenames.HEAT_FOLDER.fullmatch(folder) and filenames.HEAT.fullmatch(name))
