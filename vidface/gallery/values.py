"""What goes into a gallery and what it answers."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array
from vidface.errors import UsageError

LONGEST_NAME: Final = 200
LARGEST_PICTURE: Final = 4 << 20
_REFUSED: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_MAGIC: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_MIXED_UP: Final = "U+202A..U+202E and U+2066..U+2069"


def clean_name(name: str) -> str:
    """The name as it is kept: NFC, without white space at its ends.

    Any text of one line will do: it is never used as a path.

    Raises:
        UsageError: it is empty, longer than 200 characters, or has control characters in it.
    """
    kept = unicodedata.normalize("NFC", name).strip()
    if not kept or len(kept) > LONGEST_NAME:
        raise UsageError(f"a name has 1 to {LONGEST_NAME} characters, but {name[:40]!r} has {len(kept)}")
    for letter in kept:
        if unicodedata.category(letter) in _REFUSED or _mixes(letter):
            raise UsageError(
                f"the name {name!a} holds {letter!a}, which is no text; wanted one line without control "
                f"characters ({_MIXED_UP} among them)"
            )
    return kept


def _mixes(letter: str) -> bool:
    """Turns the direction of writing, so that a name can look like another one."""
    return "\u202a" <= letter <= "\u202e" or "\u2066" <= letter <= "\u2069"


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One view of a person's face.

    Attributes:
        vector: d float32, the embedding; brought to unit length.
        recognisability: in [0, 1]; NaN where not known.
        quality: in [0, 1]; NaN where not known.
        source: where it comes from, for people to read: "path" or "path#frame".
        picture: the aligned crop as JPEG or PNG, to show it and to embed it anew; or None.
        digest: SHA-256 (hex) of the file that it comes from, so that a second enrolment knows it; or "".
    """

    vector: NDArray[np.float32]
    recognisability: float = float("nan")
    quality: float = float("nan")
    source: str = ""
    picture: bytes | None = None
    digest: str = ""

    def __post_init__(self) -> None:
        rows = np.asarray(self.vector, np.float32)
        length = float(np.linalg.norm(rows))
        if rows.ndim != 1 or not np.isfinite(length) or length == 0:
            raise ValueError("Look.vector must be one row of finite numbers, not all of them 0")
        unit = frozen_array("Look.vector", rows / length, dtype=np.float32, shape=(None,))
        object.__setattr__(self, "vector", unit)
        for name in ("recognisability", "quality"):
            value = float(getattr(self, name))
            if value < 0 or value > 1:
                raise ValueError(f"Look.{name} must lie in [0, 1], or be NaN, but is {value}")
            object.__setattr__(self, name, value)
        if self.picture is not None:
            check_picture(self.picture)


def check_picture(data: bytes) -> None:
    """A small JPEG or PNG.

    Raises:
        ValueError: it is something else, or larger than 4 MiB.
    """
    if not data.startswith(_MAGIC) or len(data) > LARGEST_PICTURE:
        raise ValueError(
            f"a look's picture must be a JPEG or PNG of at most {LARGEST_PICTURE >> 20} MiB, but it is "
            f"{len(data)} bytes that begin with {data[:4]!r}"
        )


@dataclass(frozen=True, slots=True)
class Person:
    """An enrolled person. `added` and `changed` are UTC, ISO 8601."""

    name: str
    looks: int
    added: str
    changed: str


@dataclass(frozen=True, slots=True, eq=False)
class LookRow:
    """A look as it is stored: as in `Look`, with its number and when it came (UTC, ISO 8601)."""

    id: int
    vector: NDArray[np.float32]
    recognisability: float
    quality: float
    source: str
    added: str
    picture: bytes | None


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of the looks given.

    Attributes:
        added: looks stored.
        duplicates: positions (in what was given) of looks that were left out, since the person has one
            with a cosine of 0.98 or more to it.
        outliers: positions of looks that were stored though they are less like the mean of the person's
            others than the gallery's threshold: another person's, or a poor picture.
        nearest_other: another person with a look at or above the threshold, and the cosine: perhaps one
            person under two names; else None.
    """

    added: int
    duplicates: tuple[int, ...] = ()
    outliers: tuple[int, ...] = ()
    nearest_other: tuple[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """What `forget` took away, and what a search through the folder's files found after that.

    Attributes:
        token: the mark that stands for the person: all that stays, in the audit log.
        looks, pictures: rows deleted. vectors: rows of the vector file overwritten with zeros.
        redacted: other texts (sources, audit log) in which the name stood and was replaced by the token.
        files: the files that were read through, byte by byte.
        name_bytes: the name was looked for as bytes too; with fewer than 4 it would turn up by chance, and
            is looked for in the rows of the database only.
        found: places where a vector, a picture or the name was still found; 0 is the proof.
        where: the files in which.
        shared: vectors and pictures that another person has as well, the same bit by bit: those stay.
    """

    token: str
    looks: int
    pictures: int
    vectors: int
    redacted: int
    files: tuple[str, ...]
    name_bytes: bool
    found: int
    where: tuple[str, ...]
    shared: int

    @property
    def clean(self) -> bool:
        """Nothing was found."""
        return self.found == 0


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One entry of the audit log.

    Attributes:
        at: UTC, ISO 8601. user: the account. action: what was done.
        people: names of those concerned; a mark in place of somebody who is not enrolled (any more).
        detail: further facts, ready for JSON.
    """

    at: str
    user: str
    action: str
    people: tuple[str, ...]
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReembedReport:
    """Looks with a new vector, and those that were dropped since they have no picture."""

    looks: int
    dropped: int
