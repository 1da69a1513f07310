"""Custody: what a run's folder says of itself so that it can be checked later, elsewhere, by somebody else.

run.json holds the SHA-256 of every file of the run; OUT/chain.jsonl the hash chain over the rows of every
JSONL file. Of run.json itself there are two digests, over its canonical form (keys sorted, no spaces,
ASCII): `run_sha256` without what was added after the run's end, to which reviewers' notes are tied, and
`manifest_sha256` over all but itself, which a user's key signs (run.json.sig).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from vidface.data.digest import readable_sha256
from vidface.data.oncejson import once, read
from vidface.errors import InputError, OutputError, UsageError
from vidface.graph.chain import Chain, file_chain
from vidface.graph.manifestshape import misfit

MANIFEST: Final = "run.json"
CHAIN: Final = "chain.jsonl"
NOTES: Final = "notes.jsonl"
SIGNATURE: Final = "run.json.sig"
DIGEST: Final = "manifest_sha256"
RUN_DIGEST: Final = "run_sha256"
ADDED: Final = "added"
"""Key of run.json: files that were put beside the run's own, such as a report: what -> name -> SHA-256."""

OWN: Final = frozenset({MANIFEST, NOTES, SIGNATURE})
"""Files of a run's folder that are not in `files_sha256`: each is checked in its own way."""

Sign = Callable[[str], bytes]
"""Digest of the manifest -> what run.json.sig holds."""

UNEQUAL: Final = (
    "command",
    "started",
    "ended",
    "wall_s",
    "fps",
    "peak_memory_mb",
    "nodes.*.seconds",
    "nodes.*.ms_per_frame",
    "nodes.*.cpu_ms_per_frame",
    "nodes.*.share",
    "signed_by",
    RUN_DIGEST,
    DIGEST,
)
"""What two forensic runs of the same on the same machine may differ in: when, how long, by which test key.

Synthetic pictures differ as well, for C2PA signs them, and a signature is never the same twice: there
`unsigned_sha256` is equal, and takes the place of `files_sha256`. What was added later is left out.
"""


def canonical(facts: Mapping[str, Any], *without: str) -> bytes:
    """run.json in the form that is hashed, some keys left out."""
    # There and back, so that keys that are numbers are sorted as the texts that they become.
    kept = json.loads(json.dumps({key: value for key, value in facts.items() if key not in without}))
    return json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()


def run_digest(facts: Mapping[str, Any]) -> str:
    """SHA-256 of run.json as the run left it, lower-case hex."""
    return hashlib.sha256(canonical(facts, DIGEST, RUN_DIGEST, ADDED)).hexdigest()


def manifest_digest(facts: Mapping[str, Any]) -> str:
    """SHA-256 of run.json with what was added to it, lower-case hex."""
    return hashlib.sha256(canonical(facts, DIGEST)).hexdigest()


def with_digests(facts: Mapping[str, Any]) -> dict[str, Any]:
    """run.json with its two digests, made anew."""
    told = {**facts, RUN_DIGEST: run_digest(facts)}
    return told | {DIGEST: manifest_digest(told)}


def read_manifest(folder: Path, *, ambiguous: bool = False) -> dict[str, Any]:
    """run.json of a folder.

    Args:
        ambiguous: read it also where it names a key twice, or is not as vidface writes it, which is for
            `ambiguity` and `misfit` to tell; of two values the last counts.

    Raises:
        InputError: there is none, or it is damaged.
    """
    path = folder / MANIFEST
    try:
        text = plain(path).read_text(encoding="utf-8")
        facts = read(text, twice=ambiguous)
    except FileNotFoundError:
        raise InputError(f"{folder} is no folder of a run: it has no {MANIFEST}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path} is damaged: it is not JSON of one meaning any more ({error})") from None
    if not isinstance(facts, dict):
        raise InputError(f"{path} is damaged: it is not that of a run")
    if not ambiguous and (wrong := misfit(facts)):
        raise InputError(f"{path} is not as vidface writes it: {wrong}; was it edited?")
    return facts


def ambiguity(folder: Path) -> str:
    """Why run.json means one thing to one reader and another to another; "" where it is read in one way.

    Digests are made of what was read: they hold for the last value of a key that is named twice.
    """
    try:
        once((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def sealed(folder: Path, names: Iterable[str]) -> dict[str, Any]:
    """Hash the files of a run and write their chain.

    Returns:
        For run.json: `files_sha256` (None for a file that is not there) and `chains` (rows and head by file).

    Raises:
        OutputError: the chain cannot be written.
    """
    files = {name: readable_sha256(folder / name) for name in dict.fromkeys(names)}
    rows = [name for name, digest in files.items() if name.endswith(".jsonl") and digest is not None]
    chains = {name: file_chain(folder / name) for name in rows}
    if chains:
        write_chains(folder / CHAIN, chains)
        files[CHAIN] = readable_sha256(folder / CHAIN)
    heads = {name: {"rows": chain.rows, "head": chain.head} for name, chain in chains.items()}
    return {"files_sha256": files, "chains": heads}


def write_chains(path: Path, chains: Mapping[str, Chain]) -> None:
    """One line of JSON a file, private.

    Raises:
        OutputError: it cannot be written.
    """
    lines = [json.dumps({"file": name, **chain.to_json()}) + "\n" for name, chain in chains.items()]
    write_private(path, "".join(lines).encode())


def read_chains(path: Path) -> dict[str, Chain]:
    """File name -> chain; empty where there is no such file.

    Raises:
        InputError: it cannot be read, or is damaged.
    """
    try:
        rows = [once(line) for line in plain(path).read_text(encoding="utf-8").splitlines()]
        return {str(row["file"]): Chain.from_json(row) for row in rows}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error})") from None


def plain(path: Path) -> Path:
    """The path of a file to be read whole, if it is a file, or nothing is there.

    Raises:
        InputError: it is a pipe, a device or a folder; the first two may have no end.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no plain file")
    return path


def present(path: Path) -> bool:
    """A plain file is there; none has a name that is too long for one."""
    try:
        return path.is_file()
    except OSError:
        return False


def inside(folder: Path, name: str) -> bool:
    """A name in run.json is that of a place in the run's folder, out of which no link leads."""
    try:
        return (folder / name).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links that lead back to themselves
        return False


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb"
        ) as file:
            file.write(data)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {error.strerror}") from None


def add_files(folder: Path, what: str, names: Iterable[str], *, sign: Sign | None = None) -> None:
    """Put files that were made from a finished run under its seal; the same `what` again replaces them.

    Args:
        what: for example "report".
        names: files in the folder, as paths from it.
        sign: signs run.json anew; wanted where it is signed.

    Raises:
        InputError: the folder holds no run.
        UsageError: run.json is signed and `sign` is not given, it is not the one that the run left, or a
            name is that of a file of the run itself.
        OutputError: run.json cannot be written.
    """
    facts = read_manifest(folder)
    if facts.get(RUN_DIGEST) != run_digest(facts) or facts.get(DIGEST) != manifest_digest(facts):
        raise UsageError(f"{folder / MANIFEST} was changed after the run, and nothing is put under its seal")
    if sign is None and (folder / SIGNATURE).exists():
        raise UsageError(f"{folder / MANIFEST} is signed; adding to it wants the key, to sign it anew")
    files = {name: readable_sha256(folder / name) for name in names}
    if own := [name for name in files if name in facts.get("files_sha256", {})]:
        raise UsageError(
            f"{folder}: the run itself wrote {', '.join(own)}, whose seal stands; add files of other names"
        )
    added = facts.get(ADDED, {}) | {what: files}
    facts = with_digests(facts | {ADDED: added})
    write_private(folder / MANIFEST, (json.dumps(facts, indent=2) + "\n").encode())
    if sign is not None:
        write_private(folder / SIGNATURE, sign(facts[DIGEST]))


def all_files(facts: Mapping[str, Any]) -> dict[str, str | None]:
    """Name -> SHA-256 of every file that run.json answers for; what the run said of its own counts."""
    return {
        **{k: v for one in facts.get(ADDED, {}).values() for k, v in one.items()},
        **facts.get("files_sha256", {}),
    }


def added_twice(facts: Mapping[str, Any]) -> frozenset[str]:
    """Names of the run's own files that were added to run.json later, which would put a new seal on them."""
    added = {name for one in facts.get(ADDED, {}).values() for name in one}
    return frozenset(added & facts.get("files_sha256", {}).keys())


def comparable(facts: Mapping[str, Any]) -> dict[str, Any]:
    """run.json without the fields in which two equal forensic runs may differ (`UNEQUAL`)."""
    kept: dict[str, Any] = json.loads(canonical(facts, ADDED))
    for output in kept.get("outputs", {}).values():
        kept["files_sha256"] |= output.get("unsigned_sha256", {})
    for field in UNEQUAL:
        _drop(kept, field.split("."))
    return kept


def _drop(value: Any, path: list[str]) -> None:
    if isinstance(value, list) and path[0] == "*":
        for item in value:
            _drop(item, path[1:])
    elif isinstance(value, dict) and len(path) == 1:
        value.pop(path[0], None)
    elif isinstance(value, dict) and path[0] in value:
        _drop(value[path[0]], path[1:])
