"""`vidface eval deepfake`, its tables."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from vidface.cli._report import number, plain


def deepfake_json(report: Mapping[str, Any]) -> str:
    """The report as JSON; what is not known is null."""
    return json.dumps(plain(dict(report)), indent=1, ensure_ascii=False)


def deepfake_markdown(report: Mapping[str, Any]) -> Iterator[str]:
    """The report for people, in lines of Markdown."""
    made = ", ".join(f"{count} {name}" for name, count in report["methods"].items())
    yield f"{report['clips']} clips of {len(report['people'])} people: {made}. vidface {report['vidface']}."
    yield (
        f"Opinions: authentic up to {report['fusion']['authentic_at']:.2f}, manipulated from "
        f"{report['fusion']['manipulated_at']:.2f}. {_brackets(report)}"
    )
    for name, why in report["left out"].items():
        yield f"- left out: {name}: {why}"
    yield ""
    yield "| test | claim | CRF | applies to real / fake | AUC | EER | balanced accuracy | ECE | Brier |"
    yield "|---" * 9 + "|"
    for row in report["tests"]:
        cells = [row["test"], row["protocol"], row["crf"], f"{row['real']} / {row['fake']} of {row['clips']}"]
        cells += [_cell(row.get(key)) for key in ("auc", "eer", "balanced", "ece", "brier")]
        yield "| " + " | ".join(cells) + " |"
    yield ""
    yield "| the verdict on | claim | CRF | real / fake | AUC |"
    yield "|---" * 5 + "|"
    for row in report["by method"]:
        cells = [row["method"], row["protocol"], row["crf"], f"{row['real']} / {row['fake']}"]
        yield "| " + " | ".join([*cells, _cell(row["auc"])]) + " |"
    yield ""
    yield (
        "| opinions | CRF | clips | real called manipulated | fakes called manipulated "
        "| fakes called authentic | real inconclusive | fakes inconclusive | wrong among opinions |"
    )
    yield "|---" * 9 + "|"
    for row in report["opinions"]:
        keys = ("false_manipulated", "found", "missed", "inconclusive_real", "inconclusive_fake", "risk")
        cells = [row["protocol"], row["crf"], str(row["clips"]), *(_cell(row[key]) for key in keys)]
        yield "| " + " | ".join(cells) + " |"
    yield ""
    yield "Wrong among the surest clips, by the share that gets an opinion (0.5 decides):"
    for row in report["tests"]:
        if row.get("risk_at"):
            said = ", ".join(f"{share} {number(value, 3)}" for share, value in row["risk_at"].items())
            yield f"- {row['protocol']}, CRF {row['crf']}: {said}"


def _brackets(report: Mapping[str, Any]) -> str:
    if report["resamples"] < 1:
        return "No intervals were asked for."
    alone = report["clips without a person"]
    by = (
        f"by person ({alone} clips name nobody, each stands for a person of its own)"
        if alone
        else "by person"
    )
    return (
        f"In brackets: 95 % intervals {by}, {report['resamples']} draws; shares of opinions that are 0 or 1 "
        "have the exact interval of Clopper and Pearson on the persons concerned. Without brackets the draws "
        "tell none: nearly all gave the same value, or too few could be measured."
    )


def _cell(figure: Mapping[str, float] | None) -> str:
    if figure is None or not math.isfinite(figure["value"]):
        return "-"
    low, high = figure["low"], figure["high"]
    span = f" [{low:.2f}, {high:.2f}]" if math.isfinite(low) and math.isfinite(high) else ""
    return f"{figure['value']:.3f}{span}"
