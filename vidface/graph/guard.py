"""Guard: the one place where code that vidface does not own may fail in any way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from vidface.errors import FrameError, NodeError, OutputError, VidfaceError

T = TypeVar("T")


def guarded(call: Callable[[], T], who: str, when: str) -> T:
    """Run a node's or sink's code; whatever goes wrong comes back as a sentence that names both.

    Raises:
        FrameError: as raised, for the caller to act on.
        VidfaceError: the same class, with name and frame in front.
        OutputError: an OSError, which is the machine's doing (disk full, folder gone).
        NodeError: anything else; it is a bug in the node.
    """
    try:
        return call()
    except FrameError:
        raise
    except VidfaceError as error:
        raise type(error)(f"{who}, {when}: {error}") from error
    except OSError as error:
        raise OutputError(
            f"{who}, {when}: {error.strerror or error}: {error.filename or 'no file named'}"
        ) from error
    except Exception as error:
        told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise NodeError(f"{who} broke {when}: {told}; this is a bug in the node") from error
