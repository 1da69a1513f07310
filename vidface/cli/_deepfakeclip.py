"""`vidface eval deepfake`, the clips: the tests of graphs/review.yaml run over each, findings kept."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from vidface.cli._deepfakecases import Case
from vidface.data import oncejson
from vidface.data.disk import write_whole
from vidface.data.faces import NOT_TRACKED
from vidface.data.finding import Finding, Stretch
from vidface.errors import VidfaceError
from vidface.graph.run import run
from vidface.infer import weights
from vidface.infer.shipped import shipped
from vidface.sinks._files import writing
from vidface.version import __version__
from vidface.vision.kindfusion import Fusion
from vidface.vision.trackevidence import TrackEvidence

PLAIN: Final = ("drift", "blend", "texture", "pulse", "lipsync")
"""Nodes of tests that want no references."""
SEAMS: Final = "blend"
_BEFORE: Final = ("detect", "track", "mesh")
"""Nodes that the test for blending wants."""
_MODELS: Final = ("vidface-blend", "vidface-person", "vidface-embed", "vidface-facemesh", "vidface-facedet")
_READERS: Final = ("vidface-embed", "vidface-meshmodel", "vidface-facemesh", "vidface-facedet")
"""Models that make a person file of references."""
_DETAILS: Final = 12


class Evidence(NamedTuple):
    """What was found of the face that is seen longest and largest.

    Attributes:
        track: its number; -1 where the clip shows no face.
        seconds: between the first and the last finding.
        findings: claim ("" for tests without one) -> findings.
    """

    track: int
    seconds: float
    findings: dict[str, list[Finding]]

    def gathered(self, fusion: Fusion, claim: str = "") -> TrackEvidence:
        """Those of tests without references, and with a claim those against its references."""
        ledger = TrackEvidence(fusion)
        for one in self.findings[""] + (self.findings.get(claim, []) if claim else []):
            ledger.add(one)
        return ledger


def evidence_of(case: Case, people: Mapping[str, Path], keep: Path) -> Evidence:
    """Run the tests over a clip, or read what they found before.

    What the network for blending finds is kept by itself: where only its weights changed, only that test is
    made anew.

    Args:
        people: claim -> person file. keep: folder for what was found.

    Raises:
        VidfaceError: the run failed. OutputError: what was found cannot be kept.
    """
    rest, seams = kept_files(case.file, people, keep)
    # What was found anew and what was kept come to the same, to the last digit.
    found, more = _read(rest), _read(seams)
    if found is None:
        whole = _run(case.file, people, review_nodes(people))
        found = _keep(rest, whole, lambda one: one.kind != SEAMS)
        more = _keep(seams, whole, lambda one: one.kind == SEAMS)
    if more is None:
        whole = _run(case.file, {}, review_nodes({}, only=SEAMS))
        more = _keep(seams, whole, lambda one: one.kind == SEAMS)
    if found.track == more.track:
        found.findings[""].extend(more.findings[""])
    return found


def review_nodes(people: Mapping[str, Path], *, only: str | None = None) -> dict[str, Any]:
    """graphs/review.yaml with its tests alone: one identity node for each claim, no verdict, no files.

    Args:
        only: one of `PLAIN`, instead of all.
    """
    tests = PLAIN if only is None else (only,)
    raw: dict[str, Any] = yaml.safe_load((shipped("graphs") / "review.yaml").read_text(encoding="utf-8"))
    nodes: dict[str, Any] = raw["nodes"]
    identity = nodes.pop("identity")
    for unused in ("verdict", "quality"):
        nodes.pop(unused, None)
    outputs: dict[str, Any] = {
        "faces": {"use": "jsonl", "in": {"faces": "mesh.faces"}},
        "plain": {"use": "findings", "in": {name: name for name in tests}},
    }
    if only is not None:
        raw["nodes"] = nodes = {name: nodes[name] for name in (*_BEFORE, only)}
    for number, path in enumerate(people.values()):
        own = identity | {"with": identity.get("with", {}) | {"references": str(path.absolute())}}
        nodes[f"identity{number}"] = own
        outputs[f"claim{number}"] = {"use": "findings", "in": {"identity": f"identity{number}"}}
    return {
        "version": raw["version"],
        "device": raw.get("device", "auto"),
        "nodes": nodes,
        "outputs": outputs,
    }


def _run(clip: Path, people: Mapping[str, Path], graph: dict[str, Any]) -> Evidence:
    found: dict[str, list[Finding]] = {"": [], **{claim: [] for claim in people}}
    seen: Counter[int] = Counter()
    work = run(graph, clip)
    with work:
        for tick in work:
            faces = tick["mesh.faces"]
            for track, height in zip(faces.tracks.tolist(), faces.heights.tolist(), strict=True):
                seen[track] += height
            for name in (name for name in PLAIN if name in graph["nodes"]):
                found[""] += tick[name]
            for number, claim in enumerate(people):
                found[claim] += tick[f"identity{number}"]
    seen.pop(NOT_TRACKED, None)
    track = seen.most_common(1)[0][0] if seen else NOT_TRACKED
    mine = {claim: [one for one in items if one.track == track] for claim, items in found.items()}
    spans = [one.stretch for items in mine.values() for one in items]
    last, first = (max(one.end for one in spans), min(one.start for one in spans)) if spans else (0, 0)
    return Evidence(track, float(last - first), mine)


def kept_files(clip: Path, people: Mapping[str, Path], keep: Path) -> tuple[Path, Path]:
    """Where findings are kept: all but those of the network for blending, and those.

    Another version of vidface may find something else, and asks anew.
    """
    state, graph = clip.stat(), review_nodes(people)
    seams = graph["nodes"].pop(SEAMS)
    for number in range(len(people)):
        # What a person file holds counts, below, and not where it lies.
        graph["nodes"][f"identity{number}"]["with"].pop("references")
    before = {name: graph["nodes"][name] for name in _BEFORE}
    hashes = _hashes(_MODELS)
    persons = [hashlib.sha256(path.read_bytes()).hexdigest() for path in people.values()]
    file = [state.st_size, state.st_mtime_ns]
    seam_hash = hashes.pop("vidface-blend")
    return (
        keep / f"{clip.stem}-{_digest([file, sorted(people), graph['nodes'], persons, hashes])}.json",
        keep / f"{clip.stem}-{SEAMS}-{_digest([file, before, seams, seam_hash])}.json",
    )


def _hashes(models: Sequence[str]) -> dict[str, str | None]:
    return {name: weights.entry(name).manifest.files[0].sha256 for name in models}


def _digest(said: Any) -> str:
    """What tells apart what is kept; the version of vidface is part of it."""
    text = json.dumps([__version__, said], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _keep(path: Path, found: Evidence, wanted: Callable[[Finding], bool]) -> Evidence:
    """Write some of it; gives back what will be read."""
    some = {claim: [one for one in items if wanted(one)] for claim, items in found.findings.items()}
    row = _row(found._replace(findings=some))
    with writing(path):
        write_whole(path, json.dumps(row).encode())
    return _evidence(row)


def _row(found: Evidence) -> dict[str, Any]:
    return {
        "track": found.track,
        "seconds": found.seconds,
        "findings": {claim: [_plain(one) for one in items] for claim, items in found.findings.items()},
    }


def _plain(one: Finding) -> dict[str, Any]:
    row = one.row()
    details = dict(list(row["details"].items())[:_DETAILS])
    times = {"start": str(one.stretch.start), "end": str(one.stretch.end)}
    known = {name: value for name, value in details.items() if value is not None}
    # As it is, where rows for people are rounded.
    score = one.score if one.applies else None
    return row | times | {"score": score, "details": known}


def _read(path: Path) -> Evidence | None:
    """What was kept; None where there is nothing, or what is there is damaged: then it is made anew."""
    try:
        return _evidence(oncejson.read(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _evidence(row: Mapping[str, Any]) -> Evidence:
    findings = {claim: [_finding(one) for one in items] for claim, items in row["findings"].items()}
    return Evidence(int(row["track"]), float(row["seconds"]), findings)


def _finding(row: Mapping[str, Any]) -> Finding:
    stretch = Stretch(row["first_frame"], row["last_frame"], Fraction(row["start"]), Fraction(row["end"]))
    score = float("nan") if row["score"] is None else float(row["score"])
    return Finding(row["kind"], row["track"], stretch, score, row["why_not"] or "", row["details"])


def person_files(claims: Mapping[str, Sequence[Path]], keep: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Claim -> person file, made of the references where it is none yet; and why some have none.

    A file in `keep` serves again as long as the references, and the models that read them, are the same.
    """
    from vidface.cli import _references_make as make
    from vidface.cli._gallery_enroll import files_of

    files: dict[str, Path] = {}
    failed: dict[str, str] = {}
    for claim, paths in claims.items():
        if len(paths) == 1 and paths[0].suffix.lower() == ".npz":
            files[claim] = paths[0]
            continue
        wanted = make.Wanted(name=claim, model=_READERS[0], face=None, min_face_px=32, keep_all=True)
        try:
            given = files_of(list(paths))
            target = keep / _person_name(claim, given)
            if not target.is_file():
                make.write(make.make(given, wanted, _unsaid), target)
        except VidfaceError as error:
            failed[claim] = str(error)
            continue
        files[claim] = target
    return files, failed


def _person_name(claim: str, references: Sequence[Path]) -> str:
    """Name of a claim's person file: told by what it was made of, and never a path out of its folder."""
    states = [(path, path.stat()) for path in references]
    read = [[str(path.resolve()), state.st_size, state.st_mtime_ns] for path, state in states]
    return (
        f"person-{re.sub(r'[^A-Za-z0-9-]+', '_', claim)[:40]}-{_digest([claim, read, _hashes(_READERS)])}.npz"
    )


def _unsaid(_line: str) -> None:
    """Reading references is not reported line by line."""
