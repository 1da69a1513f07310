"""The exception tree of vidface, and the exit code that each branch ends the program with.

    VidfaceError                 1   a run that failed half-way; what was written stays readable
    +-- UsageError               2   wrong command line, parameter or output folder
    |   +-- GraphError           2   a graph file that is not sound; knows file, line and column
    |   +-- OutputExistsError    2   the output is there already and --overwrite was not given
    +-- InputError               3   the input cannot be read
    +-- ModelError               4   a model is missing or is not what its manifest says
    |   +-- ModelMissingError    4
    |   +-- ModelMismatchError   4   the hash or size differs from the manifest
    +-- FrameError               1   a node says "not this frame"; follows the node's `on_error`
    +-- NodeError                1   a node broke its contract or crashed; names node and frame
    +-- OutputError              1   an output could not be written (disk full, folder gone)
    +-- LedgerError              5   frames are unaccounted for

Every message is one plain sentence or two: where, what was wanted, what was found, what to do.
"""

from __future__ import annotations

from enum import IntEnum
from functools import partial
from typing import Any, ClassVar


class ExitCode(IntEnum):
    """What the shell sees when `vidface` ends."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INPUT = 3
    MODEL = 4
    LEDGER = 5
    INTERRUPTED = 130


class VidfaceError(Exception):
    """Root of all errors that vidface raises on purpose."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED


class UsageError(VidfaceError):
    """The caller asked for something that cannot be done as asked."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class GraphError(UsageError):
    """A graph file is not sound.

    `line` and `column` count from 1; `None` where the fault has no place in the file.
    """

    def __init__(
        self, message: str, *, file: str = "graph", line: int | None = None, column: int | None = None
    ) -> None:
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        place = ":".join(str(part) for part in (file, line, column) if part is not None)
        super().__init__(f"{place}: {message}")

    def __reduce__(self) -> tuple[Any, ...]:
        """From process to process: made anew from what it was made of, not from the text with its place."""
        return partial(type(self), file=self.file, line=self.line, column=self.column), (self.message,)


class OutputExistsError(UsageError):
    """The output is there already and may not be replaced."""


class InputError(VidfaceError):
    """The input cannot be read: missing, empty, not a video, or no picture in it."""

    exit_code: ClassVar[ExitCode] = ExitCode.INPUT


class ModelError(VidfaceError):
    """A model cannot be used."""

    exit_code: ClassVar[ExitCode] = ExitCode.MODEL


class ModelMissingError(ModelError):
    """The weights of a model are not on this machine."""


class ModelMismatchError(ModelError):
    """The weights on disk are not the ones that the manifest describes."""


class FrameError(VidfaceError):
    """Raised by a node's `process` for a frame that it cannot serve; the run goes on as `on_error` says.

    `stop` ends the run, `skip` gives the empty value, `hold` the last one; of what has a row for every face
    that came in, only where the same tracked faces come in again, else the empty value. Raised by another
    method, or by a sink, it ends the run.
    """


class NodeError(VidfaceError):
    """A node broke its contract or raised something unexpected; the run stops here."""


class OutputError(VidfaceError):
    """An output could not be written."""


class LedgerError(VidfaceError):
    """Frames went in that neither came out nor were accounted for."""

    exit_code: ClassVar[ExitCode] = ExitCode.LEDGER
