"""`vidface eval reenact`, the report: clips animated by every method, judged, and tables of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from vidface.cli import _restorejudge as judge
from vidface.cli._looks import FaceEmbedder
from vidface.cli._outfile import check_once, short_names
from vidface.cli._reenactclip import SIDE, Part, read_head, read_source
from vidface.cli._reenactjudge import Judges
from vidface.cli._reenactmethods import METHODS, at_hand
from vidface.cli._reenactscore import TRUTH, Pair, score_pair
from vidface.cli._reenactsee import write_film, write_sheet
from vidface.cli._reenacttargets import DRIVES, Drive
from vidface.cli._report import known_note, number, plain
from vidface.errors import InputError
from vidface.eval.restore import mean_row
from vidface.graph.facts import package_facts
from vidface.infer import weights
from vidface.media.decode import open_source
from vidface.nodes.mesh.face import MeshFace
from vidface.vision.meshmodel import MeshModel

OWN: Final = "csim"
INDEPENDENT: Final = "csim_independent"
MESH_MODEL: Final = "vidface-meshmodel"
FIGURES: Final = {
    "l1": ("L1", 4),
    "psnr_db": ("PSNR dB", 2),
    "ssim": ("SSIM", 4),
    "akd_px": ("AKD px", 2),
    "akd_coordinate_px": ("AKD px a coordinate", 2),
    OWN: ("CSIM", 3),
    f"{OWN}_driver": ("CSIM to driver", 3),
    INDEPENDENT: ("CSIM 2", 3),
    f"{INDEPENDENT}_driver": ("CSIM 2 to driver", 3),
    "pose_deg": ("pose deg", 2),
    "expression_pct": ("expression %", 2),
    "expression_r": ("expression r", 3),
    "eyes_r": ("eyes r", 3),
    "mouth_r": ("mouth r", 3),
    "sync_r": ("sync r", 3),
    "sync_lag_s": ("lag s", 3),
    "lost": ("no face", 3),
    "ms": ("ms a frame", 1),
}
"""Figure -> head of its column and decimals."""


@dataclass(frozen=True, slots=True)
class ReenactOptions:
    """What was asked for.

    Attributes:
        source: picture or clip of another person; None for self-reenactment.
        source_frame: frame of the source (of the clip itself, where there is none) to begin looking at.
        methods: names of `METHODS`; empty for all that are at hand. drive: see `DRIVES`.
        embedder, independent: names of models, or ONNX files.
        frames, every: see `Part`.
        sheets, films: folders; None for none.
    """

    source: str | None = None
    source_frame: int = 0
    methods: tuple[str, ...] = ()
    drive: Drive = "relative"
    embedder: str = "vidface-embed"
    independent: str | None = None
    frames: int = 100
    every: int = 1
    sheets: Path | None = None
    films: Path | None = None


def reenact_report(clips: Sequence[str], options: ReenactOptions) -> dict[str, Any]:
    """Everything about every pair, and the means; ready for JSON.

    Raises:
        InputError: a clip cannot be read, or none of them shows a face. ModelError, UsageError: before any
            work.
    """
    check_once(clips)
    options = replace(options, methods=options.methods or at_hand())
    embedders = _embedders(options)
    judges = Judges(embedders, MeshModel.load(weights.verify(MESH_MODEL).path))
    for clip in clips:
        open_source(clip).close()
    rows, left = _scored(clips, options, judges)
    if not rows:
        raise InputError("; ".join(left.values()))
    return {
        "protocol": protocol(options),
        "options": {
            "frames": options.frames,
            "every": options.every,
            "source_frame": options.source_frame,
            "drive": options.drive,
        },
        "methods": {name: METHODS[name].about for name in options.methods}
        | {TRUTH: "the driving clip itself"},
        "judges": _stamps(embedders),
        "packages": package_facts(),
        "pairs": rows,
        "left out": left,
        "overall": {name: mean_row(row["results"][name] for row in rows) for name in rows[0]["results"]},
    }


def judge_stamps(options: ReenactOptions) -> dict[str, str]:
    """Who judges: names and hashes, as in the report.

    Raises:
        ModelError: one of them is missing, altered, or no embedder.
    """
    return _stamps(_embedders(options))


def method_stamp(method: str) -> str:
    """Hash of the weights that a method loads; empty where it loads none."""
    model = METHODS[method].model
    return "" if model is None else _stamp(model)


def _embedders(options: ReenactOptions) -> dict[str, FaceEmbedder]:
    embedders = {OWN: judge.open_judge(options.embedder)}
    if options.independent is not None:
        embedders[INDEPENDENT] = judge.open_judge(options.independent)
    return embedders


def _stamps(embedders: Mapping[str, FaceEmbedder]) -> dict[str, str]:
    stamps = {name: one.fingerprint for name, one in embedders.items()}
    return stamps | {"mesh": _stamp(MeshFace().model), "mesh model": _stamp(MESH_MODEL)}


def _scored(
    clips: Sequence[str], options: ReenactOptions, judges: Judges
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Figures of the clips, and why which were left out."""
    ways = {name: METHODS[name] for name in options.methods}
    rows: list[dict[str, Any]] = []
    left: dict[str, str] = {}
    for place, (clip, label) in enumerate(zip(clips, short_names(clips), strict=True), 1):
        click.echo(f"{place} of {len(clips)}: {clip}", err=True)
        try:
            pair = _pair(clip, label, options)
        except InputError as error:
            if options.source is not None and options.source in str(error):
                raise
            left[clip] = str(error)
            continue
        row, shots = score_pair(pair, ways, judges, drive=options.drive)
        rows.append(row)
        if options.sheets is not None:
            write_sheet(shots, options.sheets / f"{pair.name}.png")
        if options.films is not None:
            write_film(shots, options.films / f"{pair.name}.mp4")
    return rows, left


def protocol(options: ReenactOptions) -> list[str]:
    """How it was measured, in sentences."""
    who = (
        "Self-reenactment: the source is the first driving frame, which itself does not count, except for "
        "correlations and for frames without a face."
        if options.source is None
        else f"Cross-reenactment: the source is frame {options.source_frame} or the first after it with a "
        f"face of {Path(options.source).name}, the clips drive it."
    )
    step = "" if options.every == 1 else f" of every {options.every} frames one,"
    return [
        who,
        f"Square of {SIDE} px that stays where it is, 2.3 times as wide as the face is high;{step} "
        f"{options.frames} frames with a face at most from the source's on; pixels outside "
        "the clip do not count, nor do windows of SSIM that reach there.",
        f"Driven {options.drive}: {DRIVES[options.drive]}.",
        "L1 of pixels in [0, 1]; PSNR (equal pictures count 100 dB) and SSIM over all channels; AKD: mean "
        "distance of 478 points, and mean difference of one coordinate, each picture read by itself.",
        "CSIM: mean cosine to the source's face (CSIM to driver: to the driving face of the same frame), "
        "aligned by the result's own landmarks; a clip differs from its own first frame as well.",
        "Pose: mean smallest turn between the skulls; expression %: root mean square way of the mesh's "
        "points, of the eyes' distance. Driven relative, both count from the rest: the source's picture, "
        "the driver's first frame. Expression r: correlation of all these ways with the driver's.",
        "Eyes r, mouth r: correlation of their opening with the driver's over the clip; where the driver's "
        "does not change, none. Sync r: of the mouth's opening with the envelope of the voice, and how "
        "far the mouth lags.",
        "No face: share of frames in which the detector or the mesh finds none; they count for L1, PSNR and "
        "SSIM only. Means over frames, then over pairs.",
    ]


def reenact_markdown(report: Mapping[str, Any], *, pairs: bool = True) -> Iterator[str]:
    """The report for people, in lines of Markdown."""
    yield from report["protocol"]
    yield "Judges: " + ", ".join(f"{name} {stamp}" for name, stamp in report["judges"].items()) + "."
    for name, text in report["methods"].items():
        yield f"- {name}: {text}"
    for text in report["left out"].values():
        yield f"- left out: {text}"
    yield ""
    yield f"Mean of {len(report['pairs'])} pairs:"
    yield ""
    yield from _table(report["overall"])
    heads = {name: head for name, (head, _) in FIGURES.items()}
    fewer = list(known_note([row["results"] for row in report["pairs"]], heads, "pairs"))
    yield from ["", *(f"- {line}" for line in fewer)] if fewer else []
    if not pairs or len(report["pairs"]) == 1:
        return
    for row in report["pairs"]:
        yield ""
        yield f"{row['pair']}: frames {row['first']} to {row['last']}, {row['frames']} of them"
        yield ""
        yield from _table(row["results"])


def reenact_json(report: Mapping[str, Any]) -> str:
    """The report as JSON; what is not known is null."""
    return json.dumps(plain(dict(report)), indent=1, ensure_ascii=False)


def _table(rows: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    names = [name for name in FIGURES if any(name in row for row in rows.values())]
    yield "| method | " + " | ".join(FIGURES[name][0] for name in names) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for method, row in rows.items():
        cells = (number(row.get(name, float("nan")), FIGURES[name][1]) for name in names)
        yield f"| {method} | " + " | ".join(cells) + " |"


def _pair(clip: str, label: str, options: ReenactOptions) -> Pair:
    if options.source is not None:
        source = read_source(options.source, options.source_frame)
        return Pair(source, read_head(clip, Part(0, options.frames, options.every)), own=False, label=label)
    driver = read_head(clip, Part(options.source_frame, options.frames, options.every))
    return Pair(driver.first(), driver, own=True, label=label)


def _stamp(name: str) -> str:
    return f"{name}@{weights.verify(name).sha256[:12]}"
