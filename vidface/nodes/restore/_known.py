"""People who are known before restoration: their looks in a gallery, as one vector each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidface.data.identity import Identities
from vidface.errors import UsageError
from vidface.gallery import Gallery
from vidface.gallery.asked import log_run
from vidface.vision.looks import fuse

Vector = NDArray[np.float32]


class KnownPeople:
    """The enrolled people of a gallery.

    Args:
        folder: the gallery.
        person: the one that is restored, where that is known beforehand.
        fingerprint: of the embedder that the vectors must come from.

    Raises:
        UsageError: there is no gallery, it is of another embedder, or holds no looks of that person.

    Attributes:
        state: whom it held, as a digest.
    """

    def __init__(self, folder: str, person: str | None, fingerprint: str) -> None:
        with Gallery.open(Path(folder).expanduser()) as gallery:
            reference = gallery.reference()
        if len(reference) and reference.fingerprint != fingerprint:
            raise UsageError(
                f"restore.face: the gallery {folder} holds vectors of {reference.fingerprint}, but "
                f"restoration is judged by {fingerprint}; run vidface gallery re-embed, or take another."
            )
        vectors, owners = np.asarray(reference.vectors), reference.owners
        self._vectors = {
            name: fuse(vectors[owners == place])
            for place, name in enumerate(reference.names)
            if (owners == place).any()
        }
        if person is not None and person not in self._vectors:
            raise UsageError(
                f"restore.face: the gallery {folder} holds no picture of {person!r}; "
                f"vidface gallery enroll --gallery {folder} {person!r} PICTURE adds one."
            )
        self._folder, self._person = folder, person
        self.state = reference.state

    def log(self, clip: str) -> None:
        """Put into the gallery's log that a run over `clip` begins."""
        log_run(self._folder, "restore", {"clip": clip}, [self._person] if self._person else [])

    def of(self, identity: Identities | None, row: int) -> Vector | None:
        """The vector of the person in a row: the one asked for, else the one recognised; None for neither."""
        name = self._person
        if name is None and identity is not None and len(identity):
            name = identity.rows[row].name
        return None if name is None else self._vectors.get(name)
