"""Overrides: `node.param=value` texts put parameters into a graph that was read."""

from __future__ import annotations

from vidface.errors import GraphError, UsageError
from vidface.graph import marks
from vidface.graph.marks import Document
from vidface.graph.words import did_you_mean


def apply(text: str, document: Document) -> None:
    """Put one parameter into the document's data; whether the node has it is checked later.

    Raises:
        UsageError: the text is malformed, or names nothing in the graph.
    """
    target, sep, value = text.partition("=")
    parts = target.strip().split(".")
    if not sep or len(parts) not in (2, 3) or (len(parts) == 3 and parts[0] != "outputs"):
        raise UsageError(f"--set {text}: wanted node.parameter=value, for example --set detect.min_score=0.7")
    name, param = parts[-2], parts[-1]
    sections = [document.data.get(section) for section in ("nodes", "outputs")]
    if not all(section is None or isinstance(section, dict) for section in sections):
        return  # refused with its place when the graph is checked
    nodes, outputs = (section or {} for section in sections)
    table = nodes if len(parts) == 2 and name in nodes else outputs
    if name not in table:
        known = [str(key) for section in (nodes, outputs) for key in section]
        raise UsageError(f"--set {text}: the graph has no node or output {name!r}{did_you_mean(name, known)}")
    if isinstance(table[name], str):
        table[name] = {"in": table[name]}
    given = table[name]
    if not isinstance(given, dict):
        return
    if given.get("with") is None:
        given["with"] = {}
    # What is no mapping is refused with its place when the graph is checked.
    if isinstance(given["with"], dict):
        given["with"][param] = _value(text, value)


def _value(text: str, value: str) -> object:
    try:
        found: object = marks.parse(value, "").data
    except GraphError as error:
        raise UsageError(f"--set {text}: {value!r} cannot be read as a value: {error.message}") from None
    return found
