"""What a file declares of itself: its C2PA manifest, its container's metadata, vidface's own marks.

Nothing is fetched over the network: of a manifest that lies elsewhere only the address is told.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from vidface.data.comments import comments
from vidface.data.provenance import read_comment
from vidface.errors import InputError
from vidface.media.certificate import TEST_NAME
from vidface.media.credentials import ASSERTION, BESIDE, EMBEDDED, IN_FILE, context, library, plain, sidecar
from vidface.media.images import is_picture
from vidface.media.opening import open_input

State = Literal["trusted", "untrusted", "tampered", "invalid", "unreadable", "elsewhere"]
"""trusted: unchanged, by a signer that the caller trusts. untrusted: unchanged, by nobody known. tampered:
changed since it was signed. invalid: signed against the rules. unreadable: the manifest is damaged.
elsewhere: the file only names an address."""

_CHANGED: Final = re.compile(r"mismatch|Hash\.malformed|hashedURI\.missing")
_UNTRUSTED: Final = "signingCredential.untrusted"
_XMP_TYPE: Final = re.compile(rb"Iptc4xmpExt:DigitalSourceType\W{1,20}?(https?://[^\"'<\s]+)")
_MOST: Final = 64 << 20
"""Bytes of a still picture that are searched for texts."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The active C2PA manifest of a file, as far as people ask for it.

    Attributes:
        place: "embedded", the name of the file beside it, or an address.
        generator: program and version, e.g. "vidface 0.4.0".
        signer: name, issuer, algorithm, and `self_signed_test` for vidface's test certificate.
        actions: action, source_type, description, software of each, None where not stated.
        ingredients: name, relationship, description, and `state` of a manifest of their own, if any.
        provenance: vidface's own assertion, None where there is none.
        problems: what does not hold, each in the words of C2PA.
    """

    state: State
    place: str
    generator: str | None = None
    signer: dict[str, Any] = field(default_factory=dict)
    actions: tuple[dict[str, Any], ...] = ()
    ingredients: tuple[dict[str, Any], ...] = ()
    provenance: dict[str, Any] | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Declared:
    """All that a file says of how it was made.

    Attributes:
        manifest: None where there is none.
        metadata: texts of the container, of its streams ("video 0: handler_name"), or of a still picture.
        mark: what vidface wrote into the metadata, see `vidface.data.provenance.read_comment`.
        unread: why the container could not be read, although a manifest was found.
    """

    manifest: Manifest | None
    metadata: dict[str, str]
    mark: dict[str, Any] | None
    unread: str | None = None

    @property
    def source_types(self) -> tuple[str, ...]:
        """IPTC digital source types that manifest, mark or XMP name, without the vocabulary's address."""
        stated = [action["source_type"] for action in self.manifest.actions] if self.manifest else []
        stated += [self.mark["source_type"]] if self.mark else []
        stated += [text for name, text in self.metadata.items() if name == "XMP DigitalSourceType"]
        return tuple(dict.fromkeys(text.rsplit("/", 1)[-1] for text in stated if text))


def declared(path: Path, *, trust: str | None = None) -> Declared:
    """Read what a file declares.

    Args:
        trust: PEM certificates of authorities; a signer below one of them is trusted.

    Raises:
        InputError: no such file, empty, or neither a video nor a picture nor anything with a manifest.
        UsageError: c2pa-python is not installed.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name one file in it.")
    if path.suffix == ".c2pa" and path.with_suffix("").is_file():
        raise InputError(
            f"{path}: is a manifest; inspect the file that it stands beside, {path.with_suffix('')}."
        )
    manifest = _manifest(path, trust) if path.is_file() else None
    unread = None
    try:
        metadata = _metadata(path)
    except InputError as error:
        if manifest is None:
            raise
        metadata, unread = {}, str(error)
    mark = next((found for text in metadata.values() if (found := read_comment(text))), None)
    return Declared(manifest, metadata, mark, unread)


def _metadata(path: Path) -> dict[str, str]:
    with open_input(path) as container:
        found = {str(key): str(value) for key, value in container.metadata.items()}
        if is_picture(path) and not any(stream.codec_context.width for stream in container.streams.video):
            raise InputError(f"{path}: begins as a picture, but is damaged: nothing in it can be decoded.")
        for stream in container.streams:
            found |= {f"{stream.type} {stream.index}: {key}": str(v) for key, v in stream.metadata.items()}
    if is_picture(path):
        with path.open("rb") as file:
            data = file.read(_MOST)
        found |= comments(data)
        kind = _XMP_TYPE.search(data)
        if kind is not None:
            found["XMP DigitalSourceType"] = kind[1].decode("latin-1")
    return found


def _manifest(path: Path, trust: str | None) -> Manifest | None:
    """The manifest in the file, else the one beside it."""
    kind = path.suffix.lower()
    found = _read(path, EMBEDDED.get(kind), None, IN_FILE, trust)
    for beside in (sidecar(path), path.with_suffix(".c2pa")):
        if found is None and beside.is_file() and beside != path:
            with contextlib.suppress(OSError):
                found = _read(path, BESIDE.get(kind) or EMBEDDED.get(kind), beside, beside.name, trust)
    return found


def _read(
    path: Path, kind: str | None, beside: Path | None, place: str, trust: str | None
) -> Manifest | None:
    c2pa = library()
    store = None if beside is None else beside.read_bytes()
    if store is not None and kind is None:
        kind = "application/octet-stream"
    try:
        with path.open("rb") as file, c2pa.Reader(kind, file, store, context=context(trust=trust)) as reader:
            return _told(json.loads(reader.json()), place)
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError.RemoteManifest as error:
        return Manifest("elsewhere", plain(error))
    except (c2pa.C2paError.NotSupported, c2pa.C2paError.Io, OSError):
        return None if store is None else Manifest("unreadable", place)
    except c2pa.C2paError as error:
        # A file that is no picture at all breaks in the same way; then reading it as one tells why.
        return Manifest("unreadable", place, problems=(plain(error),)) if _has_store(path, store) else None


def _has_store(path: Path, store: bytes | None) -> bool:
    """There are words in the file that only a manifest has."""
    if store is not None:
        return True
    with path.open("rb") as file:
        return b"c2pa.claim" in file.read(_MOST)


def _told(report: dict[str, Any], place: str) -> Manifest:
    status = report.get("validation_status") or []
    problems = [f"{item['code']}: {item.get('explanation', '')}" for item in status]
    active = (report.get("manifests") or {}).get(report.get("active_manifest"))
    if active is None:
        return Manifest("unreadable", place, problems=tuple(problems))
    named = active.get("signature_info") or {}
    generator = (active.get("claim_generator_info") or [{}])[0]
    assertions = active.get("assertions") or []
    return Manifest(
        state=_state(report.get("validation_state"), problems),
        place=place,
        generator=" ".join(str(generator[key]) for key in ("name", "version") if key in generator) or None,
        signer={
            "name": named.get("common_name"),
            "issuer": named.get("issuer"),
            "algorithm": named.get("alg"),
            "time": named.get("time"),
            "self_signed_test": named.get("common_name") == TEST_NAME,
        },
        actions=tuple(
            _action(item)
            for assertion in assertions
            if str(assertion.get("label", "")).startswith("c2pa.actions")
            for item in _dict(assertion.get("data")).get("actions", ())
        ),
        ingredients=tuple(_ingredient(item) for item in active.get("ingredients") or ()),
        provenance=next(
            (_dict(one.get("data")) for one in assertions if one.get("label") == ASSERTION), None
        ),
        problems=tuple(text for text in problems if not text.startswith(_UNTRUSTED)),
    )


def _dict(value: Any) -> dict[str, Any]:
    """What a stranger's manifest holds where a mapping belongs, if it is one."""
    return value if isinstance(value, dict) else {}


def _state(stated: str | None, problems: list[str]) -> State:
    if stated == "Trusted":
        return "trusted"
    if stated == "Valid":
        return "untrusted"
    return "tampered" if any(_CHANGED.search(text) for text in problems) else "invalid"


def _action(item: dict[str, Any]) -> dict[str, Any]:
    agent = item.get("softwareAgent") or {}
    words = [agent] if isinstance(agent, str) else [agent.get("name"), agent.get("version")]
    return {
        "action": item.get("action"),
        "source_type": item.get("digitalSourceType"),
        "description": item.get("description"),
        "software": " ".join(str(word) for word in words if word) or None,
    }


def _ingredient(item: dict[str, Any]) -> dict[str, Any]:
    results = (item.get("validation_results") or {}).get("activeManifest")
    state: State | None = None
    if item.get("active_manifest"):
        failed = [str(one["code"]) for one in (results or {}).get("failure", ())]
        real = [code for code in failed if code != _UNTRUSTED]
        state = _state("Valid" if not real and failed else "Trusted" if not failed else "Invalid", real)
    return {
        "name": item.get("title"),
        "relationship": item.get("relationship"),
        "description": item.get("description"),
        "state": state,
    }
