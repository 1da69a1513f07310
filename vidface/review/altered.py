"""What of a run's folder is not what the run left: nobody should report it as what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vidface.graph.custody import MANIFEST, SIGNATURE, read_manifest
from vidface.graph.verify import Check, check_folder

READ: Final = frozenset(
    {
        *("faces.jsonl", "tracks.jsonl", "findings.jsonl", "shots", "shots/index.jsonl"),
        *("about.json", "preview.mp4"),
    }
)
"""Files that a report is made of: one that the run did not write must not be taken for the run's."""


def alterations(folder: Path) -> tuple[str, ...]:
    """What was altered, taken away or put in since the run ended, as phrases: "tracks.jsonl (row 1 changed)".

    By the hashes in its run.json, as `vidface verify` checks them. An earlier report is left out, for it is
    made anew, and notes, of which a report tells by itself. Of a run that did not end, or of an older
    version, nothing can be told: empty.

    Raises:
        InputError: the folder holds no run, or a file cannot be read.
    """
    facts = read_manifest(folder, ambiguous=True)
    own = facts.get("files_sha256")
    names = frozenset(own) if isinstance(own, dict) else frozenset()
    return tuple(_phrase(one) for one in check_folder(folder, facts) if _counts(one, names))


def _counts(check: Check, own: frozenset[str]) -> bool:
    if check.what == "file":
        mine = check.name in own and check.state in ("changed", "missing")
        return mine or (check.state == "extra" and check.name in READ)
    # What merely differs is a run that did not end, an older one, or another signer: no alteration.
    return check.name in (MANIFEST, SIGNATURE) and check.state in ("changed", "missing")


def _phrase(check: Check) -> str:
    if check.state == "changed":
        return f"{check.name} ({check.text or 'changed'})"
    return f"{check.name} ({'missing' if check.state == 'missing' else 'not written by the run'})"
