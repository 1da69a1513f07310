"""YAML with a memory of places: every key and value knows its line and column."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from vidface.errors import GraphError

Path = tuple[str | int, ...]

MOST_VALUES: Final = 100_000
"""A graph of ten thousand nodes has half as many."""

_NUMBERS: Final = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


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
    """Parse YAML, refusing duplicate keys, and numbers that are others to YAML than to who reads them.

    Raises:
        GraphError: not YAML, a key stands twice, a value stands in itself, more than MOST_VALUES values, or
            a number such as 0640 or 1:30.
    """
    document = Document(data=None, file=file)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = _Reading(document).value(root, ()) if root is not None else None
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
    except RecursionError:
        raise GraphError("not readable as YAML: its parts lie too deep in each other", file=file) from None
    return Document(data=data, file=file, keys=document.keys, values=document.values)


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


@dataclass(slots=True)
class _Reading:
    """YAML's nodes on their way to values; what is told of them stands in `document`.

    Attributes:
        values: values so far, an alias counted wherever it stands: nine lines of aliases can stand for
            thousands of millions.
    """

    document: Document
    values: int = 0

    def value(self, node: yaml.Node, path: Path, above: tuple[yaml.Node, ...] = ()) -> Any:
        """The value of a node; `above` are those that it stands in."""
        self.document.values[path] = _place(node)
        self.values += 1
        if self.values > MOST_VALUES:
            raise self.document.error(
                f"it holds more than {MOST_VALUES:,} values (one that an alias stands for counts wherever it "
                "stands); write it with fewer",
                path,
            )
        if any(node is one for one in above):
            # An alias has no place of its own: that of its key, or of what it stands in, is near.
            raise self.document.error(
                "an alias stands for a value that it is itself a part of", path, at_key=True
            )
        above = (*above, node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, above)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, i), above) for i, child in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(
        self, node: yaml.MappingNode, path: Path, above: tuple[yaml.Node, ...]
    ) -> dict[Hashable, Any]:
        result: dict[Hashable, Any] = {}
        lines: dict[Hashable, int] = {}  # by the key itself: 1 and 1.0 are one key, with two places
        for key_node, value_node in node.value:
            key = self._scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            line, column = _place(key_node)
            if not isinstance(key, Hashable) or key is None:
                raise GraphError(
                    "a key must be a plain word", file=self.document.file, line=line, column=column
                )
            if key in result:
                raise GraphError(
                    f"the key {key!r} stands twice (first in line {lines[key]}); keep one of them",
                    file=self.document.file,
                    line=line,
                    column=column,
                )
            place = (*path, key if isinstance(key, int) else str(key))
            self.document.keys[place] = (line, column)
            lines[key] = line
            result[key] = self.value(value_node, place, above)
        return result

    def _scalar(self, node: yaml.Node) -> Any:
        loader = yaml.SafeLoader("")
        line, column = _place(node)
        file = self.document.file
        try:
            value = loader.construct_object(node)
        except ValueError as error:  # such as 2020-13-01, which looks like a date
            text = f"{node.value} cannot be read as a value ({error}); write '{node.value}' where it is text"
            raise GraphError(text, file=file, line=line, column=column) from None
        except (KeyError, IndexError, AttributeError, OverflowError):  # such as !!bool x, !!timestamp x
            text = f"{node.value!r} cannot be read as {node.tag.rpartition(':')[2]}; leave out its tag (!!)"
            raise GraphError(text, file=file, line=line, column=column) from None
        finally:
            loader.dispose()
        if node.tag in _NUMBERS and (why := _misread(node.value, value)):
            text = f"{node.value} is {value} to YAML, {why}, or '{node.value}' where it is text"
            raise GraphError(text, file=file, line=line, column=column)
        return value


def _misread(text: str, value: float) -> str:
    """Why a number is another one to YAML 1.1 than to most who write it, and what to write; else empty."""
    digits = text.replace("_", "").lstrip("+-")
    if ":" in digits:
        return f"which counts such numbers in sixties: write {value}"
    if digits.startswith("0") and digits.isdecimal() and int(digits) != abs(value):
        return f"to which a leading 0 says that it counts in eights: write {digits.lstrip('0')}"
    return ""
