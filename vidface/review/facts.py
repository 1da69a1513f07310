"""The facts of a report as plain values: what report.json holds, and all that report.html is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from vidface.data.findingkinds import KINDS
from vidface.review.caveats import caveats
from vidface.review.claimed import absent, absent_sentence, claim_sentence, judged
from vidface.review.evidence import Row, maps_of, moment_length, stretches, summed, windows_of, within
from vidface.review.reading import Material
from vidface.review.turned import turn_of
from vidface.review.verdictcard import verdict_card
from vidface.version import __version__

LIKELY: Final = 0.5
"""Probability from which on a moment counts among the seconds that a verdict of manipulation rests on."""
_SHOTS: Final = 4
_ORDER: Final = {"manipulated": 0, "inconclusive": 1, "authentic": 2}


def report_facts(run: Material) -> dict[str, Any]:
    """Everything that a report says; the same folder gives the same facts."""
    tracks = [_track(row, run) for row in run.tracks]
    tracks.sort(key=lambda one: (_ORDER[one["verdict"]["opinion"]], -one["seen_s"]))
    manifest, claim = run.manifest, _claim(run)
    return {
        "vidface": __version__,
        "title": _name(manifest),
        "input": manifest.get("input") or {},
        "turned": turn_of(manifest)._asdict(),
        "run": {
            key: manifest.get(key) for key in ("status", "started", "ended", "version", "command", "error")
        },
        "claim": claim,
        "conclusion": conclusion(tracks, claim, absent(manifest)),
        "caveats": caveats(run),
        "time": {"first": run.first, "last": run.last},
        "preview": _preview(manifest),
        "tracks": tracks,
        "file_findings": summed(row for row in run.findings if row.get("track") is None),
        "source": run.source,
        "ledger": _ledger(run),
        "notes": list(run.notes),
        "method": {"kinds": [asdict(kind) for kind in KINDS.values()], "verdict": verdict_card(manifest)},
        "manifest": manifest,
    }


def conclusion(tracks: list[Row], claim: Row | None = None, missing: Sequence[int] = ()) -> str:
    """A few sentences on the whole clip.

    Args:
        missing: faces that were named as the claimed person's and are not there.
    """
    lost = f" {absent_sentence(missing)}" if missing else ""
    if not tracks:
        return f"No face was found in this clip, so there is nothing to judge.{lost}"
    faces = "One face was followed" if len(tracks) == 1 else f"{len(tracks)} faces were followed"
    who = "" if claim is None else claim["person"] or "the person of the references"
    more = f" {claim_sentence(tracks, who, missing)}" if who and judged(tracks) else ""
    by = {name: [one for one in tracks if one["verdict"]["opinion"] == name] for name in _ORDER}
    if not by["manipulated"] and not by["authentic"]:
        return f"{faces}.{more}{lost} The evidence does not decide: inconclusive."
    said = [f"{_faces(by[name], len(tracks))} {name}" for name in _ORDER if by[name]]
    verdict = f"{faces}.{more}{lost} Verdict: {'; '.join(said)}."
    if not who or more or len(tracks) == 1 or not by["manipulated"]:
        return verdict
    others = "others differ from the references anyway"
    return f"{verdict} This holds for a face that is claimed to be {who}: {others}."


def _faces(some: list[Row], among: int) -> str:
    if among == 1:
        return "the face is"
    names = ", ".join(str(one["track"]) for one in some[:8]) + (" and others" if len(some) > 8 else "")
    return f"face {names} is" if len(some) == 1 else f"faces {names} are"


def _track(row: Row, run: Material) -> Row:
    number = int(row["track"])
    findings = [one for one in run.findings if one.get("track") == number]
    verdict = _verdict(row)
    path = run.paths.get(number)
    spans = path.spans if path is not None else []
    return {
        "track": number,
        "first": float(row.get("first_time") or 0),
        "last": float(row.get("last_time") or 0),
        "seen_s": round(sum(end - start for start, end in spans), 3),
        "spans": spans,
        "frames": row.get("frames"),
        "looked": path.looked if path is not None else None,
        "found": path.found if path is not None else None,
        "height_px": row.get("mean_height_px"),
        "quality": row.get("mean_quality"),
        "identity": row.get("identity"),
        "verdict": verdict,
        "moment_s": moment_length((row.get("verdict") or {}).get("moments") or []),
        "likely": stretches(verdict["moments"], LIKELY),
        "shots": _shots(run.shots.get(number, [])),
        "tests": summed(findings),
        "windows": windows_of(findings, verdict["moments"]),
        "maps": maps_of(findings),
        "path": {"times": path.times, "boxes": path.boxes} if path is not None else None,
    }


def _verdict(row: Row) -> Row:
    """A track's verdict with every key, its moments no longer than the track."""
    verdict = {
        "opinion": "inconclusive",
        "probability": None,
        "low": None,
        "high": None,
        "used": [],
        "claim": None,
        "reasons": [],
        "left_out": [],
        "moments": [],
    } | (row.get("verdict") or {})
    if None not in (row.get("first_time"), row.get("last_time")):
        ends = float(row["first_time"]), float(row["last_time"])
        verdict["moments"] = within(verdict["moments"], *ends)
    return verdict


def _shots(rows: list[Row]) -> list[Row]:
    keys = ("file", "frame", "time", "quality")
    best = sorted(rows, key=lambda row: -float(row.get("quality") or 0))[:_SHOTS]
    return [{key: row.get(key) for key in keys} | {"file": f"shots/{row['file']}"} for row in best]


def _claim(run: Material) -> Row | None:
    """Whom the faces were held against, as the node that did so says; None without references."""
    said = (run.manifest.get("node_facts") or {}).get("identity") or {}
    if not said.get("references"):
        return None
    files = [one for one in run.manifest.get("sources") or () if one.get("node") == "identity"]
    return {
        "person": said.get("person"),
        "said": {key: value for key, value in said.items() if key not in ("person", "notes")},
        "notes": [_sentence(str(note)) for note in said.get("notes") or ()],
        "files": [{key: one.get(key) for key in ("name", "sha256")} for one in files],
    }


def _sentence(note: str) -> str:
    """A node's note without the node's name."""
    text = note.removeprefix("forensics.identity: ")
    return text[:1].upper() + text[1:]


def _preview(manifest: Row) -> Row | None:
    facts = (manifest.get("outputs") or {}).get("preview") or {}
    if not facts.get("files"):
        return None
    return {
        "file": str(facts["files"][0]),
        "first_time": float(facts.get("first_time") or 0),
        "size": facts.get("size"),
    }


def _ledger(run: Material) -> Row:
    kept = dict(run.manifest.get("ledger") or {})
    return kept | {"in_faces": run.frames, "looked": run.looked}


def _name(manifest: Row) -> str:
    """The input's name without its folders; a backslash is a sign like any other in the name of a file."""
    name = str((manifest.get("input") or {}).get("name") or "unnamed")
    return name.rstrip("/").rsplit("/", 1)[-1] or name
