"""The file that references of a person are kept in: .npz without pickles, for its owner alone."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from vidface.data import oncejson
from vidface.data.npz import read_npz
from vidface.data.person import PersonReferences, ReferenceSource
from vidface.errors import InputError, UsageError
from vidface.vision import facegeometry, manner

FORMAT: Final = "vidface-person-1"
LARGEST: Final = 256 << 20
_ARRAYS: Final = (
    *("source", "vectors", "inner", "outer", "recognisability", "shapes", "angles", "eyes_px"),
    *("windows", "window_source", "window_end"),
)


def packed(person: PersonReferences) -> bytes:
    """The file's bytes: the same for the same references."""
    told = {
        "format": FORMAT,
        "name": person.name,
        "embedder": person.embedder,
        "mesh_model": person.mesh_model,
        "sources": [asdict(source) for source in person.sources],
    }
    arrays: dict[str, Any] = {name: getattr(person, name) for name in _ARRAYS}
    text = json.dumps(told, ensure_ascii=False, sort_keys=True).encode()
    file = io.BytesIO()
    np.savez_compressed(file, told=np.frombuffer(text, np.uint8), **arrays)
    return file.getvalue()


def read_person(path: Path) -> PersonReferences:
    """Read a person file.

    Raises:
        InputError: it is missing, cut off, damaged, of another kind, or larger than 256 MiB.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(
                f"{path}: a person file has at most {LARGEST >> 20} MiB; this is something else."
            )
        found = read_npz(path, ("told", *_ARRAYS))
        told = oncejson.read(bytes(found.pop("told")).decode())
        if told["format"] != FORMAT:
            raise InputError(
                f"{path}: wanted a person file of the format {FORMAT}, but it is {told['format']!r}."
            )
        sources = tuple(ReferenceSource(**source) for source in told["sources"])
        name, embedder, mesh_model = (told[key] for key in ("name", "embedder", "mesh_model"))
        texts = (name, embedder, mesh_model, *(source.name for source in sources))
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("a name is no text")
        person = PersonReferences(name, embedder, mesh_model, sources, **found)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no person file, or it is damaged ({error}); make it with: vidface references PATH... "
            f"-o {path.name}"
        ) from error
    _check(person, path)
    return person


def check_models(person: PersonReferences, *, embedder: str, mesh_model: str, path: str) -> None:
    """Hold a person file against the models in use.

    Raises:
        UsageError: it was made with others.
    """
    for what, own, used in (
        ("embedder", person.embedder, embedder),
        ("mesh model", person.mesh_model, mesh_model),
    ):
        if own != used:
            raise UsageError(
                f"{path} was made with the {what} {own}, but {used} is in use, and what they say cannot be "
                f"compared: choose that {what}, or make the file anew with: vidface references PATH... "
                f"-o {path}"
            )


def _check(person: PersonReferences, path: Path) -> None:
    if not len(person):
        raise InputError(f"{path} holds no look of anybody; make it anew with vidface references.")
    for name, rows, wanted in (
        ("shapes", person.shapes, facegeometry.SIZE),
        ("windows", person.windows, manner.SIZE),
    ):
        if rows.size and rows.shape[-1] != wanted:
            raise InputError(
                f"{path}: {name} have {rows.shape[-1]} numbers, and this version of vidface reads {wanted}; "
                "make the file anew with vidface references."
            )
