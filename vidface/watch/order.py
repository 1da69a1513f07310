"""Order: a camera as it is to be watched, and what has changed when the file is read again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from vidface.watch.check import Checked
from vidface.watch.config import CameraPlan, Config


@dataclass(frozen=True, slots=True)
class Order:
    """A camera as it is to be watched.

    Attributes:
        graph: as it was checked: another text, or other code of its nodes, is another order.
        added: it does not stand in the file, and stays when the file is read again.
    """

    plan: CameraPlan
    graph: Checked
    added: bool = False


def wanted(plan: CameraPlan, graph: Checked) -> object:
    """What another lane is begun for."""
    return plan.watched(), graph.file.sha256, graph.file.overrides, graph.nodes


def fixed(one: Config, two: Config) -> list[str]:
    """What differs, and counts from the next start on."""
    before, after = ((way.spec.http, way.spec.events.receivers(), way.spec.keep) for way in (one, two))
    names = ("http", "the receivers of events", "keep")
    parts = [name for name, was, now in zip(names, before, after, strict=True) if was != now]
    return ["out", *parts] if one.out != two.out else parts


def listed(what: str, names: Collection[str]) -> str | None:
    """A part of a sentence; None where there are no names."""
    return f"{what} {', '.join(sorted(names))}" if names else None
