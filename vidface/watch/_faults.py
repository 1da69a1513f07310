"""A fault that pydantic found in a YAML file becomes a sentence with a place, without passwords."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from vidface.data.address import masked
from vidface.errors import GraphError
from vidface.graph.marks import Document
from vidface.graph.spec import did_you_mean, said


def fault_at(document: Document, fault: ErrorDetails, model: type[BaseModel]) -> GraphError:
    """The sentence for one fault of a file that should have been `model`."""
    loc, kind = fault["loc"], fault["type"]
    place = ".".join(str(part) for part in loc)
    if kind == "extra_forbidden":
        hint = did_you_mean(str(loc[-1]), keys_at(model, loc[:-1]))
        return document.error(f"unknown key {place!r}{hint}", loc, at_key=True)
    if kind == "missing":
        owner = ".".join(map(str, loc[:-1])) or "the file"
        return document.error(f"{owner} needs the key {loc[-1]!r}", loc[:-1])
    if loc == ("version",):
        return document.error(f"version must be 1, but is {fault.get('input')!r}", loc)
    # A whole table may hold passwords; so may what stands under a wrong key.
    found = fault.get("input")
    shown = ""
    if isinstance(found, str | int | float | bool) and not _whole_secret(loc, found):
        shown = f", but found {masked(repr(found), whole=True)}"
    return document.error(f"{place}: {said(fault)}{shown}", loc)


def keys_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """Keys that a mapping at `loc` may have; empty where it is free."""
    kinds: list[Any] = [model]
    for part in loc:
        kinds = [inner for kind in kinds for inner in _inside(kind, part)]
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return [info.alias or name for kind in models for name, info in kind.model_fields.items()]


def _whole_secret(loc: tuple[str | int, ...], found: object) -> bool:
    """It may be the address of a receiver of events, whose path lets everybody in who knows it."""
    if len(loc) < 2 or loc[0] != "events" or loc[1] not in ("webhook", "mqtt", "redis"):
        return False
    return isinstance(found, str) and (len(loc) == 2 or loc[-1] == "url" or "://" in found)


def _inside(kind: Any, part: str | int) -> Iterator[Any]:
    """Types of what stands under `part` in a value of `kind`."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, info in kind.model_fields.items():
            if part in (name, info.alias):
                yield from _plain(info.annotation)
    elif get_origin(kind) in (dict, Mapping):
        yield from _plain(get_args(kind)[1])


def _plain(kind: Any) -> Iterator[Any]:
    """A type without Annotated, and each side of a union."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _plain(get_args(kind)[0])
    elif origin in (Union, types.UnionType):
        for one in get_args(kind):
            yield from _plain(one)
    else:
        yield kind
