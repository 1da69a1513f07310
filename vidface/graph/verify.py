"""Verify: is a run's folder what the run left? Every file, row, note, and the signature, by their hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from vidface.data.digest import readable_sha256
from vidface.errors import InputError
from vidface.graph.chain import Chain, breaks
from vidface.graph.custody import (
    CHAIN,
    DIGEST,
    MANIFEST,
    NOTES,
    OWN,
    RUN_DIGEST,
    SIGNATURE,
    added_twice,
    all_files,
    ambiguity,
    inside,
    manifest_digest,
    plain,
    present,
    read_chains,
    run_digest,
)
from vidface.graph.manifestshape import misfit
from vidface.graph.notes import check_notes

State = Literal["same", "changed", "missing", "extra", "differs", "other", "unchecked"]

BAD: Final = frozenset({"changed", "missing", "extra", "differs"})
"""States that mean that something is not what it was; "other" (packages here) and "unchecked" do not."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        what: manifest, signature, file, notes, input, source, consent, model, package, gallery or re-run.
        name: of the file, model or package.
        text: what was found, as a phrase.
    """

    what: str
    name: str
    state: State
    text: str = ""

    @property
    def bad(self) -> bool:
        """It is not what it was."""
        return self.state in BAD

    def to_json(self) -> dict[str, str]:
        """Plain values."""
        return asdict(self)


def check_folder(folder: Path, facts: Mapping[str, Any], *, key: Path | None = None) -> Iterator[Check]:
    """Everything that lies in a run's folder; first whether run.json, which tells what should, is unchanged.

    Where run.json is not even made as vidface makes it, nothing else can be checked.

    Args:
        facts: its run.json.
        key: public key or certificate that must have signed it.

    Raises:
        InputError: a file cannot be read.
        UsageError: `key` is none.
    """
    if wrong := misfit(facts):
        yield Check("manifest", MANIFEST, "changed", f"it is not as vidface writes it: {wrong}")
        return
    yield from _manifest(facts, ambiguity(folder))
    yield from _signature(folder, facts, key)
    if "files_sha256" in facts:
        yield from _files(folder, facts)
    yield from _notes(folder, facts)


def _manifest(facts: Mapping[str, Any], ambiguous: str) -> Iterator[Check]:
    if facts.get("status") == "running":
        text = "the run did not end (it was killed, or it still goes on): its files were never sealed"
        yield Check("manifest", MANIFEST, "differs", text)
        return
    if DIGEST not in facts:
        text = "it has no digest of itself: an older vidface wrote it, the disk was full, or it was taken out"
        yield Check("manifest", MANIFEST, "differs", text)
        return
    graph = facts.get("graph")
    if not isinstance(graph, dict):
        yield Check("manifest", MANIFEST, "changed", "it does not say which graph was run")
    elif hashlib.sha256(str(graph.get("text")).encode()).hexdigest() != graph.get("sha256"):
        yield Check("manifest", MANIFEST, "changed", "the text of the graph is not the one that was run")
    if ambiguous:
        yield Check("manifest", MANIFEST, "changed", f"it can be read in two ways: {ambiguous}")
    elif facts[DIGEST] != manifest_digest(facts):
        yield Check("manifest", MANIFEST, "changed", "it is not what its own digest says")
    elif facts.get(RUN_DIGEST) != run_digest(facts):
        yield Check("manifest", MANIFEST, "changed", "what the run said of itself was changed later")
    else:
        yield Check("manifest", MANIFEST, "same", f"sha256 {facts[DIGEST]}")


def _signature(folder: Path, facts: Mapping[str, Any], key: Path | None) -> Iterator[Check]:
    from vidface.media.signature import check_signature, public_key

    path = folder / SIGNATURE
    if key is not None:
        public_key(key)
    if not path.exists():
        if facts.get("manifest_signed_by") is not None:
            yield Check("signature", SIGNATURE, "missing", "run.json says that it is signed")
        elif key is not None:
            yield Check("signature", SIGNATURE, "missing", f"{key} never signed this run")
        return
    found = check_signature(_bytes(path), manifest_digest(facts), key=key)
    by = f"{found.name or 'a key without a name'} (key sha256 {found.fingerprint[:16]})"
    first = (facts.get("manifest_signed_by") or {}).get("key_sha256", found.fingerprint)
    if not found.holds:
        yield Check("signature", SIGNATURE, "changed", found.fault)
    elif key is not None:
        later = "" if first == found.fingerprint else f"; the run's own signature was of key {first[:16]}"
        yield Check("signature", SIGNATURE, "same", f"signed by {by}, which is that of {key}{later}")
    elif first != found.fingerprint:
        text = f"signed by {by}, but the run was signed by key {first[:16]}: signed anew later, or replaced"
        yield Check("signature", SIGNATURE, "differs", f"{text}; --key FILE accepts the later one")
    else:
        text = f"signed by {by}; whether that is the right key, --key FILE can tell"
        yield Check("signature", SIGNATURE, "same", text)


def _files(folder: Path, facts: Mapping[str, Any]) -> Iterator[Check]:
    stated, twice = all_files(facts), added_twice(facts)
    chains, fault = _chains(folder)
    here = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    links = {name for name, path in here.items() if path.is_symlink()}
    for name, digest in stated.items():
        path = folder / name
        if name in links:
            yield Check(
                "file", name, "changed", "a link stands in its place: what it leads to was not sealed"
            )
        elif not inside(folder, name):
            yield Check("file", name, "changed", "run.json names a file that is not in this folder")
        elif name in twice:
            yield Check("file", name, "changed", "a file of the run's own was added to run.json once more")
        elif not present(path):
            state: State = "same" if digest is None else "missing"
            yield Check("file", name, state, "was not there when the run ended" if digest is None else "")
        elif readable_sha256(path) == digest:
            yield Check("file", name, "same")
        else:
            text = fault if name == CHAIN and fault else _where(path, name, facts, chains)
            yield Check("file", name, "changed", text)
    for name in sorted(here.keys() - stated.keys()):
        if name in links:
            what = "folder" if here[name].is_dir() else "file"
            yield Check("file", name, "extra", f"a link to a {what}: the run did not make it")
        elif not here[name].is_dir() and name not in OWN:
            yield Check("file", name, "extra", "the run did not write it")


def _chains(folder: Path) -> tuple[dict[str, Chain], str]:
    try:
        return read_chains(folder / CHAIN), ""
    except InputError as error:
        return {}, str(error)


def _where(path: Path, name: str, facts: Mapping[str, Any], chains: Mapping[str, Chain]) -> str:
    """Which rows of a JSONL file changed; "" where that cannot be told."""
    stated = facts.get("chains", {}).get(name)
    if stated is None:
        return ""
    chain = chains.get(name)
    if chain is None or (chain.rows, chain.head) != (stated["rows"], stated["head"]):
        return f"which rows cannot be told, for {CHAIN} does not fit either"
    with path.open("rb") as file:
        rows = list(file)
    return "; ".join(str(one) for one in breaks(rows, chain)) or "its rows are the same"


def _notes(folder: Path, facts: Mapping[str, Any]) -> Iterator[Check]:
    if not (folder / NOTES).exists():
        return
    plain(folder / NOTES)
    notes, faults = check_notes(folder, str(facts.get(RUN_DIGEST)))
    if faults:
        yield Check("notes", NOTES, "changed", "; ".join(faults))
    else:
        head = notes[-1].hash if notes else "none"
        yield Check(
            "notes",
            NOTES,
            "same",
            f"{len(notes)} {'note' if len(notes) == 1 else 'notes'}, the last with hash {head}",
        )


def _bytes(path: Path) -> bytes:
    try:
        return plain(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
