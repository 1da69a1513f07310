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
from vidface.graph.spec import did_you_mean
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


def node_class(use: str, folder: Path | None = None) -> type[Node]:
    """The node that `use` names; `./file.py` is looked for in `folder`.

    Raises:
        UsageError: nothing of that name, or the file does not hold exactly one node.
    """
    if names_file(use):
        return _only_class(_module_of_file(use, folder), Node, use)
    return _only_class(_module("vidface.nodes", use, "node"), Node, use)


def sink_class(use: str, folder: Path | None = None) -> type[Sink]:
    """The sink that `use` names.

    Raises:
        UsageError: nothing of that name, or the file does not hold exactly one sink.
    """
    if names_file(use):
        return _only_class(_module_of_file(use, folder), Sink, use)
    return _only_class(_module("vidface.sinks", use, "sink"), Sink, use)


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


def _module_of_file(use: str, folder: Path | None) -> ModuleType:
    path = Path(use) if folder is None or Path(use).is_absolute() else folder / use
    if not path.is_file():
        beside = "" if Path(use).is_absolute() else " beside the graph"
        raise UsageError(f"there is no file {use}{beside} to take a node from")
    name = "vidface_user_" + hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be loaded as Python; a node file ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # typing.get_type_hints looks the annotations up there
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError, NameError, AttributeError, TypeError, ValueError) as error:
        del sys.modules[name]
        line = getattr(error, "lineno", None)
        place = f"{path}:{line}" if line else str(path)
        raise UsageError(f"{place} cannot be loaded: {type(error).__name__}: {error}") from error
    return module


def _only_class(module: ModuleType, base: type[C], use: str) -> type[C]:
    found = [
        item
        for item in vars(module).values()
        if isinstance(item, type)
        and issubclass(item, base)
        and item.__module__ == module.__name__
        and not item.__name__.startswith("_")
    ]
    if len(found) != 1:
        names = ", ".join(item.__name__ for item in found) or "none"
        raise UsageError(f"{use} must hold exactly one public subclass of {base.__name__}, but holds {names}")
    return found[0]
