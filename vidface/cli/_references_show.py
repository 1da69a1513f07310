"""The table of `vidface references`: what was used, what was left out and why."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from vidface.cli._gallery_common import show_json, table
from vidface.cli._references_make import Entry, Report
from vidface.vision.mannerscore import LEAST_WINDOWS

_FEW = 3


def show(report: Report, path: Path, *, as_json: bool) -> None:
    """Print what became of every file, and what the references will do for."""
    if as_json:
        show_json({"file": str(path), "sources": [_plain(one) for one in report.entries], **_sums(report)})
        return
    table(
        ("file", "looks", "seconds", "eyes px", "sigmas", "used"),
        (
            (
                *(one.path.name, len(one.looks), f"{one.seconds:.1f}" if one.clip else "picture"),
                *(_eyes(one), "-" if math.isnan(one.sigmas) else f"{one.sigmas:+.1f}"),
                "no: " + one.why if one.why else "yes" + (f", but {one.doubt}" if one.doubt else ""),
            )
            for one in report.entries
        ),
    )
    sums = _sums(report)
    click.echo(
        f"{path}: {sums['recordings']} of {len(report.entries)} files, {sums['looks']} looks, "
        f"{sums['motion_windows']} windows of motion"
    )
    for line in _advice(report):
        click.echo(line, err=True)


def _advice(report: Report) -> Iterator[str]:
    sums = _sums(report)
    if sums["recordings"] < _FEW:
        yield (
            f"With fewer than {_FEW} recordings this person's own spread is not known, and that of other "
            "people stands in; more pictures and clips from other days make every test sharper."
        )
    if sums["motion_windows"] < LEAST_WINDOWS:
        yield (
            f"There is too little video to know how this person moves: {sums['motion_windows']} windows of "
            f"3 s, and the test needs {LEAST_WINDOWS}."
        )


def _sums(report: Report) -> dict[str, int]:
    person = report.person
    return {
        "recordings": len(person.sources),
        "looks": len(person),
        "parted_looks": int(person.parted.sum()),
        "shapes": int(person.shaped.sum()),
        "motion_windows": len(person.windows),
    }


def _eyes(entry: Entry) -> str:
    sizes = [look.eyes_px for look in entry.looks if math.isfinite(look.eyes_px)]
    return f"{sum(sizes) / len(sizes):.0f}" if sizes else "-"


def _plain(entry: Entry) -> dict[str, Any]:
    return {
        "file": str(entry.path),
        "sha256": entry.digest,
        "used": entry.used,
        "why_not": entry.why or None,
        "doubt": entry.doubt or None,
        "looks": len(entry.looks),
        "seconds": entry.seconds,
        "motion_windows": len(entry.windows),
        "sigmas": entry.sigmas,
    }
