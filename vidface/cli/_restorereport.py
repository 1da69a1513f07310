"""`vidface eval restore`, the report: clips made bad, restored, judged, and tables of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from numpy.typing import NDArray

from vidface.cli import _restorejudge as judge
from vidface.cli._looks import FaceEmbedder, look_at
from vidface.cli._restoreclip import CROP, BadClip, Making, make_bad
from vidface.cli._restorejudge import INDEPENDENT, OWN, Seen
from vidface.cli._restoremethods import BASELINES, DESCRIPTIONS, Method, bicubic, methods
from vidface.errors import InputError
from vidface.eval.restore import cosines, guard_share, mean_row
from vidface.graph.facts import package_facts
from vidface.infer import weights
from vidface.media.decode import open_source
from vidface.media.degrade import LEVELS
from vidface.nodes.mesh.face import MeshFace

INPUT: Final = "bicubic"
"""The method that shows what went in; others are compared with it."""


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """What was asked for.

    Attributes:
        level: one of `LEVELS`. methods: names; one that is no baseline stands for `graph`.
        embedder, independent: names of models, or ONNX files.
        references: pictures of people in the clips.
        frames, seed, fit, least_px: see `Making`.
    """

    level: str = "medium"
    graph: str = "restore"
    methods: tuple[str, ...] = BASELINES
    embedder: str = "vidface-embed"
    independent: str | None = None
    references: tuple[Path, ...] = ()
    frames: int = 100
    seed: int = 0
    fit: bool = False
    least_px: float = 128


def restore_report(clips: Sequence[str], options: RestoreOptions) -> dict[str, Any]:
    """Everything about every clip, and the means; ready for JSON.

    Raises:
        InputError: a clip or a reference cannot be used. GraphError, ModelError, UsageError: before any work.
    """
    making = Making(LEVELS[options.level], options.seed, options.frames, options.fit, options.least_px)
    ways = methods(tuple(dict.fromkeys(options.methods)), options.graph, scale=making.settings.scale)
    embedders = {OWN: judge.open_judge(options.embedder)}
    if options.independent is not None:
        embedders[INDEPENDENT] = judge.open_judge(options.independent)
    for clip in clips:
        open_source(clip).close()
    references = _references(options.references, embedders[OWN])
    rows = []
    for place, clip in enumerate(clips, 1):
        click.echo(f"{place} of {len(clips)}: {clip}", err=True)
        rows.append(_clip_row(make_bad(clip, making), ways, embedders, references))
    groups = dict.fromkeys(row["group"] for row in rows)
    names = [*ways, "clean"]
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
        "embedders": {name: embedder.fingerprint for name, embedder in embedders.items()},
        "mesh": _mesh_model(),
        "packages": package_facts(),
        "clips": rows,
        "groups": {group: _means([row for row in rows if row["group"] == group]) for group in groups},
        "overall": _means(rows),
    }


def protocol(options: RestoreOptions) -> list[str]:
    """How it was measured, in sentences."""
    fit = (
        f"clips shrunk first until the middle crop has {CROP} px (never enlarged)"
        if options.fit
        else "frames degraded at their own size"
    )
    return [
        f"clean crops {CROP} x {CROP} (ffhq512 halved) by the landmarks of the clean clip;",
        "every result is cut with the same matrices; pixels outside the frame do not count",
        f"level {options.level}, seed {options.seed}, the first {options.frames} frames; {fit}",
        f"tracks whose crop shows under {options.least_px:g} px a side are left out",
        "PSNR, SSIM over all channels; IDS mean cosine to the clean crop, sigma its spread in a video",
        "AKD mean distance of 478 points, TLME that of their motion; lost: share of frames without a mesh",
        "warp: squared change along the clean clip's flow (DIS), pixels 0..1, x 1000",
        "flicker: change where nothing moves less the clean clip's, grey levels of 255",
        f"least gain: IDS less that of {INPUT}, of the worst clip; guard: share of faces whose cosine to the",
        f"reference picture is below that of {INPUT}",
        "means over frames, then tracks by their frames, then clips",
    ]


def _clip_row(
    bad: BadClip,
    ways: Mapping[str, Method],
    embedders: Mapping[str, FaceEmbedder],
    references: NDArray[np.float32],
) -> dict[str, Any]:
    path = Path(bad.clip)
    row: dict[str, Any] = {
        "clip": bad.clip,
        "group": path.resolve().parent.name,
        "frames": len(bad.frames),
        "size": list(bad.size),
        "degraded to": list(bad.frames[0].shape[1::-1]) if bad.frames else None,
        "crop_px": bad.crop_px if bad.tracks else None,
        "tracks": len(bad.tracks),
        "faces": sum(map(len, bad.tracks)),
        "left out": dict(bad.left_out),
        "reference": [],
        "results": {},
    }
    if not bad.tracks:
        return row
    clean = [judge.look(track, track.clean, embedders) for track in bad.tracks]
    before = _seen(bad, bicubic(bad), embedders)
    mine = _owners(references, clean)
    row["reference"] = [
        {"track": place, "cosine_clean": float(cosines(clean[place].vectors[OWN], vector).mean())}
        for place, vector in mine.items()
    ]
    for name, way in {**ways, "clean": None}.items():
        seen = before if name == INPUT else clean if way is None else _seen(bad, way(bad), embedders)
        row["results"][name] = _figures(bad, seen, clean, _Guard(before, mine))
        if way is None:
            row["results"][name] = {
                key: value for key, value in row["results"][name].items() if key not in _TRIVIAL
            }
    return row


_TRIVIAL: Final = frozenset(
    {"psnr_db", "ssim", OWN, "ids_sigma", INDEPENDENT, "ids_sigma_independent", "akd_px", "tlme_px"}
)
"""Figures that say nothing about the clean clip, compared with itself."""


@dataclass(frozen=True, slots=True, eq=False)
class _Guard:
    """What the faces looked like before, and the reference of each track that has one."""

    before: Sequence[Seen]
    owners: Mapping[int, NDArray[np.float32]]


def _figures(bad: BadClip, seen: Sequence[Seen], clean: Sequence[Seen], guard: _Guard) -> dict[str, float]:
    rows = []
    for place, track in enumerate(bad.tracks):
        row = judge.likeness(track, seen[place], clean[place])
        row |= judge.steadiness(track, seen[place], judge.motions(track))
        vector = guard.owners.get(place)
        if vector is not None:
            old, new = (cosines(one[place].vectors[OWN], vector) for one in (guard.before, seen))
            row["guard_share"] = guard_share(old, new)
        rows.append(row)
    return mean_row(rows, [len(track) for track in bad.tracks])


def _seen(
    bad: BadClip, crops: Sequence[NDArray[np.uint8]], embedders: Mapping[str, FaceEmbedder]
) -> list[Seen]:
    return [judge.look(track, rows, embedders) for track, rows in zip(bad.tracks, crops, strict=True)]


def _references(paths: Sequence[Path], embedder: FaceEmbedder) -> NDArray[np.float32]:
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path} is no file; --reference wants a picture of a person in the clips")
    if not paths:
        return np.zeros((0, embedder.dimension), np.float32)
    seen = look_at(paths, embedder, {embedder.size: np.ones(len(paths), bool)})
    for place, fault in seen.faults.items():
        raise InputError(f"{paths[place]} does not serve as --reference: {fault}")
    return seen.vectors[embedder.size]


def _owners(references: NDArray[np.float32], clean: Sequence[Seen]) -> dict[int, NDArray[np.float32]]:
    """Track -> the sum of the reference vectors that are most like it."""
    owners: dict[int, NDArray[np.float32]] = {}
    for vector in references:
        likes = [float(np.nanmean(cosines(seen.vectors[OWN], vector))) for seen in clean]
        place = int(np.argmax(likes))
        owners[place] = owners.get(place, np.zeros_like(vector)) + vector
    return owners


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
                if name != INPUT and figure in results[name] and INPUT in results
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
