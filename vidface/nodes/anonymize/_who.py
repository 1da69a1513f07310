"""Who is hidden: everyone, everyone but some, or only some; whoever is not sure to be shown is hidden."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

from vidface.data import Faces
from vidface.data.identity import Identities, Identity


class Who:
    """The rule, and what it has seen of the names it was given.

    Args:
        keep: names of those who stay visible; empty: nobody does.
        only: names of those who are hidden, and nobody else; empty: everyone is hidden.
    """

    def __init__(self, keep: Sequence[str], only: Sequence[str]) -> None:
        self._keep = {_plain(name): name for name in keep}
        self._only = {_plain(name): name for name in only}
        self._met: set[str] = set()

    @property
    def asks(self) -> bool:
        """The rule speaks of names, so identities are needed."""
        return bool(self._keep or self._only)

    def hides(self, seen: Sequence[Identity]) -> bool:
        """Whether a face is hidden of which this is held, now and on the frames ahead.

        One doubt among them hides it: an identity that is undecided, or a name that says otherwise.
        """
        if not self.asks or not seen:
            return True
        names = [None if one.name is None else _plain(one.name) for one in seen]
        self._met.update(name for name in names if name is not None)
        if any(one.state == "undecided" for one in seen):
            return True
        if self._keep:
            return any(name not in self._keep for name in names)
        return any(name in self._only for name in names)

    def names(self, one: Identity) -> bool:
        """This is somebody whom `only` names."""
        if one.name is None or _plain(one.name) not in self._only:
            return False
        self._met.add(_plain(one.name))
        return True

    def never_met(self) -> list[str]:
        """Names of the rule that nobody was recognised as."""
        wanted = self._keep | self._only
        return [name for plain, name in wanted.items() if plain not in self._met]


def _plain(name: str) -> str:
    # Galleries keep NFC; a name that was typed or copied elsewhere may come with its accents apart.
    return unicodedata.normalize("NFC", " ".join(name.split())).casefold()


def identities_of(
    track: int, faces: Sequence[Faces], identity: Sequence[Identities], *, now: int
) -> list[Identity]:
    """What is held of a track on frame `now` of the window and after; undecided where nobody measured.

    Returns:
        One for each frame on which the track has a row, in the order of time.
    """
    found = []
    for rows, people in zip(faces[now:], identity[now:], strict=True):
        for row in np.flatnonzero(rows.tracks == track).tolist():
            found.append(people.rows[row] if len(people) else Identity())
    return found
