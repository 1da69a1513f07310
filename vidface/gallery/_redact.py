"""Names, paths and digests of a forgotten person taken out of the texts that stay."""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

SHORTEST: Final = 4
"""Bytes of a text that does not turn up by chance."""
_MARK: Final = r"\[[0-9a-f]{16}\]"
"""What stands in place of a forgotten name."""
_FORMS: Final = ("NFC", "NFD")
_BETWEEN: Final = r"(?:[\s_.\-+]|%20)*"
_INSTEAD: Final = (" ", "_", "-", ".", "+", "%20", "")
"""What stands between the parts of a name."""
_FILES: Final = ("picture", "sha256")
"""Facts of the log that say which picture was searched."""


@dataclass(frozen=True, slots=True)
class Who:
    """A person to forget.

    Attributes:
        names: the present one, and former ones that nobody has now.
        taken: former ones that somebody else has now.
        marks: in the log; the first is what stays. digests: of files that only this person is from.
    """

    names: tuple[str, ...]
    taken: tuple[str, ...]
    marks: tuple[str, ...]
    digests: frozenset[str]

    @property
    def mark(self) -> str:
        """In place of what is taken out of a text."""
        return f"[{self.marks[0]}]"


def redact(db: sqlite3.Connection, who: Who, sources: list[str]) -> int:
    """Put the mark in place of the names and (in the log) of their pictures' paths; returns texts changed."""
    paths = [source for source in sources if len(source) >= SHORTEST]
    names = [pattern(name) for name in who.names]

    def clean(text: str, *, also: Sequence[re.Pattern[str]] = ()) -> str:
        for name_in in (*names, *also):
            text = put(name_in, who.mark, text)
        return text

    def clean_log(text: str, *, also: Sequence[re.Pattern[str]] = ()) -> str:
        for path in paths:
            text = text.replace(path, who.mark)
        return clean(text, also=also)

    changed = _renewed(db, "looks", "id", "source", lambda text, _: clean(text))
    changed += _renewed(db, "settings", "key", "value", lambda text, key: _kept(clean, text, key))
    own = [pattern(name) for name in who.taken]

    about = dict(db.execute("SELECT id, people FROM audit"))

    def mend(line: str, number: Any) -> str:
        if not set(about[number].split()) & set(who.marks):
            return in_json(clean_log, line)
        facts = json.loads(line)
        facts |= {key: who.mark for key in _FILES if facts.get(key)}
        return in_json(partial(clean_log, also=own), json.dumps(facts, ensure_ascii=False))

    return changed + _renewed(db, "audit", "id", "detail", mend)


def redact_digests(db: sqlite3.Connection, who: Who) -> int:
    """Put the mark in place of digests of files that nobody else is from."""

    def clean(text: str) -> str:
        return who.mark if text in who.digests else text

    return _renewed(db, "audit", "id", "detail", lambda line, _: in_json(clean, line)) if who.digests else 0


def pattern(name: str) -> re.Pattern[str]:
    """The name as a word of its own, in whichever form of Unicode, large or small; `Ann` is not in `Anna`.

    White space is also what stands for it in the names of files: `Ann_Lee`, `ann-lee`, `AnnLee`, `Ann%20Lee`.
    """
    written = {unicodedata.normalize(form, one) for form in _FORMS for one in (name, name.casefold())}
    forms = {_BETWEEN.join(_letters(part) for part in one.split()) for one in written}
    before = r"(?<!\d)" if name[0].isdigit() else r"(?<![^\W\d_])"
    after = r"(?!\d)" if name[-1].isdigit() else r"(?![^\W\d_])"
    return re.compile(f"{_MARK}|({before}(?:{'|'.join(sorted(forms))}){after})", re.IGNORECASE)


def _letters(part: str) -> str:
    """Without regard to case `re` takes letter for letter, and so knows no `ss` that is one letter."""
    return re.sub("ss", "(?:ss|[ßẞ])", re.escape(part), flags=re.IGNORECASE)


def spellings(name: str) -> set[str]:
    """The commonest of what `pattern` finds, to be looked for in bytes."""
    forms = {unicodedata.normalize(form, name) for form in _FORMS}
    return {instead.join(one.split()) for one in forms for instead in _INSTEAD} | {name}


def put(name_in: re.Pattern[str], instead: str, text: str) -> str:
    """`instead` in place of the name; a mark that stands for somebody stays whole, whatever its letters."""
    return name_in.sub(lambda found: instead if found[1] else found[0], text)


def in_json(clean: Callable[[str], str], line: str) -> str:
    """Texts only: a person called 7 is in no number."""
    facts = json.loads(line)
    fresh = _walk(clean, facts)
    return line if fresh == facts else json.dumps(fresh, ensure_ascii=False)


def _walk(clean: Callable[[str], str], value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_walk(clean, item) for item in value]
    return {key: _walk(clean, item) for key, item in value.items()} if isinstance(value, dict) else value


def _kept(clean: Callable[[str], str], text: str, key: Any) -> str:
    """Settings hold names only where they say what people were called before."""
    return in_json(clean, text) if str(key).startswith("person.") else text


def _renewed(
    db: sqlite3.Connection, table: str, key: str, column: str, mend: Callable[[str, Any], str]
) -> int:
    """Write texts that are not as they should be; returns how many."""
    changed = 0
    for number, text in db.execute(f"SELECT {key}, {column} FROM {table}").fetchall():
        fresh = mend(text, number)
        if fresh != text:
            db.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (fresh, number))
            changed += 1
    return changed
