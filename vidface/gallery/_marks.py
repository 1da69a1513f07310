"""What stands for a person in the audit log, and the names that the person had before.

A mark is random and goes with the person, not with the name: who is enrolled under a name that somebody else
had is somebody else. (Galleries of earlier versions have the salted hash of the name; it stays until the
person is renamed, merged or forgotten.)
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from vidface.gallery._store import Store

_KEY: Final = "person.{}"


@dataclass(frozen=True, slots=True)
class Marks:
    """Of one person.

    Attributes:
        marks: in the log; new entries get the first one, others came with people who were merged into this.
        former: names of before.
    """

    marks: Sequence[str]
    former: Sequence[str] = ()


def begin(store: Store, person: int) -> None:
    """Give a new person a mark; within `store.change`."""
    _write(store, person, Marks((secrets.token_hex(8),)))


def marks_of(store: Store, person: int, name: str) -> Marks:
    """Those of a person who is enrolled as `name`."""
    text = store.setting(_KEY.format(person))
    return Marks(**json.loads(text)) if text else Marks((store.hashed(name),))


def renamed(store: Store, person: int, old: str) -> None:
    """Remember a name that is given up; within `store.change`, before it is."""
    own = marks_of(store, person, old)
    _write(store, person, Marks(own.marks, _once([*own.former, old])))


def merged(store: Store, gone: tuple[int, str], stays: tuple[int, str]) -> None:
    """What stood for one person stands for another; within `store.change`, before the first is deleted."""
    one, two = marks_of(store, *gone), marks_of(store, *stays)
    _write(store, stays[0], Marks([*two.marks, *one.marks], _once([*two.former, *one.former, gone[1]])))
    end(store, gone[0])


def end(store: Store, person: int) -> None:
    """Let go of all; within `store.change`."""
    store.db.execute("DELETE FROM settings WHERE key = ?", (_KEY.format(person),))


def _once(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _write(store: Store, person: int, kept: Marks) -> None:
    store.set(**{_KEY.format(person): json.dumps(asdict(kept), ensure_ascii=False)})
