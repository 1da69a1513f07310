"""Digests of files, and the stamp that saves hashing a large file again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from vidface.data import oncejson
from vidface.errors import ModelError
from vidface.infer.manifest import WeightFile

LARGE = 50_000_000
"""Bytes; smaller files are hashed each time, which takes less than a tenth of a second."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Digest:
    """What was measured of a file: bytes, time of change in nanoseconds, lower-case hex digests.

    `sha384` is empty where nobody asked for it.
    """

    size: int
    mtime_ns: int
    sha256: str
    sha384: str = ""


def measure(path: Path, file: WeightFile, *, stamp: Digest | None = None) -> Digest:
    """Hash a file; a stamp of the same size and time of change stands for the hash of a large one.

    Raises:
        ModelError: the file cannot be read.
    """
    try:
        facts = path.stat()
        if stamp and facts.st_size > LARGE and _stands_for(stamp, facts.st_size, facts.st_mtime_ns, file):
            return stamp
        return Digest(facts.st_size, facts.st_mtime_ns, *_hash(path, long=file.sha384 is not None))
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); check its permissions.") from error


def difference(file: WeightFile, digest: Digest) -> str | None:
    """What differs between the manifest and a measured file, as a phrase; None where nothing does."""
    if file.size is not None and digest.size != file.size:
        return f"it should have {file.size} bytes, but has {digest.size}"
    if file.sha256 is not None and digest.sha256 != file.sha256:
        return f"its sha256 should be {file.sha256}, but is {digest.sha256}"
    if file.sha384 is not None and digest.sha384 != file.sha384:
        return f"its sha384 should be {file.sha384}, but is {digest.sha384}"
    return None


def read_stamp(stamp: Path) -> Digest | None:
    """The stamp, or None where there is none or it is damaged."""
    try:
        return Digest(**oncejson.read(stamp.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_stamp(stamp: Path, digest: Digest) -> None:
    """Write the stamp whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    stamp.parent.mkdir(parents=True, exist_ok=True)
    draft = stamp.with_name(f"{stamp.name}.new")
    draft.write_text(json.dumps(asdict(digest)), encoding="utf-8")
    draft.replace(stamp)


def _stands_for(stamp: Digest, size: int, mtime_ns: int, file: WeightFile) -> bool:
    return (stamp.size, stamp.mtime_ns) == (size, mtime_ns) and bool(stamp.sha384 or file.sha384 is None)


def _hash(path: Path, *, long: bool) -> tuple[str, str]:
    short, extra = hashlib.sha256(), hashlib.sha384()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            short.update(block)
            if long:
                extra.update(block)
    return short.hexdigest(), extra.hexdigest() if long else ""
