"""A gallery as one file, a zip with `gallery.json`, `vectors.npy` and `pictures/`: its form; reading it."""

from __future__ import annotations

import contextlib
import io
import math
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vidface.errors import InputError, UsageError
from vidface.gallery import _add, _origins
from vidface.gallery._calibrated import calibration_of
from vidface.gallery._store import Store
from vidface.gallery.values import LARGEST_PICTURE, AddReport, Look, check_picture, clean_name

FORM: Final = "vidface-gallery"
INDEX: Final = "gallery.json"
VECTORS: Final = "vectors.npy"
_LARGEST_INDEX: Final = 512 << 20
_LARGEST_VECTORS: Final = 8 << 30
_MEMBER: Final = re.compile(r"gallery\.json|vectors\.npy|pictures/[0-9]{1,9}\.(jpg|png)")
_STRICT: Final = ConfigDict(extra="forbid", frozen=True)
_Share = Annotated[float, Field(ge=0, le=1)]
_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class PackedLook(BaseModel):
    """A look: its row in the vectors, and the name of its picture in the zip."""

    model_config = _STRICT
    row: int = Field(ge=0)
    recognisability: _Share | None = None
    quality: _Share | None = None
    source: str = ""
    added: str = ""
    picture: str | None = None
    digests: tuple[_Digest, ...] = ()


class PackedPerson(BaseModel):
    """A person and their looks."""

    model_config = _STRICT
    name: str
    looks: tuple[PackedLook, ...]
    digests: tuple[_Digest, ...] = ()
    added: str = ""
    changed: str = ""


class PackedSettings(BaseModel):
    """What decides who is known, and how it came about (JSON of a `Calibration`, or nothing)."""

    model_config = _STRICT
    threshold: float = Field(ge=-1, le=1.001)
    margin: float = Field(ge=0, le=2)
    calibration: str = ""


class Packed(BaseModel):
    """The whole of `gallery.json`; version 1 had no settings, no dates of people and no digests of looks."""

    model_config = _STRICT
    format: Literal["vidface-gallery"]
    version: Literal[1, 2]
    fingerprint: str
    dimension: int = Field(ge=1, le=65536)
    settings: PackedSettings | None = None
    people: tuple[PackedPerson, ...]


class Unpacked(NamedTuple):
    """A person of a zip: as it was packed, and the looks themselves."""

    name: str
    packed: PackedPerson
    looks: list[Look]


def belongs_to(path: Path) -> tuple[str, int]:
    """Fingerprint and dimension of the embedder that an export was made with.

    Raises:
        InputError: it is no export.
    """
    with _opened(path) as archive:
        index = _index(path, archive)
    return index.fingerprint, index.dimension


def unpack(path: Path, *, fingerprint: str, dimension: int) -> tuple[list[Unpacked], PackedSettings | None]:
    """Read a zip and check all of it: everybody, and the settings of their gallery.

    Nothing is ever written to a path that the zip names.

    Raises:
        InputError: it is no such zip, or damaged, or not what it says.
        UsageError: it belongs to another embedder.
    """
    with _opened(path) as archive:
        index = _index(path, archive)
        if (index.fingerprint, index.dimension) != (fingerprint, dimension):
            raise UsageError(
                f"{path} was made with the embedder {index.fingerprint} ({index.dimension} numbers), but the "
                f"gallery belongs to {fingerprint} ({dimension}): import it into a gallery of its own, and "
                "vidface gallery re-embed that"
            )
        if index.settings is not None:
            calibration_of(index.settings.calibration, str(path), "it was not imported")
        vectors = _vectors(path, archive, index)
        return [_person(path, archive, person, vectors) for person in index.people], index.settings


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is no whole zip file: {error}") from error


def _index(path: Path, archive: zipfile.ZipFile) -> Packed:
    names = archive.namelist()
    for name in names:
        if not _MEMBER.fullmatch(name):
            raise InputError(f"{path} holds {name!a}, which no export of a gallery has; it was not imported")
    if len(set(names)) != len(names):
        raise InputError(f"{path} holds an entry twice; it was not imported")
    try:
        return Packed.model_validate_json(_bytes(path, archive, INDEX, _LARGEST_INDEX))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: {INDEX} is not as it should be: {place}: {first['msg']}") from error


def _bytes(path: Path, archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    try:
        size = archive.getinfo(name).file_size
    except KeyError:
        raise InputError(f"{path} has no {name}: it is no export of a gallery") from None
    if size > most:
        raise InputError(f"{path}: {name} would take {size} bytes, and at most {most} are accepted")
    return archive.read(name)


def _vectors(path: Path, archive: zipfile.ZipFile, index: Packed) -> NDArray[np.float32]:
    looks = [look.row for person in index.people for look in person.looks]
    most = min(_LARGEST_VECTORS, len(looks) * index.dimension * 4 + 4096)
    data = _bytes(path, archive, VECTORS, most)
    try:
        rows: NDArray[np.float32] = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{path}: {VECTORS} is no array of numbers") from error
    found = (rows.dtype, rows.shape)
    if found != (np.dtype(np.float32), (len(looks), index.dimension)) or sorted(looks) != list(
        range(len(looks))
    ):
        raise InputError(
            f"{path}: wanted {len(looks)} x {index.dimension} float32 in {VECTORS}, one row a look, but "
            f"found {' x '.join(map(str, rows.shape))} {rows.dtype}"
        )
    lengths = np.linalg.norm(rows, axis=1)
    if not np.all(np.abs(lengths - 1) < 1e-3):
        raise InputError(f"{path}: vectors in {VECTORS} are not of unit length")
    return rows


def _person(
    path: Path, archive: zipfile.ZipFile, person: PackedPerson, vectors: NDArray[np.float32]
) -> Unpacked:
    looks = []
    for look in person.looks:
        picture = None
        if look.picture is not None:
            if not _MEMBER.fullmatch(look.picture):
                raise InputError(f"{path}: {look.picture!a} is no name of a picture in an export")
            picture = _bytes(path, archive, look.picture, LARGEST_PICTURE)
            try:
                check_picture(picture)
            except ValueError as error:
                raise InputError(f"{path}: {look.picture}: {error}") from error
        sure = math.nan if look.recognisability is None else look.recognisability
        quality = math.nan if look.quality is None else look.quality
        looks.append(Look(vectors[look.row], sure, quality, look.source, picture))
    return Unpacked(_named(path, person.name), person, looks)


def _named(path: Path, name: str) -> str:
    try:
        return clean_name(name)
    except UsageError as error:
        raise InputError(f"{path}: {error}") from error


def joined(store: Store, person: Unpacked) -> AddReport:
    """Add somebody to a gallery where people are, as an enrolment does; within `store.change`."""
    number = _add.enrolled(store, person.name)
    looks = [
        replace(look, digest=packed.digests[0]) if packed.digests else look
        for look, packed in zip(person.looks, person.packed.looks, strict=True)
    ]
    report = _add.add(store, person.name, looks)
    _origins.enrolled_from(store.db, number, person.packed.digests)
    return report


def restored(store: Store, person: Unpacked) -> AddReport:
    """Put somebody into an empty gallery just as they were, dates too; within `store.change`."""
    number = _add.enrolled(store, person.name)
    looks = _add.insert(store, number, person.looks)
    for look, packed in zip(looks, person.packed.looks, strict=True):
        _origins.add(store.db, number, ((look, digest) for digest in packed.digests))
        if packed.added:
            store.db.execute("UPDATE looks SET added = ? WHERE id = ?", (packed.added, look))
    for column in ("added", "changed"):
        if kept := getattr(person.packed, column):
            store.db.execute(f"UPDATE people SET {column} = ? WHERE id = ?", (kept, number))
    _origins.enrolled_from(store.db, number, person.packed.digests)
    return AddReport(len(looks))
