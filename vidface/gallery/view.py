"""The half of a gallery that only reads."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from vidface.gallery import _calibrated, _marks, _pack, _verify, ann
from vidface.gallery._add import unlike
from vidface.gallery._store import Store
from vidface.gallery.calibrate import Calibration
from vidface.gallery.reference import EXACT_LOOKS, Reference
from vidface.gallery.values import AuditRow, LookRow, Person, clean_name


class View:
    """What can be asked of an open gallery."""

    def __init__(self, folder: str | Path, store: Store) -> None:
        self.folder = Path(folder)
        self._store = store

    def close(self) -> None:
        """Close it; safe to call twice."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def fingerprint(self) -> str:
        """Of the embedder."""
        return self._store.fingerprint

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return self._store.dimension

    @property
    def recovered(self) -> tuple[str, ...]:
        """What had to be put right after a kill, in words."""
        return self._store.recovered

    @property
    def calibration(self) -> Calibration | None:
        """How the threshold came about; None where it is the one that the gallery started with.

        Raises:
            InputError: what is kept of it is damaged; `calibrate` makes it anew.
        """
        return _calibrated.kept(self._store)

    def __len__(self) -> int:
        """Looks."""
        with self._store.look_at() as db:
            return int(db.execute("SELECT count(*) FROM looks").fetchone()[0])

    def people(self) -> tuple[Person, ...]:
        """Everybody, in the order of enrolment."""
        with self._store.look_at() as db:
            rows = db.execute(
                "SELECT name, count(looks.id), people.added, changed FROM people "
                "LEFT JOIN looks ON looks.person = people.id GROUP BY people.id ORDER BY people.id"
            ).fetchall()
        return tuple(Person(*row) for row in rows)

    def looks(self, name: str) -> tuple[LookRow, ...]:
        """All looks of a person, oldest first.

        Raises:
            UsageError: nobody has that name.
        """
        with self._store.look_at() as db:
            person = self._store.person(clean_name(name))
            vectors = self._store.vectors()
            rows = db.execute(
                "SELECT id, row, recognisability, quality, source, added, data FROM looks "
                "LEFT JOIN pictures ON pictures.look = looks.id WHERE person = ? ORDER BY id",
                (person,),
            ).fetchall()
            return tuple(
                LookRow(number, np.array(vectors[row]), _known(sure), _known(quality), *rest)
                for number, row, sure, quality, *rest in rows
            )

    def outliers(self, name: str) -> tuple[int, ...]:
        """Numbers of looks that are less like the mean of the person's others than the threshold.

        Raises:
            UsageError: nobody has that name.
        """
        with self._store.look_at():
            looks = self.looks(name)
            threshold = float(self._store.setting("threshold"))
        rows = np.stack([look.vector for look in looks]) if looks else np.zeros((0, 1), np.float32)
        return tuple(looks[place].id for place in unlike(rows, 0, threshold))

    def enrolled(self, name: str, digest: str) -> bool:
        """The file with this SHA-256 was enrolled for this person before."""
        with self._store.look_at() as db:
            found = db.execute(
                "SELECT 1 FROM sources JOIN people ON people.id = person WHERE name = ? AND digest = ?",
                (clean_name(name), digest),
            ).fetchone()
        return found is not None

    def reference(self) -> Reference:
        """The whole gallery at this moment, to search in; it stays valid when the gallery is closed.

        Raises:
            InputError: the files, or the calibration, are damaged.
        """
        with self._store.look_at():
            calibration = self.calibration
            return self.uncalibrated(calibration.fmr if calibration else math.nan)

    def uncalibrated(self, fmr: float = math.nan) -> Reference:
        """The same without a look at the calibration, which may be damaged: what to calibrate with."""
        with self._store.look_at() as db:
            vectors = self._store.vectors()
            people = db.execute("SELECT id, name FROM people ORDER BY id").fetchall()
            rows = db.execute("SELECT row, person FROM looks ORDER BY row").fetchall()
            places = {person: place for place, (person, _) in enumerate(people)}
            kept = [row for row, _ in rows]
            # Gaps are there only while another process is forgetting somebody.
            whole = kept == list(range(len(vectors)))
            return Reference(
                vectors if whole else vectors[kept],
                np.array([places[person] for _, person in rows], np.int64),
                tuple(name for _, name in people),
                self.fingerprint,
                float(self._store.setting("threshold")),
                float(self._store.setting("margin")),
                fmr,
                self._index(len(kept)) if whole else None,
            )

    def _index(self, looks: int) -> ann.Neighbours | None:
        if looks <= EXACT_LOOKS:
            return None
        return ann.load(self.folder, self.dimension, int(self._store.setting("generation")))

    def log(self, action: str, detail: str | Mapping[str, Any] = "", people: Iterable[str] = ()) -> None:
        """Put something into the audit log; also where the gallery was opened for reading.

        Args:
            action: what was done, e.g. "search".
            detail: facts, ready for JSON; no names.
            people: names of those concerned: only marks are kept.
        """
        with self._store.change():
            self._store.log(action, detail, [clean_name(name) for name in people])

    def audit(self, limit: int | None = None) -> tuple[AuditRow, ...]:
        """The log, latest entry first."""
        with self._store.look_at() as db:
            names = {
                mark: name
                for person, name in db.execute("SELECT id, name FROM people").fetchall()
                for mark in _marks.marks_of(self._store, person, name).marks
            }
            rows = db.execute(
                "SELECT at, user, action, people, detail FROM audit ORDER BY id DESC LIMIT ?",
                (-1 if limit is None else limit,),
            ).fetchall()
        return tuple(
            AuditRow(at, user, action, tuple(names.get(t, t) for t in people.split()), json.loads(detail))
            for at, user, action, people, detail in rows
        )

    def check(self) -> tuple[str, ...]:
        """What is wrong with the files, a sentence each; nothing where all is well.

        Raises:
            UsageError: another process is writing, and is not done within some seconds.
        """
        return _verify.verify(self._store)

    def export(self, path: str | Path, *, overwrite: bool = False) -> int:
        """Write everything but the log to one zip file (0600); returns the number of people.

        Raises:
            OutputError: it cannot be written. OutputExistsError: it is there already.
            UsageError: it is a folder, or lies in the gallery's own. InputError: the gallery is damaged.
        """
        count = _pack.pack(self._store, Path(path), overwrite=overwrite)
        self.log("export", {"people": count})
        return count


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)
