"""Usercode: faults of a Python file of the user's, told with its name and line, before anything is run."""

from __future__ import annotations

import inspect
import re
import sys
import traceback
from collections.abc import Callable
from typing import Any, Final, TypeVar

from vidface.errors import GraphError, VidfaceError
from vidface.graph.guard import attempt
from vidface.graph.spec import GraphFile
from vidface.node import Node, Sink, Span

T = TypeVar("T")

PREFIX: Final = "vidface_user_"
"""How the modules of users' files are called."""

_ADVICE: Final = re.compile(r"For further information visit \S+")


def said(error: BaseException) -> str:
    """Kind and text of an error, in one line."""
    text = " ".join(_ADVICE.sub("", str(error)).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def place_in(path: str, error: BaseException) -> str:
    """FILE:LINE where an error comes from; the file alone where it has no line there."""
    lines = [at for frame, at in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == path]
    if isinstance(error, SyntaxError) and error.filename == path and error.lineno:
        lines.append(error.lineno)
    return f"{path}:{lines[-1]}" if lines else path


def asked(
    file: GraphFile, path: tuple[str, str], kind: type[Node], call: Callable[[], T], what: str = ""
) -> T:
    """Run code of a node or sink that stands in a file of the user's; what is shipped runs as it is.

    Args:
        path: the section and the name in the graph.
        what: the method; nothing where its parameters are taken.

    Raises:
        GraphError: it failed.
        VidfaceError: as raised.
    """

    def tell(error: BaseException) -> GraphError | None:
        if isinstance(error, VidfaceError) or not kind.__module__.startswith(PREFIX):
            return None
        text = f"{path[1]}: {_where(kind, error)}: {kind.__name__}{what and f'.{what}'} broke: {said(error)}"
        return file.document.error(text, path)

    return attempt(call, tell)


def check_answers(file: GraphFile, path: tuple[str, str], node: Node) -> None:
    """Ask a node or sink once all that a plan asks of it: its parameters are frozen, and so are the answers.

    Raises:
        GraphError: an answer of a node of the user's fails, or is of another type.
    """
    kind = type(node)

    def ask(what: str, fits: Callable[[Any], bool], wanted: str, *given: str) -> None:
        answer = asked(file, path, kind, lambda: getattr(node, what)(*given), what)
        if not fits(answer):
            raise _unfit(file, path, kind, f"{what} must give {wanted}, but gives {answer!r}")

    ask("reach", lambda answer: isinstance(answer, Span), "a Span")
    for what in ("creates", "moves", *(["shows"] if isinstance(node, Sink) else [])):
        ask(what, lambda _: True, "True or False")  # or what Python takes for one
    ask("models", _names, "a tuple of names")
    if isinstance(node, Sink):
        ask("files", _names, "a tuple of names", path[1])


def _names(answer: Any) -> bool:
    return isinstance(answer, tuple | list) and all(isinstance(name, str) for name in answer)


def _unfit(file: GraphFile, path: tuple[str, str], kind: type[Node], text: str) -> GraphError:
    return file.document.error(f"{path[1]}: {_where(kind, None)}: {kind.__name__}.{text}", path)


def _where(kind: type[Node], error: BaseException | None) -> str:
    """Where an error comes from in the file of a class; the class where it comes from elsewhere."""
    source = str(getattr(sys.modules.get(kind.__module__), "__file__", None) or kind.__module__)
    place = source if error is None else place_in(source, error)
    if place != source:
        return place
    try:
        return f"{source}:{inspect.getsourcelines(kind)[1]}"
    except (OSError, TypeError, SyntaxError):
        return source
