"""Writing a gallery to one file: see `transfer` for its form."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vidface.errors import OutputError, OutputExistsError, UsageError
from vidface.gallery import _calibrated, _origins
from vidface.gallery._store import Store
from vidface.gallery.transfer import FORM, INDEX, VECTORS


def pack(store: Store, path: Path, *, overwrite: bool) -> int:
    """Write the zip, private to the user; returns how many people are in it.

    Raises:
        OutputExistsError: it is there and `overwrite` is not set. OutputError: it cannot be written.
        UsageError: it is a folder, or lies in the gallery's own. InputError: the calibration is damaged.
    """
    _allowed(store.folder, path)
    if path.exists() and not overwrite:
        raise OutputExistsError(f"{path} is there already; give another name, or --overwrite")
    _calibrated.kept(store)  # a damaged one would come in nowhere
    try:
        with _fresh(path) as file, store.look_at(), zipfile.ZipFile(file, "w") as archive:
            count = _fill(store, archive)
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror or error}") from error
    return count


def _allowed(folder: Path, path: Path) -> None:
    """A file of the gallery's own is never written over, by whatever way it is named."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; wanted the name of a file to write, such as gallery.zip")
    own = folder.resolve()
    if any(place.is_relative_to(own) for place in (path.resolve(), path.parent.resolve())):
        raise UsageError(f"{path} lies in the gallery's own folder; choose a place outside of {folder}")


@contextlib.contextmanager
def _fresh(path: Path) -> Iterator[BinaryIO]:
    """A new private file that becomes `path` at the end, and is taken away where anything goes wrong."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with contextlib.ExitStack() as undo:
        undo.callback(part.unlink, missing_ok=True)  # after Ctrl-C, too: everybody's faces are in it
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, 0o600)  # the mode above counts less the umask
            yield file
        part.replace(path)


def _fill(store: Store, archive: zipfile.ZipFile) -> int:
    vectors, db = store.vectors(), store.db
    people: list[dict[str, Any]] = []
    rows: list[int] = []
    everybody = db.execute("SELECT id, name, added, changed FROM people ORDER BY id").fetchall()
    for person, name, since, changed in everybody:
        looks: list[dict[str, Any]] = []
        origins = _origins.of_person(db, person)
        found = db.execute(
            "SELECT looks.id, row, recognisability, quality, source, added, data FROM looks "
            "LEFT JOIN pictures ON pictures.look = looks.id WHERE person = ? ORDER BY row",
            (person,),
        )
        for number, row, sure, quality, source, added, data in found:
            look = {"row": len(rows), "recognisability": sure, "quality": quality, "source": source}
            look |= {"added": added, "picture": None, "digests": origins[number]}
            if data is not None:
                kind = "jpg" if data.startswith(b"\xff\xd8") else "png"
                look["picture"] = f"pictures/{len(rows)}.{kind}"
                archive.writestr(look["picture"], data)
            looks.append(look)
            rows.append(row)
        digests = [row[0] for row in db.execute("SELECT digest FROM sources WHERE person = ?", (person,))]
        facts = {"name": name, "added": since, "changed": changed}
        people.append({**facts, "looks": looks, "digests": digests})
    packed = io.BytesIO()
    np.save(packed, vectors[rows] if rows else vectors[:0], allow_pickle=False)
    archive.writestr(VECTORS, packed.getvalue())
    index = {"format": FORM, "version": 2, "fingerprint": store.fingerprint, "dimension": store.dimension}
    index["settings"] = {key: float(store.setting(key)) for key in ("threshold", "margin")} | {
        "calibration": store.setting("calibration")
    }
    archive.writestr(INDEX, json.dumps({**index, "people": people}, ensure_ascii=False, indent=1))
    return len(people)
