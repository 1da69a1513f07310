"""The run's folder and its manifest, run.json."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vidface.data import oncejson
from vidface.data.digest import BLOCK, blocks_of, digests_in
from vidface.errors import ExitCode, OutputError, OutputExistsError, UsageError, VidfaceError
from vidface.graph.aside import Aside
from vidface.graph.custody import (
    CHAIN,
    DIGEST,
    MANIFEST,
    NOTES,
    SIGNATURE,
    Sign,
    all_files,
    sealed,
    with_digests,
    write_private,
)
from vidface.graph.folderlock import FolderLock
from vidface.graph.leavings import PLANNED, leavings
from vidface.graph.report import RunReport
from vidface.version import __version__


class RunFolder:
    """Makes the folder, refuses to mix two runs, and keeps run.json true from the first to the last moment.

    At the end run.json also gives the SHA-256 of every file of the run, and its own; with `sign` that is
    signed, in run.json.sig.

    run.json stands there with status "running" while the run goes on, so a killed run shows as such, and says
    what is planned for outputs whose files it does not list yet. What an earlier run wrote stays until
    this one has begun, see `replacing`.

    Attributes:
        taken: something is in the folder.

    Raises:
        OutputExistsError: the folder is not empty and `overwrite` was not given, or holds notes, or another
            run is writing into it.
        UsageError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path, *, overwrite: bool, sign: Sign | None = None) -> None:
        self._folder = folder
        self._sign = sign
        self._facts: dict[str, Any] = {}
        self._planned: dict[str, list[str]] = {}
        self._digest: str | None = None
        self._hashed: dict[str, Any] = {}
        self._hasher: threading.Thread | None = None
        self._cancel = threading.Event()
        self._withdrawn = False
        self._aside: Aside | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = FolderLock(folder)
        except (FileExistsError, NotADirectoryError):
            raise UsageError(f"the output {folder} is a file; name a folder") from None
        except OSError as error:
            raise UsageError(f"the output folder {folder} cannot be made: {error.strerror}") from None
        with contextlib.ExitStack() as undo:
            undo.callback(self.release)
            self.taken = _room(folder, overwrite=overwrite)
            undo.pop_all()

    def release(self) -> None:
        """Let another run write here; `end` does so, too."""
        self._lock.release()

    def earlier(self) -> list[Path]:
        """Files in the folder that an earlier run wrote, resolved; one look at each of them."""
        try:
            facts = oncejson.read((self._folder / MANIFEST).read_text(encoding="utf-8"))
            files = [name for one in facts.get("outputs", {}).values() for name in one.get("files", ())]
            files += [SIGNATURE, CHAIN, *all_files(facts), *leavings(self._folder, facts)]
        except (OSError, ValueError, AttributeError, TypeError):
            return []
        root = self._folder.resolve()
        paths = dict.fromkeys((root / str(name)).resolve() for name in [*files, MANIFEST])
        return [path for path in paths if path.is_relative_to(root) and path.is_file()]

    @contextlib.contextmanager
    def replacing(self, earlier: Sequence[Path]) -> Iterator[None]:
        """Around the opening of the outputs: what an earlier run wrote, as `earlier` found it, lies aside.

        It goes with `begun`. Where the run fails or ends before that, all is as it was, and run.json tells of
        the earlier one.

        Raises:
            OutputError: a file cannot be moved or removed.
        """
        self._aside = Aside(self._folder, earlier) if earlier else None
        opened = False
        try:
            yield
            opened = True
        finally:
            if not opened:
                self._withdraw()

    def begun(self) -> None:
        """Every output has taken its first frame: what an earlier run wrote goes; safe to call twice.

        Raises:
            OutputError: a file cannot be removed.
        """
        aside, self._aside = self._aside, None
        if aside is not None:
            aside.drop()

    def _withdraw(self) -> None:
        """Put back what an earlier run wrote, if there is anything, and write no more."""
        aside, self._aside = self._aside, None
        if aside is not None:
            self._withdrawn = True
            self._end_hashing(cancel=True)
            aside.restore(self.earlier())

    def _gave_way(self, status: str) -> bool:
        """At the end: the run never began, and an earlier one's results stand here again."""
        if status == "done":
            self.begun()  # also without a frame
        self._withdraw()
        return self._withdrawn

    def _end_hashing(self, *, cancel: bool) -> None:
        if cancel:
            self._cancel.set()
        if self._hasher is not None:
            self._hasher.join()

    def begin(self, facts: dict[str, Any]) -> None:
        """Write run.json with status "running", and start to hash the input."""
        self._facts = {"version": __version__, "status": "running", **facts}
        self._planned = facts.get(PLANNED, {})
        path = Path(facts["input"]["path"])
        if path.is_file() or path.is_dir():
            self._hasher = threading.Thread(target=self._hash, args=(path,), name="hash", daemon=True)
            self._hasher.start()
        self._write()

    def input_sha256(self) -> str | None:
        """Of the input, once it is known; None where it is no file."""
        if self._hasher is not None:
            self._hasher.join()
        return self._digest

    def note(self, key: str, facts: dict[str, Any]) -> None:
        """Add a part to run.json; before `end`."""
        self._facts[key] = facts

    def tell(self, facts: dict[str, Any]) -> None:
        """Add to what run.json says of the input; before `end`."""
        self._facts["input"] |= facts

    def end(
        self,
        status: str,
        error: BaseException | None,
        report: RunReport | None,
        *,
        beside: Sequence[str] = (),
    ) -> None:
        """Complete run.json; `report` is None for a run that never began.

        Args:
            beside: files in the folder that no output wrote: a trace, a saved motion.
        """
        try:
            if not self._gave_way(status):
                self._complete(status, error, report, beside)
        finally:
            self.release()

    def _complete(
        self, status: str, error: BaseException | None, report: RunReport | None, beside: Sequence[str]
    ) -> None:
        self._facts |= {
            "status": status,
            "exit": int(_exit_code(status, error)),
            "error": None if error is None or status == "stopped" else str(error),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        if report is not None:
            self._facts |= {
                "wall_s": round(report.wall_s, 3),
                "fps": round(report.fps, 2),
                "peak_memory_mb": round(report.peak_memory_mb, 1),
                "ledger": report.ledger.to_json(),
                "nodes": report.rows(),
                "node_facts": report.node_facts,
                "outputs": report.facts,
                PLANNED: {name: files for name, files in self._planned.items() if name not in report.facts},
            }
        self._write()  # hashing takes its time: a kill in it must not leave "running" behind
        try:
            self._seal(status, report, beside)
        except KeyboardInterrupt:
            self._cancel.set()
            self._facts |= {"status": "stopped", "exit": int(ExitCode.INTERRUPTED)}
            if DIGEST in self._facts:
                self._facts = with_digests(self._facts)
            self._write()
            raise

    def _seal(self, status: str, report: RunReport | None, beside: Sequence[str]) -> None:
        """Hash what was read and written, and sign."""
        if self._hasher is not None:
            self._end_hashing(cancel=status != "done")
            self._facts["input"] |= self._hashed | {"sha256": self._digest}
            self._facts["driver"]["sha256"] = self._digest
        if report is not None:
            names = [str(name) for facts in report.facts.values() for name in facts.get("files", ())]
            self._facts |= sealed(self._folder, [*names, *beside])
        self._facts = with_digests(self._facts)
        self._write()
        if self._sign is not None:
            write_private(self._folder / SIGNATURE, self._sign(self._facts[DIGEST]))

    def _write(self) -> None:
        path = self._folder / MANIFEST
        part = path.with_suffix(".json.part")
        try:
            part.touch(mode=0o600)
            with part.open("w", encoding="utf-8") as file:
                json.dump(self._facts, file, indent=2)
                file.write("\n")
            part.replace(path)
        except OSError as error:
            self._write_in_place(path, part)
            raise OutputError(f"{path} cannot be written: {error.strerror}") from None

    def _write_in_place(self, path: Path, part: Path) -> None:
        """On a full disk: the few facts that matter, over the longer text that is there."""
        few = {
            key: self._facts[key]
            for key in ("version", "status", "exit", "error", "ended")
            if key in self._facts
        } | {PLANNED: self._planned}
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
            with path.open("r+", encoding="utf-8") as file:
                json.dump(few, file)
                file.truncate()

    def _hash(self, path: Path) -> None:
        if path.is_dir():
            self._hashed = {"files": digests_in(path, cancel=self._cancel)}
            return
        found = blocks_of(path, cancel=self._cancel)
        if found is not None:
            self._digest, blocks = found
            self._hashed = {"blocks": {"bytes": BLOCK, "sha256": blocks}}


def _exit_code(status: str, error: BaseException | None) -> ExitCode:
    if isinstance(error, VidfaceError):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return ExitCode.FAILED if status == "failed" else ExitCode.DONE


def _room(folder: Path, *, overwrite: bool) -> bool:
    """Whether something is in the folder; a run may write there."""
    try:
        taken = any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"the output folder {folder} cannot be read: {error.strerror}") from None
    if taken and not overwrite:
        raise OutputExistsError(f"the output folder {folder} is not empty; give another one, or --overwrite")
    if (folder / NOTES).exists():
        raise OutputExistsError(
            f"the output folder {folder} holds a reviewer's notes, which are never overwritten; "
            "give another one"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"the output folder {folder} is not writable; choose another with -o")
    return taken
