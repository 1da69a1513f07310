"""Outcome: what came out of a re-run, held against what the run's folder has; and what was not compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vidface.data.digest import readable_sha256
from vidface.errors import InputError, UsageError
from vidface.graph.custody import ADDED, CHAIN, read_manifest
from vidface.graph.framedigest import SEGMENT_S
from vidface.graph.rowdiff import Rows, compare_rows
from vidface.graph.tablerows import TABLES
from vidface.graph.verify import Check, State

NOTHING: Final = "nothing that the run wrote could be compared"
"""Said where a re-run was made, and yet tells nothing."""

_NOT_FORENSIC: Final = "bytes are compared of --forensic runs only"
_NOT_WHOLE: Final = "bytes are compared by --sample all alone, of a run that came to its end"
_NO_OUTPUT: Final = "no output of the graph writes it, so it is not made again"
_TAKEN: Final = "the graph writes it, but run.json names no such file"
_UNKNOWN: Final = (
    "the graph writes it, but run.json does not know that output (--outputs may have left it out)"
)
_NOTHING: Final = hashlib.sha256(b"").hexdigest()
_EMPTY: Final = "the graph writes it, empty; older versions wrote no file where there was nothing to say"
_LATER: Final = "it was made after the run, and no run makes it again"
_SIGNED: Final = "what was signed is the same; of the file with its signature `vidface inspect` tells"
_SIDECAR: Final = "a signature is never the same twice; `vidface inspect` tells of it"


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is re-run.

    Attributes:
        frames: rows of frames with a lower index are compared; None compares whole files.
        until: index of the frame at which the re-run may stop; None runs to the end.
        text: the stretch in words.
    """

    frames: int | None
    until: int | None
    text: str


def check_outcome(
    folder: Path, facts: Mapping[str, Any], again: Path, *, stretch: Stretch, tolerance: float
) -> Iterator[Check]:
    """Rows value by value, decoded frames and, of a whole forensic run, every other file byte for byte.

    Every file that was not compared is told, and so is that nothing was.

    Args:
        facts: run.json of `folder`.
        again: folder of the re-run.
        tolerance: numbers in rows that differ by no more than this count as the same.
    """
    made = read_manifest(again, ambiguous=True)  # of a run just made here
    found = [*_frames(facts, made)]
    for name in facts.get("files_sha256", {}):
        if _has_rows(name):
            found.append(_rows(name, folder / name, again / name, stretch=stretch, tolerance=tolerance))
    found += _files(folder, facts, made, stretch)
    if not any(one.bad or one.state == "same" for one in found):
        yield Check("re-run", "", "unchecked", NOTHING)
    yield from found


def _has_rows(name: str) -> bool:
    return name.endswith((".jsonl", *TABLES)) and name != CHAIN


def _rows(name: str, then: Path, again: Path, *, stretch: Stretch, tolerance: float) -> Check:
    if not then.is_file():
        return Check("re-run", name, "unchecked", "it is not here")
    try:
        before, now = Rows.read(then, stretch.frames), Rows.read(again, stretch.frames)
    except InputError as error:
        return Check("re-run", name, "differs", str(error))
    except UsageError as error:
        return Check("re-run", name, "unchecked", str(error))
    if before is None or now is None:
        return Check("re-run", name, "unchecked", "its rows are not of frames; --sample all compares them")
    fault = compare_rows(before, now, tolerance)
    text = fault or f"{len(before.lines)} rows, {stretch.text}"
    return Check("re-run", name, "differs" if fault else "same", text)


def _frames(facts: Mapping[str, Any], made: Mapping[str, Any]) -> Iterator[Check]:
    """Digests of the decoded frames, of stretches that both decoded to their end."""
    then = {one["segment"]: one for one in facts["input"].get("segments", ())}
    now = {one["segment"]: one for one in made["input"].get("segments", ())}
    both = [number for number in then if number in now]
    other = [number for number in both if then[number]["sha256"] != now[number]["sha256"]]
    if other:
        where = ", ".join(f"{number * SEGMENT_S} s" for number in other[:5])
        text = f"other frames came from the decoder from {where} on"
        yield Check("re-run", "decoded stretches", "differs", text)
    elif both:
        yield Check("re-run", "decoded stretches", "same", f"{len(both)} of {SEGMENT_S} s")


def _files(
    folder: Path, facts: Mapping[str, Any], made: Mapping[str, Any], stretch: Stretch
) -> Iterator[Check]:
    """Every file that has no rows, and those that came out now and are none of the run's."""
    stated: Mapping[str, str | None] = facts.get("files_sha256", {})
    for name, digest in stated.items():
        if _has_rows(name) or name == CHAIN or digest is None:
            continue
        if not facts["settings"]["forensic"]:
            yield Check("re-run", name, "unchecked", _NOT_FORENSIC)
        elif stretch.frames is not None:
            yield Check("re-run", name, "unchecked", _NOT_WHOLE)
        else:
            yield _bytes(name, folder / name, facts, made)
    if stretch.frames is None:
        yield from _more(facts, made)
    for name in sorted({name for one in facts.get(ADDED, {}).values() for name in one} - stated.keys()):
        yield Check("re-run", name, "unchecked", _LATER)


def _more(facts: Mapping[str, Any], made: Mapping[str, Any]) -> Iterator[Check]:
    """Files that came out now and are none of the run's: they were taken out, or left out."""
    stated, known = facts.get("files_sha256", {}), facts.get("outputs", {})
    new = {name for name, digest in made.get("files_sha256", {}).items() if digest and name not in stated}
    for output, told in made.get("outputs", {}).items():
        # Older versions did not tell which outputs were chosen.
        left_out = facts["settings"]["outputs"] is None and output not in known
        state: State = "unchecked" if left_out else "differs"
        for name in told.get("files", ()):
            if name not in new:
                continue
            if made["files_sha256"][name] == _NOTHING:
                yield Check("re-run", name, "unchecked", _EMPTY)
            else:
                yield Check("re-run", name, state, _UNKNOWN if left_out else _TAKEN)


def _bytes(name: str, path: Path, facts: Mapping[str, Any], made: Mapping[str, Any]) -> Check:
    """A file of a forensic run; of a signed one what was signed, for no signature is twice the same."""
    now = made.get("files_sha256", {}).get(name)
    if now is None:
        wrote = any(name in one.get("files", ()) for one in facts.get("outputs", {}).values())
        text = "it did not come out again" if wrote else _NO_OUTPUT
        return Check("re-run", name, "differs" if wrote else "unchecked", text)
    # A file that was edited has been named; here counts what the run itself wrote.
    known = (facts["files_sha256"][name], readable_sha256(path))
    before = _unsigned(made).get(name, now)
    if before != now:  # its signature is in the file
        if before in known:
            return Check("re-run", name, "differs", "it carries no signature, as what the graph writes does")
        if before == _unsigned(facts).get(name):
            return Check("re-run", name, "unchecked", _SIGNED)
    elif now in known:
        return Check("re-run", name, "same")
    elif name.endswith(".c2pa"):
        return Check("re-run", name, "unchecked", _SIDECAR)
    return Check("re-run", name, "differs", "other bytes came out")


def _unsigned(facts: Mapping[str, Any]) -> dict[str, str | None]:
    """Name -> SHA-256 that a signed file had before."""
    found: dict[str, str | None] = {}
    for output in facts.get("outputs", {}).values():
        found |= output.get("unsigned_sha256", {})
    return found
