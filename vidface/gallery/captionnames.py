"""Names in captions: who is said to speak, and who is spoken of."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final, Literal

from vidface.errors import InputError
from vidface.gallery._nonames import NO_NAMES, NO_SPEAKER, PARTICLES
from vidface.gallery.subtitles import Caption
from vidface.gallery.values import clean_name

Kind = Literal["label", "word"]
"""label: the caption says that this person speaks; word: the name is in what is said."""

_COLON: Final = re.compile(r"^[\s>–—-]*([^:\[\](){}]{1,60}?)\s*(?:\([^()]*\)|\[[^\[\]]*\])?\s*:(?=\s|$)")
_BRACKET: Final = re.compile(r"^[\s>–—-]*[\[(]\s*([^\[\](){}]{1,60}?)\s*[\])]\s*:?")
_HEARD: Final = re.compile(r"\[[^\[\]]*\]|\([^()]*\)")
_WORD: Final = re.compile(r"[^\W\d_](?:[\w]|['’-](?=\w)|\.(?=\w))*")
_ENDS: Final = frozenset('.!?…:;"“”»«♪()[]¿¡-–—')
_COMMON: Final = 0.1
"""A word that is written small more often than this share of its capitals in mid-sentence is no name."""
_NEARLY: Final = 0.85
_MOST_WORDS: Final = 4
_RARE: Final = 5


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a caption.

    Attributes:
        name: as it is written most often. caption: place among the captions. kind: see `Kind`.
    """

    name: str
    caption: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to be looked for: a name, and what captions call them."""

    name: str
    called: tuple[str, ...]


def read_people(path: Path) -> tuple[Person, ...]:
    """Read a list of people: one a line, the name and then, after commas, what else captions call them.

    Lines that begin with # are left out. A first or last name that only one of them has need not be given.

    Raises:
        InputError: the file cannot be read, or nobody is in it.
        UsageError: an odd name.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    rows = [[part.strip() for part in line.split(",")] for line in lines if not line.strip().startswith("#")]
    given = [[clean_name(part) for part in row if part] for row in rows if any(row)]
    if not given:
        raise InputError(f"{path}: nobody is in it; wanted a name on each line")
    parts = Counter(part for row in given for part in {_key(word) for word in _ends_of(row[0])})
    return tuple(
        Person(row[0], tuple(dict.fromkeys([*row, *(w for w in _ends_of(row[0]) if parts[_key(w)] == 1)])))
        for row in given
    )


def mentions(captions: Sequence[Caption], people: Iterable[Person] | None = None) -> tuple[Mention, ...]:
    """Every name in every caption, once a caption and kind.

    Labels are "ANN:", "Ann Lee:" and "[ANN]" at the beginning of a line. Other names are capitalised words
    that stand at least once where no sentence begins and are hardly ever written small; that is of little
    use in languages that write all nouns so (German). "Ann" is taken for "Ann Lee" where nobody else has
    that name.

    Args:
        people: look for these only.
    """
    labels = [_labels(caption) for caption in captions]
    texts = [rest for _, rest in labels]
    said = [(place, name) for place, (names, _) in enumerate(labels) for name in names]
    if people is not None:
        return tuple(dict.fromkeys(_listed(said, texts, tuple(people))))
    spoken = list(_spoken(texts, {_key(word) for _, name in said for word in name.split()}))
    names = _merged([name for _, name in said] + [name for _, name in spoken])
    found = [Mention(names[_key(name)], place, "label") for place, name in said]
    found += [Mention(names[_key(name)], place, "word") for place, name in spoken]
    return tuple(dict.fromkeys(found))


def _labels(caption: Caption) -> tuple[list[str], list[str]]:
    """Who speaks, and the lines without that."""
    names, rest = [], []
    for place, line in enumerate(caption.lines):
        found = _COLON.match(line) or _BRACKET.match(line)
        name = _speaker(found.group(1)) if found is not None else None
        after = line[found.end() :].strip() if found is not None else ""
        # A bracket with nothing behind it is a sound.
        if name is not None and (after or place + 1 < len(caption.lines)):
            names.append(name)
            rest.append(_HEARD.sub(" ", after))
        else:
            rest.append(_HEARD.sub(" ", line))
    return names, rest


def _speaker(text: str) -> str | None:
    """The label as a name; None where it is none."""
    words = text.split()
    plain = [word.strip(".,'’\"-").casefold() for word in words]
    if not 1 <= len(words) <= _MOST_WORDS or set(plain) & NO_SPEAKER:
        return None
    for word, bare in zip(words, plain, strict=True):
        if not bare or any(letter.isdigit() for letter in word):
            return None
        if not word[0].isupper() and bare not in PARTICLES:
            return None
    return _cased(" ".join(words)) if words[0][0].isupper() else None


def _spoken(texts: Sequence[Sequence[str]], known: set[str]) -> Iterator[tuple[int, str]]:
    """Place and name of what looks like a name in the text."""
    words = [list(_words(lines)) for lines in texts]
    inside: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for word in (word for some in words for word in some):
        if word.capital and not word.begins:
            inside[_key(word.text)] += 1
        elif not word.capital and word.text[0].islower():
            small[_key(word.text)] += 1
    good = {w for w, often in inside.items() if small[w] <= _COMMON * often} | known
    good -= NO_NAMES
    for place, some in enumerate(words):
        run: list[str] = []
        for word in some:
            fits = word.capital and _key(word.text) in good
            if run and not (fits and word.joined and len(run) < _MOST_WORDS):
                yield place, " ".join(run)
                run = []
            if fits:
                run.append(word.text)
        if run:
            yield place, " ".join(run)


@dataclass(frozen=True, slots=True)
class _Word:
    """A word: capitalised but not all in capitals; first of a sentence; only a space after the one before."""

    text: str
    capital: bool
    begins: bool
    joined: bool


def _words(lines: Sequence[str]) -> Iterator[_Word]:
    text, end = " ".join(lines), 0
    for match in _WORD.finditer(text):
        between = text[end : match.start()]
        word = re.sub(r"['’]s$", "", match.group())
        # A caption may go on with a sentence, but as a rule begins one.
        begins = end == 0 or bool(_ENDS & set(between))
        capital = len(word) > 1 and word[0].isupper() and not word.isupper()
        yield _Word(word, capital, begins, between == " ")
        end = match.end()


def _listed(
    said: Iterable[tuple[int, str]], texts: Sequence[Sequence[str]], people: tuple[Person, ...]
) -> Iterator[Mention]:
    called = {_key(word): person.name for person in people for word in person.called}
    for place, name in said:
        if _key(name) in called:
            yield Mention(called[_key(name)], place, "label")
    for word, name in ((word, person.name) for person in people for word in person.called):
        forms = "|".join(re.escape(form) for form in dict.fromkeys((word, word.upper())))
        pattern = re.compile(rf"(?<!\w)(?:{forms})(?!\w)")
        for place, lines in enumerate(texts):
            if pattern.search(unicodedata.normalize("NFC", " ".join(lines))):
                yield Mention(name, place, "word")


def _merged(names: Sequence[str]) -> dict[str, str]:
    """Key of a name -> how it is shown: as it is written most often.

    One word of a longer name is that name, where only one has it; the rarer of both forms gives way.
    """
    forms: dict[str, Counter[str]] = {}
    for name in names:
        forms.setdefault(_key(name), Counter())[name] += 1
    shown = {key: max(sorted(often), key=lambda form: often[form]) for key, often in forms.items()}
    longer: dict[str, list[str]] = {}
    for key in shown:
        for word in key.split() if " " in key else ():
            longer.setdefault(word, []).append(key)
    whole = {key: found[0] for key, found in longer.items() if len(found) == 1 and key in shown}
    for key, full in whole.items():
        # "Aunt Ann", said once, is no better name than "Ann".
        if forms[full].total() * _RARE < forms[key].total():
            shown[full] = shown[key]
    return {key: shown[whole.get(key, key)] for key in shown}


def _ends_of(name: str) -> list[str]:
    """First and last word of a name of several words."""
    words = name.split()
    return [words[0], words[-1]] if len(words) > 1 else []


def _cased(name: str) -> str:
    return name.title().replace("’S", "’s") if name.isupper() else name


def nearly(one: str, two: str) -> bool:
    """Two names that are one but for a letter or two of six: Katherine and Katharine, not Ann and Dan."""
    first, second = _key(one), _key(two)
    return first != second and SequenceMatcher(None, first, second).ratio() >= _NEARLY


def _key(name: str) -> str:
    """The same however a name is cased and accented: captions leave out accents now and then."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
