"""`vidface eval deepfake`, what is asked: clips of known origin, who is claimed, and references of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from vidface.cli._tables import read_rows
from vidface.data import oncejson
from vidface.errors import InputError

_LABELS: Final = {"real": False, "fake": True, "0": False, "1": True}


@dataclass(frozen=True, slots=True)
class Case:
    """A clip under one claim.

    Attributes:
        file: the clip. fake: its origin.
        method: how it was made, for people to read.
        crf: how strongly it is coded, as text; empty where not said.
        protocol: which side is claimed; empty where not said.
        claim: name of the claimed person; empty without a claim.
        references: files of the claimed person, or one person file; empty without.
        people: whose body and whose face it is, for the intervals.
    """

    file: Path
    fake: bool
    method: str
    crf: str
    protocol: str
    claim: str
    references: tuple[Path, ...]
    people: tuple[str, str]


def read_cases(path: Path) -> list[Case]:
    """The rows of a manifest: JSON as tests/bench/fakes.py writes it, lines of JSON, or a CSV.

    Columns: file (from the manifest's folder), label (real or fake); where known method, crf, protocol,
    claim, references (files or folders, `;` between them, or one .npz), body and face (persons).

    Raises:
        InputError: it cannot be read, a row is not sound, two rows give one clip two labels, methods or CRFs,
            or one row stands there twice; the sentence names them.
    """
    if path.suffix.lower() == ".json":
        rows = _json_rows(path)
    else:
        rows = [(row.place, row.cells) for row in read_rows(path, ("file", "label"))]
    cases = [_case(place, cells, path.parent) for place, cells in rows]
    places = [place for place, _ in rows]
    _check_labels(cases, places)
    _check_once(cases, places)
    files: dict[Path, Path] = {}
    # One clip by two paths is one.
    return [replace(case, file=files.setdefault(case.file.resolve(), case.file)) for case in cases]


def _check_labels(cases: Sequence[Case], places: Sequence[str]) -> None:
    """A label is about the clip, whoever is claimed: tests without references count each clip once."""
    first: dict[Path, tuple[bool, str]] = {}
    for case, place in zip(cases, places, strict=True):
        fake, before = first.setdefault(case.file.resolve(), (case.fake, place))
        if fake != case.fake:
            kinds = ("fake", "real") if case.fake else ("real", "fake")
            raise InputError(
                f"{place}: {case.file.name} is {kinds[0]}, but {kinds[1]} in {before}; the label says how "
                "the clip was made, not whether the claim is true"
            )


def _check_once(cases: Sequence[Case], places: Sequence[str]) -> None:
    """A clip is made in one way and coded once; under one claim and protocol it counts once."""
    ways: dict[tuple[Path, str], tuple[str, str]] = {}
    claims: dict[tuple[Any, ...], str] = {}
    for case, place in zip(cases, places, strict=True):
        file = case.file.resolve()
        for column, said in (("method", case.method), ("crf", case.crf)):
            first, before = ways.setdefault((file, column), (said, place))
            if said != first:
                raise InputError(
                    f"{place}: {case.file.name} has the {column} {said!r}, but {first!r} in {before}; one "
                    "file has one"
                )
        before = claims.setdefault((file, case.claim, case.references, case.protocol), place)
        if before != place:
            raise InputError(
                f"{place}: {case.file.name} stands there with the same claim and protocol in {before}; each "
                "clip counts once"
            )


def _json_rows(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        found: Any = oncejson.read(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a manifest: {error}") from error
    rows = found.get("rows") if isinstance(found, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path} has no rows: wanted an object with a list of objects named rows")
    return [(f"{path} row {number}", row) for number, row in enumerate(rows, 1)]


def _case(place: str, cells: Mapping[str, Any], folder: Path) -> Case:
    said = {key: "" if value is None else str(value).strip() for key, value in cells.items()}
    file = folder / said.get("file", "")
    if not said.get("file") or not file.is_file():
        raise InputError(f"{place}: there is no clip {file if said.get('file') else 'in file'}")
    label = said.get("label", "").lower()
    if label not in _LABELS:
        raise InputError(f"{place}: label must be real or fake, but is {said.get('label', '')!r}")
    listed = cells.get("references")
    parts = listed if isinstance(listed, list) else said.get("references", "").split(";")
    references = tuple(folder / str(part).strip() for part in parts if str(part).strip())
    missing = [str(one) for one in references if not one.exists()]
    if missing:
        raise InputError(f"{place}: there is no reference {missing[0]}")
    claim = said.get("claim", "")
    if references and not claim:
        claim = references[0].stem
    body = said.get("body", "") or claim
    return Case(
        file,
        _LABELS[label],
        said.get("method", ""),
        said.get("crf", ""),
        said.get("protocol", ""),
        claim,
        references,
        (body, said.get("face", "") or body),
    )


def claims_of(cases: Sequence[Case]) -> dict[str, tuple[Path, ...]]:
    """Claimed person -> references, over all cases.

    Raises:
        InputError: one name stands for two sets of references.
    """
    known: dict[str, tuple[Path, ...]] = {}
    for case in cases:
        if case.references and known.setdefault(case.claim, case.references) != case.references:
            raise InputError(f"{case.file}: the claim {case.claim} has other references than before")
    return known
