"""Trace: what ran when, in the Trace Event Format that Chrome and Perfetto read."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Self, TextIO

from vidface.errors import OutputError


class TraceWriter:
    """Writes complete events ("ph": "X") as they happen: memory stays flat, a cut-off file still loads.

    The file is opened by `begin`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._zero = perf_counter()
        self._file: TextIO | None = None
        self._empty = True
        self._threads: dict[str, int] = {}

    def begin(self, *, overwrite: bool) -> None:
        """Open the file; events come after.

        Raises:
            OutputError: it cannot be written, or is there already and `overwrite` is not given.
        """
        try:
            self._file = self._path.open("w" if overwrite else "x", encoding="utf-8")
        except OSError as error:
            raise self._cannot(error) from None
        self._file.write("[")

    def event(self, name: str, begin: float, end: float, frame: int) -> None:
        """One call of a node: times in perf_counter seconds, the first frame that it served."""
        thread = threading.current_thread().name
        with self._lock:
            if thread not in self._threads:
                number = self._threads[thread] = len(self._threads) + 1
                self._line({"name": "thread_name", "ph": "M", "tid": number, "args": {"name": thread}})
            number = self._threads[thread]
            times = {"ts": round((begin - self._zero) * 1e6, 1), "dur": round((end - begin) * 1e6, 1)}
            self._line({"name": name, "ph": "X", "tid": number, **times, "args": {"frame": frame}})

    def _line(self, event: dict[str, Any]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(("\n" if self._empty else ",\n") + json.dumps({"pid": os.getpid(), **event}))
        except OSError as error:
            raise self._cannot(error) from None
        self._empty = False

    def close(self) -> None:
        """Complete the file; safe to call twice.

        Raises:
            OutputError: it cannot be written; the file is closed all the same.
        """
        with self._lock:
            file, self._file = self._file, None
            if file is None:
                return
            try:
                file.write("\n]\n")
                file.close()
            except OSError as error:
                with contextlib.suppress(OSError):  # what could not be written is tried once more
                    file.close()
                raise self._cannot(error) from None

    def _cannot(self, error: OSError) -> OutputError:
        return OutputError(f"the trace {self._path} cannot be written: {error.strerror}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
