"""A gallery of enrolled people, in one folder of the user's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from numpy.typing import ArrayLike

from vidface.errors import UsageError
from vidface.gallery import _add, _base, _forget, _marks, _renew, _store, ann, transfer
from vidface.gallery._renew import Embed
from vidface.gallery._store import Store
from vidface.gallery.calibrate import Calibration, calibrate
from vidface.gallery.values import AddReport, Look, Proof, ReembedReport, clean_name
from vidface.gallery.view import View

THRESHOLD: Final = 0.4
MARGIN: Final = 0.05
_WAIT_S: Final = 10.0


class Gallery(View):
    """People, their looks, a threshold and a log. Use it in a `with` block, in one thread at a time.

    `gallery.sqlite` is the truth; `vectors.bin` holds the vectors, and what a kill left in it is put right
    when the gallery is next opened for writing. One process writes at a time; readers see a whole state.
    All files are the user's alone (0600 in a folder of 0700).

    Attributes:
        folder: where it is.
    """

    @classmethod
    def create(
        cls,
        folder: str | Path,
        *,
        fingerprint: str,
        dimension: int,
        threshold: float = THRESHOLD,
        margin: float = MARGIN,
    ) -> Gallery:
        """Start an empty gallery for one embedder, and open it for writing.

        Args:
            folder: a new one, or an empty one.
            fingerprint: of the embedder. dimension: numbers in its vectors.
            threshold, margin: of scores (cosines), until `calibrate` sets the threshold.

        Raises:
            UsageError: the folder holds something. OutputError: it cannot be written.
        """
        if dimension < 1 or not fingerprint:
            raise UsageError(f"a gallery needs the embedder's fingerprint and dimension, not {dimension}")
        _check_scores(threshold, margin)
        settings = {"fingerprint": fingerprint, "dimension": dimension}
        _store.make(Path(folder), {**settings, "threshold": float(threshold), "margin": float(margin)})
        gallery = cls.open(folder, write=True)
        gallery.log("create", {**settings})
        return gallery

    @classmethod
    def open(
        cls,
        folder: str | Path,
        write: bool = False,
        *,
        fingerprint: str | None = None,
        wait_s: float = _WAIT_S,
    ) -> Gallery:
        """Open a gallery.

        Args:
            folder: one that `create` made.
            write: to change it; waits until no other process does.
            fingerprint: of the embedder that will be used with it, which is checked; None checks nothing.
            wait_s: how long to wait for another writer.

        Raises:
            UsageError: no gallery, one of another embedder, or another process is writing.
            InputError: it is damaged.
        """
        store = Store(Path(folder), write=write, wait_s=wait_s)
        if fingerprint is not None and fingerprint != store.fingerprint:
            belongs = store.fingerprint
            store.close()
            raise UsageError(
                f"{folder} belongs to the embedder {belongs}, but {fingerprint} is in use: choose that "
                f"embedder, or bring the gallery over with: vidface gallery re-embed --gallery {folder}"
            )
        return cls(folder, store)

    def add(self, name: str, looks: Iterable[Look]) -> AddReport:
        """Enrol looks of a person, all or none; a name that is not there yet is a new person.

        Raises:
            UsageError: an odd name, vectors of another embedder, or the gallery was opened for reading.
        """
        self._store.writable()
        kept, given = clean_name(name), list(looks)
        with self._store.change():
            report = _add.add(self._store, kept, given)
            if given:
                facts = {"looks": report.added, "duplicates": len(report.duplicates)}
                self._store.log("enroll", {**facts, "outliers": len(report.outliers)}, [kept])
        return report

    def rename(self, name: str, to: str) -> None:
        """Give a person another name.

        Raises:
            UsageError: nobody has the first name, or somebody the second.
        """
        self._store.writable()
        old, new = clean_name(name), clean_name(to)
        with self._store.change() as db:
            person = self._store.person(old)
            if db.execute("SELECT 1 FROM people WHERE name = ? AND id != ?", (new, person)).fetchone():
                raise UsageError(
                    f"{new!r} is enrolled already; to make one person of two: vidface gallery merge"
                )
            self._store.log("rename", "", [old])
            _marks.renamed(self._store, person, old)
            db.execute("UPDATE people SET name = ?, changed = ? WHERE id = ?", (new, _base.now(), person))

    def merge(self, from_: str, into: str) -> int:
        """Give all looks of one person to another one; returns how many.

        Raises:
            UsageError: one of the names is not enrolled, or both are the same.
        """
        self._store.writable()
        source, target = clean_name(from_), clean_name(into)
        if source == target:
            raise UsageError(f"{source!r} cannot be merged into itself")
        with self._store.change() as db:
            gone, stays = self._store.person(source), self._store.person(target)
            moved = db.execute("UPDATE looks SET person = ? WHERE person = ?", (stays, gone)).rowcount
            self._store.log("merge", {"looks": moved}, [source, target])
            _marks.merged(self._store, (gone, source), (stays, target))
            db.execute("UPDATE OR IGNORE sources SET person = ? WHERE person = ?", (stays, gone))
            db.execute("DELETE FROM people WHERE id = ?", (gone,))
            db.execute("UPDATE people SET changed = ? WHERE id = ?", (_base.now(), stays))
        return moved

    def forget(self, name: str, looks: Iterable[int] | None = None) -> Proof:
        """Take away every trace of a person, or only looks of theirs by number, and prove it.

        What remains is a mark in the audit log. Blocks of the disk that the file system freed, and copies of
        the folder, are beyond reach.

        Raises:
            UsageError: nobody has that name, or they have no look of such a number.
        """
        self._store.writable()
        kept = clean_name(name)
        numbers = None if looks is None else sorted(set(looks))
        if numbers is not None:
            strange = set(numbers) - {look.id for look in self.looks(kept)}
            if strange:
                raise UsageError(f"{kept!r} has no look {min(strange)}; vidface gallery show lists them")
        return _forget.forget(self._store, kept, numbers)

    def calibrate(self, impostors: ArrayLike | None = None, *, fmr: float = 1e-3) -> Calibration:
        """Set the threshold for this rate of strangers that are taken for somebody: see `calibrate`.

        Raises:
            UsageError: nobody is enrolled, nothing to compare with, or a rate outside of 0..1.
        """
        self._store.writable()
        found = calibrate(self.uncalibrated(), impostors, fmr)
        with self._store.change():
            self._store.set(threshold=found.threshold, calibration=found.text())
            self._store.log("calibrate", json.loads(found.text()))
        return found

    def re_embed(
        self,
        embed: Embed,
        *,
        fingerprint: str,
        dimension: int,
        threshold: float = THRESHOLD,
        progress: Callable[[int, int], None] | None = None,
    ) -> ReembedReport:
        """Bring the gallery over to another embedder, from the pictures of its looks.

        Looks without a picture are dropped; the threshold goes back to where it began, since scores of two
        embedders do not compare.

        Args:
            embed: pictures -> vectors and recognisabilities.
            fingerprint, dimension: of the new embedder.
            threshold: of its scores, until `calibrate` sets it.
            progress: called with looks done and all looks.

        Raises:
            UsageError: no look has a picture, the vectors are not of `dimension` numbers, or the threshold is
                no cosine.
        """
        _check_scores(threshold)
        self._store.writable()
        return _renew.renew(
            self._store,
            embed,
            fingerprint=fingerprint,
            dimension=dimension,
            progress=progress,
            threshold=float(threshold),
            calibration="",
        )

    def index(self) -> int:
        """Build the approximate index for more than 100,000 looks; returns how many looks are in it.

        Looks that are added later are searched exactly beside it; forgetting takes it away.

        Raises:
            UsageError: usearch is not installed.
        """
        self._store.writable()
        vectors = self._store.vectors()
        ann.build(self.folder, vectors, int(self._store.setting("generation")))
        self.log("index", {"looks": len(vectors)})
        return len(vectors)

    def import_(self, path: str | Path) -> dict[str, AddReport]:
        """Add the people of such a zip, all or none.

        An empty gallery becomes what was exported: every look, all dates, threshold and calibration. Else the
        looks of a name that is here go to that person, doubles are left out, and the settings stay.

        Raises:
            InputError: it is damaged or no export. UsageError: it belongs to another embedder.
        """
        self._store.writable()
        people, settings = transfer.unpack(Path(path), fingerprint=self.fingerprint, dimension=self.dimension)
        reports = {}
        with self._store.change() as db:
            empty = db.execute("SELECT count(*) FROM people").fetchone()[0] == 0
            put = transfer.restored if empty else transfer.joined
            for person in people:
                reports[person.name] = put(self._store, person)
            if empty and settings is not None:
                self._store.set(**settings.model_dump())
            self._store.log("import", {"people": len(reports)}, list(reports))
        return reports


def _check_scores(threshold: float, margin: float = 0.0) -> None:
    if not (-1 <= threshold <= 1 and 0 <= margin <= 2):
        raise UsageError(
            f"a gallery wants a threshold of -1 to 1 and a margin of 0 to 2, not {threshold} and {margin}"
        )
