"""Made people: unit vectors with a little noise, and streams of tracked faces that carry them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.data import Embeddings, Faces, Frame

DIMENSION = 32
MODEL = "made@000000000000"


def person(number: int) -> NDArray[np.float64]:
    """The direction of a made person; two of them are nearly at right angles."""
    vector = np.random.default_rng(1000 + number).standard_normal(DIMENSION)
    return np.asarray(vector / np.linalg.norm(vector))


def look(number: int, rng: np.random.Generator, noise: float = 0.5) -> NDArray[np.float32]:
    """A look of a person; noise 0.5 gives a cosine of about 0.9 to the person."""
    vector = person(number) + rng.standard_normal(DIMENSION) * noise / np.sqrt(DIMENSION)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


class Stream:
    """Frames, faces and embeddings, one entry a frame.

    Built from rows {track: person} a frame; the person None stands for a row that was not measured.
    """

    def __init__(
        self, rows: Sequence[Mapping[int, int | None]], noise: float = 0.5, sure: float = 0.9
    ) -> None:
        rng = np.random.default_rng(3)
        self.frames = [Frame(i, i, Fraction(1, 25), _pixels()) for i in range(len(rows))]
        self.faces, self.embeddings = [], []
        for row in rows:
            boxes = [(100 * t, 10, 100 * t + 60, 90) for t in row]
            self.faces.append(Faces.of(boxes, tracks=np.array(list(row), np.int64)))
            vectors = np.zeros((len(row), DIMENSION), np.float32)
            for i, who in enumerate(row.values()):
                if who is not None:
                    vectors[i] = look(who, rng, noise)
            chance = np.where(vectors.any(1), sure, np.nan).astype(np.float32)
            self.embeddings.append(Embeddings(vectors, chance, MODEL))

    @property
    def ports(self) -> dict[str, Any]:
        """For NodeHarness.run."""
        return {"frame": self.frames, "faces": self.faces, "embeddings": self.embeddings}


class _Nothing:
    """A picture that nobody looks at."""

    size = (640, 360)


def _pixels() -> Any:
    return _Nothing()
