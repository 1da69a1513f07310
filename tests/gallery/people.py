"""Made people: vectors that lie close to one direction each."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.gallery import Gallery, Look

D = 64
MODEL = "made@0123456789ab"


def direction(person: int, d: int = D) -> NDArray[np.float32]:
    """The middle of a person's looks; those of two people are nearly at right angles."""
    row = np.random.default_rng(person).standard_normal(d)
    return np.asarray(row / np.linalg.norm(row), np.float32)


def vector(person: int, look: int = 0, *, spread: float = 0.5) -> NDArray[np.float32]:
    """A look of a person: cosines of about 0.8 to the others."""
    other = np.random.default_rng((person, look, 1)).standard_normal(D)
    row = direction(person) + spread * other / np.linalg.norm(other)
    return np.asarray(row / np.linalg.norm(row), np.float32)


def picture(number: int) -> bytes:
    """A JPEG of noise."""
    noise = np.random.default_rng(number).integers(0, 255, (112, 112, 3), np.uint8)
    done, data = cv2.imencode(".jpg", noise)
    assert done
    return io.BytesIO(data.tobytes()).getvalue()


def looks(person: int, count: int = 3, *, source: str = "photo", pictures: bool = False) -> list[Look]:
    """Some looks of a person."""
    return [
        Look(
            vector(person, number),
            0.9,
            0.8,
            f"{source}/{number}.jpg",
            picture(100 * person + number) if pictures else None,
            f"{person:032x}{number:032x}",
        )
        for number in range(count)
    ]


def filled(folder: Path, names: tuple[str, ...] = ("Ann", "Bob", "Cem")) -> Path:
    """A closed gallery of people with three looks each; person n has the name n."""
    with Gallery.create(folder, fingerprint=MODEL, dimension=D) as gallery:
        for number, name in enumerate(names):
            gallery.add(name, looks(number, pictures=True))
    return folder
