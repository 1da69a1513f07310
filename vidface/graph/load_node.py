"""A `use:` text becomes a class: a shipped node, a shipped sink, or one in the user's own file."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TypeVar

from vidface.errors import UsageError
from vidface.graph.guard import attempt
from vidface.graph.usercode import PREFIX, place_in, said
from vidface.graph.words import did_you_mean
from vidface.node import Node, Sink

C = TypeVar("C", bound=Node)

DEFAULT_SINKS: Mapping[str, str] = MappingProxyType({"Frame": "video", "Faces": "jsonl"})
"""Type of a value -> the sink that writes it where the graph names none."""


def shipped(package: str) -> Iterator[str]:
    """`use:` names of the modules below vidface.nodes or vidface.sinks, without importing them."""
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    for info in pkgutil.iter_modules(places):
        if info.name.startswith("_"):
            continue
        if info.ispkg:
            yield from (f"{info.name}.{inner}" for inner in shipped(f"{package}.{info.name}"))
        else:
            yield info.name


def names_file(use: str) -> bool:
    """A file is meant, whose Python runs when it is loaded, and none of the shipped."""
    return use.endswith(".py") or "/" in use or "\\" in use


class Classes:
    """The classes that the `use:` texts of one graph name.

    A file is loaded once, however often it is named: a type of its own, on an edge from one of its nodes to
    another, would else be two types of one name. The next graph loads it anew, as it may have changed.

    Args:
        folder: where `./file.py` is looked for; None for the current one.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._files: dict[Path, ModuleType] = {}

    def node(self, use: str) -> type[Node]:
        """The node that `use` names; the sink, where its file holds nothing else.

        Raises:
            UsageError: nothing of that name, a file that cannot be loaded, or one without exactly one node.
        """
        if not names_file(use):
            return _only(_public(_module("vidface.nodes", use, "node"), Node), use, "Node")
        found = _public(self._file(use), Node)
        return _only([kind for kind in found if not issubclass(kind, Sink)] or found, use, "Node")

    def sink(self, use: str) -> type[Sink]:
        """The sink that `use` names.

        Raises:
            UsageError: nothing of that name, a file that cannot be loaded, or one without exactly one sink.
        """
        module = self._file(use) if names_file(use) else _module("vidface.sinks", use, "sink")
        return _only(_public(module, Sink), use, "Sink")

    def _file(self, use: str) -> ModuleType:
        path = Path(use) if self._folder is None or Path(use).is_absolute() else self._folder / use
        if not path.is_file():
            beside = "" if Path(use).is_absolute() else " beside the graph"
            raise UsageError(f"there is no file {use}{beside} to take a node from")
        whole = path.resolve()
        if whole not in self._files:
            self._files[whole] = _loaded(path)
        return self._files[whole]


def node_class(use: str, folder: Path | None = None) -> type[Node]:
    """As `Classes(folder).node(use)`, for one class alone."""
    return Classes(folder).node(use)


def sink_class(use: str, folder: Path | None = None) -> type[Sink]:
    """As `Classes(folder).sink(use)`, for one class alone."""
    return Classes(folder).sink(use)


def _module(package: str, use: str, what: str) -> ModuleType:
    names = list(shipped(package))
    if use not in names:
        other = "vidface.sinks" if package == "vidface.nodes" else "vidface.nodes"
        if use in shipped(other):
            place = "a sink; name it under outputs" if what == "node" else "a node; name it under nodes"
            raise UsageError(f"{use!r} is {place}")
        hint = did_you_mean(use, names)
        raise UsageError(f"there is no {what} {use!r}{hint} (`vidface nodes` lists them)")
    return importlib.import_module(f"{package}.{use}")


def _loaded(path: Path) -> ModuleType:
    name = PREFIX + hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be loaded as Python; a node file ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # typing.get_type_hints looks the annotations up there

    def tell(error: BaseException) -> UsageError:
        sys.modules.pop(name, None)
        return UsageError(f"{place_in(str(spec.origin), error)}: this file cannot be loaded: {said(error)}")

    loader = spec.loader
    attempt(lambda: loader.exec_module(module), tell)
    return module


def _public(module: ModuleType, base: type[C]) -> list[type[C]]:
    return [
        item
        for item in vars(module).values()
        if isinstance(item, type)
        and issubclass(item, base)
        and item.__module__ == module.__name__
        and not item.__name__.startswith("_")
    ]


def _only(found: list[type[C]], use: str, base: str) -> type[C]:
    if len(found) != 1:
        names = ", ".join(item.__name__ for item in found) or "none"
        raise UsageError(f"{use} must hold exactly one public subclass of {base}, but holds {names}")
    return found[0]
