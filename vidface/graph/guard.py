"""Guard: the one place where code that vidface does not own may fail in any way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from vidface.errors import FrameError, NodeError, OutputError, VidfaceError

T = TypeVar("T")


def guarded(call: Callable[[], T], who: str, when: str, *, may_decline: bool = False) -> T:
    """Run a node's or sink's code; whatever goes wrong comes back as a sentence that names both.

    Args:
        may_decline: a FrameError is an answer here (in `process` of a node), for the caller to act on.
            Elsewhere there is no frame that could be left out, and the run stops with it.

    Raises:
        FrameError: as raised, with `may_decline`.
        VidfaceError: the same class, with name and frame in front.
        OutputError: an OSError, which is the machine's doing (disk full, folder gone).
        NodeError: anything else; it is a bug in the node.
    """
    try:
        return call()
    except FrameError as error:
        if may_decline:
            raise
        raise NodeError(f"{who}, {when}: {error}") from error
    except VidfaceError as error:
        raise _named(error, f"{who}, {when}: {error}") from error
    except OSError as error:
        raise OutputError(
            f"{who}, {when}: {error.strerror or error}: {error.filename or 'no file named'}"
        ) from error
    except (Exception, SystemExit) as error:
        told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise NodeError(f"{who} broke {when}: {told}; this is a bug in the node") from error


def _named(error: VidfaceError, text: str) -> VidfaceError:
    """The same class with another text; NodeError where a class of the user's own is not made of a text."""
    try:
        return type(error)(text)
    except Exception:  # noqa: BLE001 - whatever that constructor does, the text must come through
        return NodeError(text)


def attempt(call: Callable[[], T], tell: Callable[[BaseException], VidfaceError | None]) -> T:
    """Run code of the user's before there is a run.

    Args:
        tell: makes an error of what it raised; None lets that pass as it is.
    """
    try:
        return call()
    except (Exception, SystemExit) as error:
        told = tell(error)
        if told is None:
            raise
        raise told from error
