"""`vidface eval deepfake`, the report: figures of each test and of the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import numpy as np

from vidface.cli._deepfakecases import Case, claims_of, read_cases
from vidface.cli._deepfakeclip import Evidence, evidence_of, person_files
from vidface.cli._outfile import short_names
from vidface.data.findingkinds import KINDS
from vidface.data.verdict import Verdict
from vidface.errors import InputError, OutputError, VidfaceError
from vidface.eval.deepfake import (
    Clips,
    risk_coverage,
    score_calibration,
    score_detection,
    score_opinions,
)
from vidface.nodes.forensics._fusion import open_fusion
from vidface.version import __version__
from vidface.vision.kindfusion import Fusion
from vidface.vision.verdictwords import verdict_of

FUSED: Final = "verdict"
_COVERAGES: Final = (0.5, 0.7, 0.9, 1.0)


class Judged(NamedTuple):
    """A case, what each test gave, and the verdicts.

    Attributes:
        case: the clip and its claim.
        scores: test -> mean score over the track's windows; those that do not apply are not there.
        why_not: test -> why it does not apply.
        alone, against: verdict without references, and with those of the claim (None without any).
    """

    case: Case
    scores: dict[str, float]
    why_not: dict[str, str]
    alone: Verdict
    against: Verdict | None


def judge(case: Case, found: Evidence, fusion: Fusion) -> Judged:
    """What the findings on a clip come to under one claim."""
    # A clip in which nothing was found stands under its claim too: it is one without an opinion.
    claim = case.claim if case.claim in found.findings else ""
    whole, alone = found.gathered(fusion, claim), found.gathered(fusion)
    scores = {name: one.mean for name, one in whole.kinds.items() if one.count}
    why = {name: one.why_not for name, one in whole.kinds.items() if not one.count and one.why_not}
    against = verdict_of(whole, found.track) if claim else None
    return Judged(case, scores, why, verdict_of(alone, found.track), against)


def deepfake_report(manifest: Path, keep: Path, *, model: str, resamples: int) -> dict[str, Any]:
    """Everything, ready for JSON.

    Raises:
        InputError: the manifest is not sound, or no clip could be run. ModelError: the model is not.
    """
    fusion = open_fusion(model, node="eval deepfake")
    cases = read_cases(manifest)
    people, failed = person_files(claims_of(cases), keep)
    judged, left = _judged(cases, people, fusion, keep)
    if not judged:
        raise InputError("; ".join(left.values()))
    crfs = sorted({one.case.crf for one in judged})
    return {
        "vidface": __version__,
        "clips": len({one.case.file for one in judged}),
        "people": sorted({name for one in judged for name in one.case.people if name}),
        "clips without a person": len({one.case.file for one in judged if not any(one.case.people)}),
        "methods": _counts(judged),
        "left out": left | {f"references of {name}": why for name, why in failed.items()},
        "tests": [row for crf in crfs for row in _test_rows(judged, crf, resamples)],
        "by method": [row for crf in crfs for row in _method_rows(judged, crf, resamples)],
        "opinions": [row for crf in crfs for row in _opinion_rows(judged, crf, resamples)],
        "cases": [_case_row(one) for one in judged],
        "fusion": {"authentic_at": fusion.authentic_at, "manipulated_at": fusion.manipulated_at},
        "resamples": resamples,
    }


def _judged(
    cases: Sequence[Case], people: Mapping[str, Path], fusion: Fusion, keep: Path
) -> tuple[list[Judged], dict[str, str]]:
    judged: list[Judged] = []
    left: dict[str, str] = {}
    files = list(dict.fromkeys(case.file for case in cases))
    names = short_names(files, endings=True)
    for place, (file, name) in enumerate(zip(files, names, strict=True), 1):
        click.echo(f"{place} of {len(files)}: {name}", err=True)
        mine = [case for case in cases if case.file == file]
        wanted = {case.claim: people[case.claim] for case in mine if case.claim in people}
        try:
            found = evidence_of(mine[0], wanted, keep)
        except OutputError:
            raise
        except VidfaceError as error:
            left[name] = str(error)
            continue
        judged += [judge(case, found, fusion) for case in mine]
    return judged, left


def _settings(judged: Sequence[Judged]) -> Iterator[tuple[str, str, list[Judged]]]:
    """Who is looked at: name, protocol, cases. Without references each clip counts once."""
    once = list({one.case.file: one for one in judged}.values())
    for name, kind in KINDS.items():
        if not kind.references:
            yield name, "no references", once
    yield FUSED, "no references", once
    protocols = sorted({one.case.protocol for one in judged if one.against is not None})
    for protocol in protocols:
        some = [one for one in judged if one.case.protocol == protocol and one.against is not None]
        for name, kind in KINDS.items():
            if kind.references:
                yield name, protocol or "claimed", some
        yield FUSED, protocol or "claimed", some


def _probability(one: Judged, protocol: str) -> float:
    verdict = one.alone if protocol == "no references" else one.against
    return math.nan if verdict is None else verdict.probability


def _people(some: Sequence[Judged]) -> list[tuple[str, str]]:
    """Who is drawn, case by case; a clip that names nobody stands for one person of its own.

    Its name is the same in both columns, since two empty ones would be two people. It ends in a character
    that no name of a manifest has, which are stripped.
    """
    named = [one.case.people[0] or one.case.people[1] or f"{one.case.file}\n" for one in some]
    return [(name, one.case.people[1] or name) for name, one in zip(named, some, strict=True)]


def _test_rows(judged: Sequence[Judged], crf: str, resamples: int) -> Iterator[dict[str, Any]]:
    for name, protocol, rows in _settings(judged):
        some = [one for one in rows if one.case.crf == crf]
        if not some:
            continue
        if name == FUSED:
            scores = [_probability(one, protocol) for one in some]
        else:
            sign = -1.0 if KINDS[name].high == "authentic" else 1.0
            scores = [sign * one.scores.get(name, math.nan) for one in some]
        clips = Clips(np.array(scores), np.array([one.case.fake for one in some]))
        people = _people(some)
        score = score_detection(clips, persons=people, resamples=resamples)
        row: dict[str, Any] = {
            "test": name,
            "protocol": protocol,
            "crf": crf,
            "clips": score.clips,
            "real": score.real,
            "fake": score.fake,
            "auc": score.auc.row(),
            "eer": score.eer.row(),
            # A single test has no threshold of its own.
            "balanced": score.balanced.row() if name == FUSED else None,
        }
        if name == FUSED:
            ece, brier = score_calibration(clips, persons=people, resamples=resamples)
            row |= {"ece": ece.row(), "brier": brier.row(), "risk_at": _risks(clips)}
        yield row


def _method_rows(judged: Sequence[Judged], crf: str, resamples: int) -> Iterator[dict[str, Any]]:
    """The verdict on each way to make fakes, against all real clips."""
    for name, protocol, rows in _settings(judged):
        some = [one for one in rows if one.case.crf == crf]
        for method in sorted({one.case.method for one in some if one.case.fake and name == FUSED}):
            mine = [one for one in some if not one.case.fake or one.case.method == method]
            clips = Clips(
                np.array([_probability(one, protocol) for one in mine]),
                np.array([one.case.fake for one in mine]),
            )
            score = score_detection(clips, persons=_people(mine), resamples=resamples)
            yield {
                "method": method,
                "protocol": protocol,
                "crf": crf,
                "real": score.real,
                "fake": score.fake,
                "auc": score.auc.row(),
            }


def _risks(clips: Clips) -> dict[str, float]:
    coverage, risk = risk_coverage(clips)
    return {
        f"{wanted:.0%}": float(risk[np.searchsorted(coverage, wanted - 1e-9)])
        for wanted in _COVERAGES
        if len(coverage) and coverage[-1] >= wanted - 1e-9
    }


def _opinion_rows(judged: Sequence[Judged], crf: str, resamples: int) -> Iterator[dict[str, Any]]:
    for name, protocol, rows in _settings(judged):
        some = [one for one in rows if one.case.crf == crf]
        if name != FUSED or not some:
            continue
        verdicts = [one.alone if protocol == "no references" else one.against for one in some]
        said = ["inconclusive" if one is None else one.opinion for one in verdicts]
        score = score_opinions(
            said, [one.case.fake for one in some], persons=_people(some), resamples=resamples
        )
        yield {
            "protocol": protocol,
            "crf": crf,
            "clips": score.clips,
            **{
                field: getattr(score, field).row()
                for field in (
                    "false_manipulated",
                    "missed",
                    "found",
                    "inconclusive_real",
                    "inconclusive_fake",
                    "risk",
                )
            },
        }


def _counts(judged: Sequence[Judged]) -> dict[str, int]:
    methods = [f"{method}, CRF {crf}" for _, method, crf in _files(judged)]
    return {name: methods.count(name) for name in sorted(set(methods))}


def _files(judged: Sequence[Judged]) -> set[tuple[Path, str, str]]:
    return {
        (one.case.file, one.case.method or ("fake" if one.case.fake else "real"), one.case.crf or "?")
        for one in judged
    }


def _case_row(one: Judged) -> dict[str, Any]:
    case = one.case
    return {
        "file": case.file.name,
        "label": "fake" if case.fake else "real",
        "method": case.method,
        "crf": case.crf,
        "protocol": case.protocol,
        "claim": case.claim,
        "scores": one.scores,
        "does not apply": one.why_not,
        "alone": one.alone.row(),
        "against": None if one.against is None else one.against.row(),
    }
