"""Where weights lie on this machine, and whether they are the ones that the manifest describes.

Weights are looked for next to their manifest first (models that the project trained itself), then
in the user's model folder: $VIDFACE_MODELS, else $XDG_CACHE_HOME/vidface/models, else
~/.cache/vidface/models, in a folder named like the model.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vidface.data.digest import sha256_of
from vidface.errors import ModelError, ModelMismatchError, ModelMissingError
from vidface.infer.digest import LARGE, Digest, difference, measure, read_stamp, write_stamp
from vidface.infer.manifest import Manifest, WeightFile, read_manifest
from vidface.infer.shipped import shipped

MANIFEST = "manifest.yaml"
State = Literal["shipped", "present", "unverified", "absent", "mismatch"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that this machine knows of.

    Attributes:
        manifest: what is known of it.
        folder: where the manifest lies.
        user: True for a manifest in the user's model folder, False for one that came with vidface.
    """

    manifest: Manifest
    folder: Path
    user: bool


@dataclass(frozen=True, slots=True)
class Weights:
    """Files that were found and checked.

    Attributes:
        entry: the model.
        path: the model file, the manifest's first.
        sha256: of that file, lower-case hex.
        size: bytes of that file.
        verified: False where the publisher states no digest, so only sameness since the first
            fetch is known.
        files: name and sha256 of every file of the model, and of its manifest.
    """

    entry: Entry
    path: Path
    sha256: str
    size: int
    verified: bool
    files: Mapping[str, str]


def shipped_folder() -> Path:
    """The folder with the manifests that came with vidface: in a wheel, or in a checkout."""
    return shipped("models")


def user_folder() -> Path:
    """The user's model folder; it need not exist."""
    own = os.environ.get("VIDFACE_MODELS")
    if own:
        return Path(own).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    base = Path(cache) if cache and Path(cache).is_absolute() else Path.home() / ".cache"
    return base / "vidface" / "models"


def names() -> tuple[str, ...]:
    """Every known model, sorted."""
    found = {path.parent.name for folder, _ in _folders() for path in folder.glob(f"*/{MANIFEST}")}
    return tuple(sorted(found))


def entry(name: str) -> Entry:
    """The model of that name; what came with vidface goes before the user's own manifests.

    Raises:
        ModelMissingError: no such model, with the nearest names.
        ModelError: its manifest is not sound.
    """
    if "/" not in name and "\\" not in name and not name.startswith("."):
        for folder, user in _folders():
            path = folder / name / MANIFEST
            if path.is_file():
                return Entry(_named(path), path.parent, user)
    near = difflib.get_close_matches(name, names(), n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise ModelMissingError(
        f"There is no model named {name!r}.{hint} `vidface models list` shows all; "
        "`vidface models import FILE --name NAME --family FAMILY --license LICENCE` adds one of your own."
    )


def same_person(fingerprint: str) -> float | None:
    """Cosine from which on the makers of an embedder ("name@digest") call two looks one person's.

    None where they do not say, or there is no such model. Raises ModelError: its manifest is not sound.
    """
    try:
        said = entry(fingerprint.rpartition("@")[0]).manifest.defaults.get("same_person")
    except ModelMissingError:
        return None
    return None if said is None else float(said)


def entries() -> tuple[Entry, ...]:
    """Every known model, sorted by name.

    Raises:
        ModelError: a manifest is not sound.
    """
    return tuple(entry(name) for name in names())


def home(name: str) -> Path:
    """The folder that fetched or imported weights of this model go to; it need not exist."""
    return user_folder() / name


def find(name: str) -> Path:
    """The model's file, without checking its digest.

    Raises:
        ModelMissingError: no such model, or a file of it is not on this machine; says what to do.
    """
    known = entry(name)
    paths = [_locate(known, file) for file in known.manifest.files]
    return paths[0]


def verify(name: str, *, trust_stamp: bool = True) -> Weights:
    """Find every file of the model and compare size and digest with the manifest.

    Files of up to 50 MB are hashed each time. For larger ones a stamp in the user's model folder
    (size, time of change, digest) stands for the hash unless `trust_stamp` is False.

    Raises:
        ModelMissingError: as `find`.
        ModelMismatchError: a file is not the one that the manifest describes.
    """
    known = entry(name)
    checked = [_check(known, file, trust_stamp=trust_stamp) for file in known.manifest.files]
    path, digest = checked[0]
    files = {one.name: found.sha256 for one, found in checked} | {
        MANIFEST: sha256_of(known.folder / MANIFEST)
    }
    return Weights(known, path, digest.sha256, digest.size, known.manifest.verifiable, files)


def stamp_path(name: str, file: WeightFile) -> Path:
    """Where the stamp of a model's file lies; it need not exist."""
    return home(name) / f"{file.name}.stamp"


def state(known: Entry) -> State:
    """In one word, whether the model can be used; digests are checked."""
    try:
        weights = verify(known.manifest.name)
    except ModelMissingError:
        return "absent"
    except ModelMismatchError:
        return "mismatch"
    if not weights.verified:
        return "unverified"
    return "shipped" if weights.path.parent == known.folder and not known.user else "present"


def families() -> dict[str, Entry]:
    """For every family that vidface knows, one model that came with it and states the contract."""
    known = (each for each in reversed(entries()) if not each.user and each.manifest.format == "onnx")
    return {each.manifest.family: each for each in known}


def _folders() -> tuple[tuple[Path, bool], ...]:
    return (shipped_folder(), False), (user_folder(), True)


def _named(path: Path) -> Manifest:
    manifest = read_manifest(path)
    if manifest.name != path.parent.name:
        raise ModelError(
            f"{path}: name: a model is named like its folder, {path.parent.name!r}, "
            f"but the manifest says {manifest.name!r}. Rename one of them."
        )
    return manifest


def _locate(known: Entry, file: WeightFile) -> Path:
    for folder in (known.folder, home(known.manifest.name)):
        path = folder / file.name
        if path.is_file():
            return path
    raise ModelMissingError(_missing(known, file))


def _missing(known: Entry, file: WeightFile) -> str:
    manifest = known.manifest
    start = f"The weights of {manifest.name} ({file.name}) are not on this machine. "
    if file.urls:
        return f"{start}`vidface models pull {manifest.name}` fetches them (licence: {manifest.licence.id})."
    digest = file.sha256 or file.sha384
    proof = f" with hash {digest}" if digest else ""
    return (
        f"{start}No public address is known: get the file{proof} from its publisher and run "
        f"`vidface models import FILE --as {manifest.name}`, or put it at {home(manifest.name) / file.name}."
    )


def _check(known: Entry, file: WeightFile, *, trust_stamp: bool) -> tuple[Path, Digest]:
    name = known.manifest.name
    path = _locate(known, file)
    stamp = read_stamp(stamp_path(name, file))
    digest = measure(path, file, stamp=stamp if trust_stamp else None)
    fault = difference(file, digest)
    if not fault and not file.verifiable and stamp and stamp.sha256 != digest.sha256:
        fault = f"its sha256 was {stamp.sha256} when it was fetched, but is {digest.sha256} now"
    if fault:
        raise ModelMismatchError(
            f"{path} is not the {name} that its manifest describes: {fault}. {_mend(known, path)}"
        )
    # A file without a stated digest has its stamp as the only proof of sameness, written on arrival.
    if digest is not stamp and digest.size > LARGE and file.verifiable:
        with suppress(OSError):
            write_stamp(stamp_path(name, file), digest)
    return path, digest


def _mend(known: Entry, path: Path) -> str:
    name = known.manifest.name
    if path.parent == known.folder and not known.user:
        return "It came with vidface and was changed since: reinstall vidface, or restore the file."
    if any(file.urls for file in known.manifest.files):
        return f"`vidface models pull {name} --force` fetches it anew."
    return f"Import the right file: `vidface models import FILE --as {name}`."
