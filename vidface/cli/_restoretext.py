"""`vidface eval restore`, the report as text, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from vidface.cli._report import known_note, number, plain, table
from vidface.cli._restorejudge import INDEPENDENT, OWN

FIGURES: Final = {
    "psnr_db": ("PSNR dB", 2),
    "ssim": ("SSIM", 4),
    OWN: ("IDS", 4),
    "ids_sigma": ("sigma", 4),
    "ids_least_gain": ("least gain", 4),
    INDEPENDENT: ("IDS 2", 4),
    "ids_sigma_independent": ("sigma 2", 4),
    "ids_independent_least_gain": ("least gain 2", 4),
    "akd_px": ("AKD px", 3),
    "tlme_px": ("TLME px", 3),
    "warp_error": ("warp", 3),
    "flicker": ("flicker", 3),
    "identity_jitter": ("ID jitter", 4),
    "landmark_jitter_pct": ("LM jitter %", 3),
    "guard_share": ("guard", 3),
    "lost": ("lost", 3),
}
"""Figure -> head of its column and decimals."""


def restore_text(report: dict[str, Any]) -> Iterator[str]:
    """The report for people."""
    yield from report["protocol"]
    for name, text in report["methods"].items():
        yield f"{name}: {text}"
    if report["graph"] is not None:
        graph = report["graph"]
        yield f"graph {graph['file']} {' '.join(graph['overrides'])}: {', '.join(graph['models'])}"
    judges = ", ".join(f"{key} {fingerprint}" for key, fingerprint in report["embedders"].items())
    yield f"judges: {judges}; landmarks {report['mesh']}"
    for row in report["clips"]:
        left = ", ".join(f"{count} {cause}" for cause, count in row["left out"].items())
        note = f"; tracks left out: {left}" if left else ""
        if row["results"]:
            yield (
                f"{row['clip']}: {row['tracks']} tracks, {row['faces']} faces in {row['frames']} frames of "
                f"{_size(row['size'])}, degraded to {_size(row['degraded to'])}, "
                f"crops {row['crop_px']:.0f} px there{note}{_nobody(row)}"
            )
        else:
            yield f"{row['clip']}: no face that could be followed{note}; it does not count"
    parts = {f"{group}, {_count(report, group)}": rows for group, rows in report["groups"].items()}
    if len(parts) != 1:
        parts[f"all, {_count(report, None)}"] = report["overall"]
    for head, rows in parts.items():
        yield ""
        yield head
        yield from _table(rows)
    heads = {name: head for name, (head, _) in FIGURES.items()}
    yield from known_note([row["results"] for row in report["clips"] if row["results"]], heads, "clips")


def restore_csv(report: dict[str, Any]) -> str:
    """Lines of clip, group, method and figures; groups and the whole follow with an empty clip."""
    lines = [
        {"clip": row["clip"], "group": row["group"], "method": name, **figures}
        for row in report["clips"]
        for name, figures in row["results"].items()
    ]
    for group, rows in (*report["groups"].items(), ("all", report["overall"])):
        lines += [{"clip": "", "group": group, "method": name, **figures} for name, figures in rows.items()]
    text = io.StringIO()
    writer = csv.DictWriter(text, ["clip", "group", "method", *FIGURES], lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {key: "" if value is None else value for key, value in plain(line).items()} for line in lines
    )
    return text.getvalue()


def restore_json(report: dict[str, Any]) -> str:
    """The report as JSON; what is not known is null."""
    return json.dumps(plain(report), indent=1, ensure_ascii=False)


def _count(report: Mapping[str, Any], group: str | None) -> str:
    """How many clips of a group, or of all, the means are over."""
    mine = [bool(row["results"]) for row in report["clips"] if group in (None, row["group"])]
    return f"{len(mine)} clips" if all(mine) else f"{sum(mine)} of {len(mine)} clips"


def _nobody(row: Mapping[str, Any]) -> str:
    count = row["references of nobody"]
    return f"; {count} reference pictures show nobody here" if count else ""


def _table(rows: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    names = [name for name in FIGURES if any(name in row for row in rows.values())]
    heads = ["method", *(FIGURES[name][0] for name in names)]
    nothing = float("nan")
    lines = [
        [method, *(number(row.get(name, nothing), FIGURES[name][1]) for name in names)]
        for method, row in rows.items()
    ]
    yield from table(heads, lines) if lines else ["nothing was measured"]


def _size(size: Sequence[int]) -> str:
    return " x ".join(map(str, size))
