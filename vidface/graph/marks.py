"""YAML with a memory of places: every key and value knows its line and column."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import yaml

from vidface.errors import GraphError

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML text.

    Attributes:
        data: plain Python values.
        file: the name that errors carry.
        keys: path -> (line, column) of the key, from 1.
        values: path -> (line, column) of the value, from 1.
    """

    data: Any
    file: str
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def error(self, message: str, path: Path, *, at_key: bool = False) -> GraphError:
        """A GraphError at `path`, or at the nearest enclosing place that the file has."""
        table = self.keys if at_key else self.values
        while path and path not in table:
            path = path[:-1]
        line, column = table.get(path, (1, 1))
        return GraphError(message, file=self.file, line=line, column=column)


def parse(text: str, file: str) -> Document:
    """Parse YAML, refusing duplicate keys.

    Raises:
        GraphError: not YAML, or a key stands twice.
    """
    document = Document(data=None, file=file)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = _value(root, (), document) if root is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise GraphError(
            f"not readable as YAML: {error.problem or error.context}",
            file=file,
            line=None if mark is None else mark.line + 1,
            column=None if mark is None else mark.column + 1,
        ) from None
    except yaml.YAMLError as error:
        raise GraphError(f"not readable as YAML: {' '.join(str(error).split())}", file=file) from None
    return Document(data=data, file=file, keys=document.keys, values=document.values)


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _value(node: yaml.Node, path: Path, document: Document) -> Any:
    document.values[path] = _place(node)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, (*path, i), document) for i, child in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: yaml.MappingNode, path: Path, document: Document) -> dict[Hashable, Any]:
    result: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        key = _scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
        if not isinstance(key, Hashable) or key is None:
            line, column = _place(key_node)
            raise GraphError("a key must be a plain word", file=document.file, line=line, column=column)
        place = (*path, key if isinstance(key, int) else str(key))
        if key in result:
            line, column = _place(key_node)
            first = document.keys[place][0]
            raise GraphError(
                f"the key {key!r} stands twice (first in line {first}); keep one of them",
                file=document.file,
                line=line,
                column=column,
            )
        document.keys[place] = _place(key_node)
        result[key] = _value(value_node, place, document)
    return result


def _scalar(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    finally:
        loader.dispose()
