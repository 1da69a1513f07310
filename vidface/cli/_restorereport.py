"""`vidface eval restore`, the report: clips made bad, restored, judged, and tables of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from vidface.cli import _restorejudge as judge
from vidface.cli._looks import FaceEmbedder, look_at
from vidface.cli._outfile import check_once, short_names
from vidface.cli._restoreclip import CROP, Making, make_bad
from vidface.cli._restorejudge import INDEPENDENT, OWN
from vidface.cli._restoremethods import DESCRIPTIONS, METHODS, Method, plan_of, provenance, through_graph
from vidface.cli._restorescore import CLEAN, INPUT, Judges, score_clip
from vidface.data.provenance import Provenance
from vidface.errors import InputError, UsageError
from vidface.eval.restore import mean_row
from vidface.gallery.gallery import THRESHOLD
from vidface.graph.facts import model_facts, package_facts
from vidface.graph.plan import Plan
from vidface.infer import weights
from vidface.media.credentials import library
from vidface.media.decode import open_source
from vidface.media.degrade import LEVELS
from vidface.nodes.mesh.face import MeshFace


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """What was asked for.

    Attributes:
        level: one of `LEVELS`.
        methods: names; one that is no baseline stands for `graph`, with `overrides` of its parameters;
            the input itself, enlarged, always comes first.
        embedder, independent: names of models, or ONNX files.
        references: pictures of people in the clips.
        frames, seed, fit, least_px: see `Making`.
        sheets: folder for pictures, see `Judges`.
    """

    level: str = "medium"
    graph: str = "restore"
    overrides: tuple[str, ...] = ()
    methods: tuple[str, ...] = tuple(METHODS)
    embedder: str = "vidface-embed"
    independent: str | None = None
    references: tuple[Path, ...] = ()
    frames: int = 100
    seed: int = 0
    fit: bool = False
    least_px: float = 128
    sheets: Path | None = None


def restore_report(clips: Sequence[str], options: RestoreOptions) -> dict[str, Any]:
    """Everything about every clip, and the means; ready for JSON.

    Raises:
        InputError: a clip or a reference cannot be used, or no clip shows a face that can be followed.
            GraphError, ModelError, UsageError: before any work.
    """
    check_once(clips)
    making = Making(LEVELS[options.level], options.seed, options.frames, options.fit, options.least_px)
    ways: dict[str, Method] = dict(METHODS)
    plan = _plan(options, making.settings.scale)
    if plan is not None:
        ways |= {name: partial(through_graph, plan) for name in options.methods if name not in METHODS}
    synthetic = _synthetic(plan, options)
    ways = {name: ways[name] for name in dict.fromkeys((INPUT, *options.methods))}
    embedders = {OWN: judge.open_judge(options.embedder)}
    if options.independent is not None:
        embedders[INDEPENDENT] = judge.open_judge(options.independent)
    for clip in clips:
        open_source(clip).close()
    judges = Judges(embedders, _references(options.references, embedders[OWN]), options.sheets, synthetic)
    rows = _scored(clips, making, ways, judges)
    groups = dict.fromkeys(row["group"] for row in rows)
    names = [*ways, CLEAN]
    return {
        "protocol": protocol(options),
        "level": options.level,
        "degradation": asdict(making.settings),
        "options": {
            "seed": options.seed,
            "frames": options.frames,
            "fit": options.fit,
            "least_px": options.least_px,
        },
        "methods": {name: _described(name, options) for name in names},
        "graph": None if plan is None else _graph(plan),
        "embedders": {name: embedder.fingerprint for name, embedder in embedders.items()},
        "mesh": _mesh_model(),
        "packages": package_facts(),
        "clips": rows,
        "groups": {group: _means([row for row in rows if row["group"] == group]) for group in groups},
        "overall": _means(rows),
    }


def _plan(options: RestoreOptions, scale: float) -> Plan | None:
    """The graph, where a method wants it; without one `--set` would change nothing, and is refused."""
    if not set(options.methods) <= METHODS.keys():
        return plan_of(options.graph, scale, options.overrides)
    if options.overrides:
        raise UsageError(
            f"--set {options.overrides[0]}: parameters are those of the graph behind the method vidface, "
            "which --method leaves out. Add `--method vidface`, or leave --set away."
        )
    return None


def _scored(
    clips: Sequence[str], making: Making, ways: Mapping[str, Method], judges: Judges
) -> list[dict[str, Any]]:
    rows = []
    for place, (clip, group, name) in enumerate(_labelled(clips), 1):
        click.echo(f"{place} of {len(clips)}: {clip}", err=True)
        rows.append(score_clip(make_bad(clip, making), ways, judges, group=group, name=name))
    if any(row["results"] for row in rows):
        return rows
    left: Counter[str] = sum((Counter(row["left out"]) for row in rows), Counter())
    why = ", ".join(f"{count} {cause}" for cause, count in left.items())
    raise InputError(
        f"no face could be followed in {', '.join(str(row['clip']) for row in rows)}, so nothing was measured"
        + (f"; tracks left out: {why}" if why else "")
        + (" (see --least-px)" if left["too small"] else "")
    )


def _labelled(clips: Sequence[str]) -> list[tuple[str, str, str]]:
    """Each clip, the name of its folder, and one of its own."""
    folders = short_names([Path(clip).resolve().parent for clip in clips], endings=True)
    return list(zip(clips, folders, short_names(clips, least=2), strict=True))


def _synthetic(plan: Plan | None, options: RestoreOptions) -> dict[str, Provenance]:
    """Methods whose pictures are marked in sheets; asks for the means to do so before any work."""
    made = None if plan is None or options.sheets is None else provenance(plan)
    if made is None:
        return {}
    library()
    return {name: made for name in options.methods if name not in METHODS}


def protocol(options: RestoreOptions) -> list[str]:
    """How it was measured, in sentences."""
    fit = (
        f"clips shrunk first until the middle crop has {CROP} px (never enlarged)"
        if options.fit
        else "frames degraded at their own size"
    )
    return [
        f"clean crops {CROP} x {CROP} (ffhq512 halved) by the landmarks of the clean clip;",
        "every result is cut with the same matrices; pixels outside the frame do not count, nor do windows "
        "of SSIM that reach there",
        f"level {options.level}, seed {options.seed}, the first {options.frames} frames; {fit}",
        f"tracks whose crop shows under {options.least_px:g} px a side are left out",
        "PSNR, SSIM over all channels; IDS mean cosine to the clean crop, sigma its spread in a video",
        "AKD mean distance of 478 points, TLME that of their motion; lost: share of frames without a mesh",
        "warp: squared change along the clean clip's flow (DIS), pixels 0..1, x 1000",
        "flicker: change where nothing moves less the clean clip's, grey levels of 255",
        f"least gain: IDS less that of {INPUT}, of the worst clip; guard: share of faces whose cosine to the",
        f"reference picture is below that of {INPUT}; a reference belongs to the track most like it, to none "
        f"where the mean cosine to the clean crops is below {THRESHOLD:g}",
        "means over frames, then tracks by their frames, then clips",
    ]


def _references(paths: Sequence[Path], embedder: FaceEmbedder) -> NDArray[np.float32]:
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path} is no file; --reference wants a picture of a person in the clips")
    if not paths:
        return np.zeros((0, embedder.dimension), np.float32)
    seen = look_at(paths, embedder, {embedder.size: np.ones(len(paths), bool)})
    for place, fault in seen.faults.items():
        raise InputError(f"{paths[place]} does not serve as --reference: {fault}")
    if seen.crowded:
        raise InputError(
            f"{seen.crowded} of the pictures for --reference show several faces; cut them to the one that "
            "is meant"
        )
    return seen.vectors[embedder.size]


def _means(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Method -> means over clips, and of IDS the least gain over the input."""
    measured = [row["results"] for row in rows if row["results"]]
    means = {}
    for name in dict.fromkeys(name for results in measured for name in results):
        means[name] = mean_row(results[name] for results in measured)
        for figure in (OWN, INDEPENDENT):
            gains = [
                results[name][figure] - results[INPUT][figure]
                for results in measured
                if name != INPUT and figure in results[name]
            ]
            if gains:
                means[name][f"{figure}_least_gain"] = float(np.nanmin(gains))
    return means


def _described(name: str, options: RestoreOptions) -> str:
    return DESCRIPTIONS.get(
        name, f"the bad clip through the graph {options.graph}, which finds the faces itself"
    )


def _mesh_model() -> str:
    name = MeshFace().model
    return f"{name}@{weights.verify(name).sha256[:12]}"


def _graph(plan: Plan) -> dict[str, Any]:
    return {
        "file": plan.file.name,
        "sha256": plan.file.sha256,
        "overrides": list(plan.file.overrides),
        "models": [f"{model['name']}@{model['sha256'][:12]}" for model in model_facts(plan)],
    }
