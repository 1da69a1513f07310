"""Content Credentials: a C2PA manifest in (or beside) a finished file, signed, and checked after signing.

Measured with c2pa-python 0.38.1 (c2pa-rs 0.91.3): mp4 and mov carry the manifest, also as a row of
fragments; so do png, jpg, webp and tif. Matroska and WebM have no place for one: it stands beside the
file as NAME.mkv.c2pa and is bound to its bytes by a hash. On two busy cores a video of 300 MB took 3 s and
0.4 GB of memory, one of 1 GB 16 s and 0.6 GB; signing wants as much room again on the disk.

Specification: C2PA Technical Specification (Coalition for Content Provenance and Authenticity).
"""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from vidface.data.provenance import Ingredient, MadeBy, Provenance
from vidface.errors import OutputError, UsageError
from vidface.media.certificate import Identity
from vidface.version import __version__

if TYPE_CHECKING:
    import c2pa

IN_FILE: Final = "embedded"
"""What `Signed.manifest` says of a file that carries its manifest itself."""

ASSERTION: Final = "io.github.vidface.provenance"
"""vidface's own assertion in a manifest: nodes, models and ingredients with their hashes."""

EMBEDDED: Final = MappingProxyType(
    {
        ".mp4": "video/mp4",
        ".mov": "video/quicktime",
        ".png": "image/png",
        ".jpg": "image/jpeg",
        ".jpeg": "image/jpeg",
        ".webp": "image/webp",
        ".tif": "image/tiff",
        ".tiff": "image/tiff",
    }
)
"""Suffix -> type of the files that carry a manifest themselves."""

BESIDE: Final = MappingProxyType({".mkv": "video/x-matroska", ".webm": "video/webm", ".bmp": "image/bmp"})
"""Suffix -> type of the files whose manifest stands beside them."""

SETTINGS: Final = MappingProxyType(
    {
        "verify": {"verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False},
        "builder": {"thumbnail": {"enabled": False}},
        "core": {"backing_store_memory_threshold_in_mb": 16},
    }
)
"""Nothing goes over the network; pictures of people are not copied into the manifest."""


_PIXEL: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c636800000082008177cd72b60000000049454e44ae426082"
)
_NOTHING: Final = Provenance((MadeBy("check", "check", generates=True),))


@dataclass(frozen=True, slots=True)
class Signed:
    """What became of a file.

    Attributes:
        manifest: "embedded", or the name of the file beside it.
        size: bytes of the manifest.
    """

    manifest: str
    size: int


def signable(path: Path) -> bool:
    """By its name the file is a video or picture that can be signed, in itself or beside it."""
    return path.suffix.lower() in EMBEDDED or path.suffix.lower() in BESIDE


def sidecar(path: Path) -> Path:
    """Where the manifest of a file stands that cannot carry it."""
    return path.with_name(f"{path.name}.c2pa")


def library() -> Any:
    """The module `c2pa`.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import c2pa
    except (ImportError, OSError, RuntimeError) as error:
        raise UsageError(
            "this graph makes synthetic pictures, which vidface signs with the package c2pa-python, "
            f"and that cannot be loaded ({error}); pip install 'c2pa-python>=0.38,<0.39'"
        ) from None
    return c2pa


def check_identity(identity: Identity) -> None:
    """Sign a picture of one pixel, so that a certificate that C2PA refuses shows before a run.

    Raises:
        UsageError: it refuses, and why.
    """
    c2pa = library()
    try:
        _sign(_definition("check", _NOTHING), identity, io.BytesIO(_PIXEL), io.BytesIO(), "image/png")
    except c2pa.C2paError as error:
        raise UsageError(f"the certificate {identity.name!r} cannot sign for C2PA: {plain(error)}") from None


def sign(path: Path, made: Provenance, identity: Identity) -> Signed:
    """Sign a finished file; it is replaced as a whole, so a kill on the way leaves it as it was.

    Raises:
        OutputError: it could not be signed; the file is unchanged, complete and playable.
    """
    c2pa = library()
    kind = path.suffix.lower()
    part = path.with_name(f"{path.name}.signing")
    try:
        if kind in EMBEDDED:
            size = _embed(path, part, made, identity)
            place = IN_FILE
        else:
            size = _beside(path, part, made, identity)
            place = sidecar(path).name
    except c2pa.C2paError as error:
        raise OutputError(f"{path}: is complete, but could not be signed: {plain(error)}") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise OutputError(f"{path}: is complete, but could not be signed: {why}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return Signed(place, size)


def _embed(path: Path, part: Path, made: Provenance, identity: Identity) -> int:
    with path.open("rb") as source, _private(part) as target:
        manifest = _sign(
            _definition(path.name, made), identity, source, target, EMBEDDED[path.suffix.lower()]
        )
    _verify(part, EMBEDDED[path.suffix.lower()], None)
    part.chmod(path.stat().st_mode & 0o777)
    part.replace(path)
    return len(manifest)


def _beside(path: Path, part: Path, made: Provenance, identity: Identity) -> int:
    kind = BESIDE[path.suffix.lower()]
    with path.open("rb") as source:
        manifest = _sign(_definition(path.name, made), identity, source, None, kind)
    with _private(part) as target:
        target.write(manifest)
    _verify(path, kind, manifest)
    part.chmod(path.stat().st_mode & 0o777)
    part.replace(sidecar(path))
    return len(manifest)


def _private(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w+b")


def _verify(path: Path, kind: str, manifest: bytes | None) -> None:
    """Read the manifest back and compare every hash.

    Raises:
        OutputError: what was signed does not hold.
    """
    c2pa = library()
    with path.open("rb") as file, c2pa.Reader(kind, file, manifest, context=context()) as reader:
        state = reader.get_validation_state()
    if state not in ("Valid", "Trusted"):
        raise OutputError(
            f"{path}: was signed, but the signature does not hold ({state}); it was left unsigned"
        )


def context(*, trust: str | None = None) -> c2pa.Context:
    """How c2pa-rs works here; `trust` are PEM certificates of authorities to trust."""
    found: c2pa.Context = library().Context.from_dict(
        dict(SETTINGS) if trust is None else {**SETTINGS, "trust": {"trust_anchors": trust}}
    )
    return found


def _sign(definition: dict[str, Any], identity: Identity, source: Any, target: Any, kind: str) -> bytes:
    """Bytes of the manifest; `target` None only makes them."""
    c2pa = library()
    taken: tuple[Ingredient, ...] = definition.pop("taken")
    info = c2pa.C2paSignerInfo(identity.algorithm, identity.chain, identity.key, None)
    with c2pa.Signer.from_info(info) as signer, c2pa.Builder(definition, context()) as builder:
        for number, item in enumerate(taken):
            _add(builder, item, number)
        if target is None:
            builder.set_no_embed()
        manifest: bytes = builder.sign(signer, kind, source, io.BytesIO() if target is None else target)
    return manifest


def _add(builder: c2pa.Builder, item: Ingredient, number: int) -> None:
    """Add an ingredient; a manifest that it carries is taken over, so that the chain goes on."""
    kind = "application/octet-stream"
    facts = {
        "title": item.name,
        "relationship": "parentOf" if item.role == "parent" else "inputTo",
        "label": f"ingredient_{number}",
        "description": f"{item.used_as}; sha256 {item.sha256 or 'unknown'}",
    }
    if item.path is not None:
        kind = EMBEDDED.get(item.path.suffix.lower()) or kind
        with contextlib.suppress(library().C2paError, OSError), item.path.open("rb") as stream:
            builder.add_ingredient(facts, kind, stream)
            return
    # No file, or one that c2pa cannot take apart: then its name and hash alone.
    builder.add_ingredient(facts, "application/octet-stream", io.BytesIO(b"-"))


def _definition(title: str, made: Provenance) -> dict[str, Any]:
    """The manifest as c2pa-rs takes it; "taken" are the ingredients, which are added one by one."""
    agent = {"name": "vidface", "version": __version__}
    parents = [n for n, item in enumerate(made.ingredients) if item.role == "parent"]
    generating = ", ".join(dict.fromkeys(node.use for node in made.nodes if node.generates))
    action: dict[str, Any] = {
        "action": "c2pa.created" if made.created or not parents else "c2pa.edited",
        "digitalSourceType": made.source_type,
        "softwareAgent": agent,
        "description": generating,
    }
    inputs = [f"ingredient_{n}" for n, item in enumerate(made.ingredients) if item.role == "input"]
    if inputs:
        action["parameters"] = {"ingredientIds": inputs}
    opened = [
        {"action": "c2pa.opened", "parameters": {"ingredientIds": [f"ingredient_{n}"]}} for n in parents
    ]
    return {
        "claim_generator_info": [agent],
        "title": title,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [*opened, action]}},
            {"label": ASSERTION, "data": made.to_json()},
        ],
        "taken": made.ingredients,
    }


def plain(error: Exception) -> str:
    """The sentence of an error of c2pa-rs, on one line, without its last stop."""
    return " ".join(str(error).split()).rstrip(".")
