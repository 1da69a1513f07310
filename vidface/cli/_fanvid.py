"""`vidface eval fanvid`: a clip made poor, a graph run over it, and FaceRecBox against the truth."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.cli._outfile import make_folder
from vidface.cli._report import figure_cell, intervals_note, number, table
from vidface.cli._tables import frame_lines
from vidface.cli.progress import Progress
from vidface.errors import InputError, OutputExistsError, UsageError
from vidface.eval.fanvid import BLOCK, FEWEST_BLOCKS, FanvidScore, NamedBoxes, count_frame, score_fanvid
from vidface.eval.intervals import Figure
from vidface.gallery import Gallery, clean_name
from vidface.graph.facts import model_facts
from vidface.graph.plan import Plan, load
from vidface.graph.run import run
from vidface.media.codecs import EncodeSettings
from vidface.media.decode import open_source
from vidface.media.encode import Encoder
from vidface.media.pixels import frame_from_rgb
from vidface.version import __version__
from vidface.vision.fanvid import Degradation, degrade, draw, fitting_size

_POOR: Final = "fanvid.mkv"
_RUN: Final = "run"


@dataclass(frozen=True, slots=True)
class FanvidOptions:
    """What was asked for.

    Attributes:
        graph: path or name of a graph that writes faces with identities.
        gallery: folder of the gallery.
        out: folder for the poor clip and what the graph writes; None keeps nothing.
        seed: of the degradation. limit: width and height that the poor clip fits in.
        resamples: draws of the intervals.
    """

    graph: str
    gallery: Path
    out: Path | None = None
    seed: int = 0
    limit: tuple[int, int] = (320, 180)
    resamples: int = 1000


@dataclass(frozen=True, slots=True, eq=False)
class _Truth:
    """Faces of each frame, in pixels of the clip, and which of them cannot be seen."""

    faces: list[NamedBoxes]
    hidden: list[NDArray[np.bool_]]


def fanvid_report(clip: str, truth_path: Path, options: FanvidOptions) -> dict[str, Any]:
    """Make the clip poor, run the graph, score it; ready for JSON.

    Raises:
        InputError: clip or truth cannot be read. UsageError: they do not fit each other, or the graph or
            gallery do not serve.
    """
    enrolled = _enrolled(options.gallery, clip)
    truth, strangers = _read_truth(truth_path, enrolled)
    plan, output = _plan(options)
    how = draw(options.seed)
    with ExitStack() as stack:
        folder = options.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if (folder / _POOR).exists() or (folder / _RUN).exists():
            raise OutputExistsError(f"{folder} holds an earlier result; choose another folder for --out")
        make_folder("--out", folder)
        # Whole, or not there: what was interrupted, or does not fit the truth, is no earlier result.
        draft = folder / f"{_POOR}.part"
        stack.callback(draft.unlink, missing_ok=True)
        full, small, count = make_poor(clip, draft, how, options.limit)
        _check_count(clip, count, truth_path, truth)
        draft.rename(folder / _POOR)
        work = run(plan, folder / _POOR, folder / _RUN)
        bar = Progress("auto", work.info, None, None)
        with work:
            for tick in work:
                bar.update(tick.time)
        bar.done(work.report.ledger.processed)
        found, final = read_named(folder / _RUN / f"{output}.jsonl")
        _check_count(f"what {options.graph} gives for {clip}", len(found), truth_path, truth)
    scale = np.array([small[0] / full[0], small[1] / full[1]] * 2)
    ways = {"at each frame": found, "in the end": final}
    return {
        "protocol": _protocol(options),
        "vidface": __version__,
        "graph": options.graph,
        "models": [f"{model['name']}@{model['sha256'][:12]}" for model in model_facts(plan)],
        "clip": {"size": list(full), "degraded to": list(small), "frames": count},
        "degradation": asdict(how),
        "gallery": {"persons": len(enrolled)},
        "truth": {"names not enrolled": sorted(strangers)},
        "results": {way: _row(_scored(truth, rows, scale, options.resamples)) for way, rows in ways.items()},
    }


def fanvid_text(report: dict[str, Any]) -> Iterator[str]:
    """The report for people."""
    clip = report["clip"]
    sizes = " -> ".join(f"{width} x {height}" for width, height in (clip["size"], clip["degraded to"]))
    yield f"FaceRecBox of {report['graph']}: {clip['frames']} frames, {sizes}"
    yield from report["protocol"]
    steps = (
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in report["degradation"].items()
    )
    yield "degradation: " + ", ".join(steps)
    names = ", ".join(report["truth"]["names not enrolled"]) or "none"
    yield f"gallery: {report['gallery']['persons']} people; names of the truth that are not enrolled: {names}"
    yield ""
    counts = ("right", "matched", "missed", "unmatched")
    heads = ["names", "FaceRecBox", "right names of found", "found of truth", *counts]
    yield from table(
        heads,
        [
            [
                f"as decided {way}",
                figure_cell(Figure(**row["score"])),
                number(row["named"]),
                number(row["found"]),
                *(str(row[name]) for name in counts),
            ]
            for way, row in report["results"].items()
        ],
    )


def make_poor(
    clip: str, path: Path, how: Degradation, limit: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int], int]:
    """Write the degraded clip, lossless, every time kept; returns the size before and after, and frames."""
    source = open_source(clip)
    full = (source.info.width, source.info.height)
    small = fitting_size(*full, limit)
    encoder = Encoder(path, EncodeSettings(codec="ffv1", container="mkv"), source.info)
    try:
        for frame in source.frames():
            picture = degrade(frame.rgb(), how, frame=frame.index, size=small)
            length = frame.duration * frame.time_base
            encoder.write(frame_from_rgb(picture, frame.index, frame.time, duration=length))
        encoder.finish()
    finally:
        encoder.close()
        source.close()
    return full, small, encoder.frames


def read_named(path: Path) -> tuple[list[NamedBoxes], list[NamedBoxes]]:
    """Faces with names from a faces.jsonl: as decided at each frame, and by the last decision of each track.

    Raises:
        UsageError: the faces have no identities.
    """
    frames, _ = frame_lines(path, "lines of faces", lambda row: list(row["faces"]))
    rows = [row for faces in frames for row in faces]
    if rows and not any("identity" in row for row in rows):
        raise UsageError(
            f"{path.name} has faces without identities: wire recognize.identify to the output of the graph"
        )
    last = {row["track"]: _name(row) for row in rows if row.get("track") is not None and row.get("identity")}
    now = [_named(faces, [_name(row) for row in faces]) for faces in frames]
    end = [_named(faces, [last.get(row.get("track"), _name(row)) for row in faces]) for faces in frames]
    return now, end


def _name(row: dict[str, Any]) -> str | None:
    name = (row.get("identity") or {}).get("name")
    return None if name is None else str(name)


def _named(faces: Sequence[dict[str, Any]], names: Sequence[str | None]) -> NamedBoxes:
    return NamedBoxes(np.array([row["box"] for row in faces], np.float64).reshape(-1, 4), tuple(names))


def _check_count(what: str, count: int, truth_path: Path, truth: _Truth) -> None:
    if count != len(truth.faces):
        raise UsageError(
            f"{what} has {count} frames, but {truth_path} has {len(truth.faces)}: not of one clip"
        )


def _enrolled(folder: Path, clip: str) -> frozenset[str]:
    with Gallery.open(folder) as gallery:
        gallery.log("search", {"command": "eval fanvid", "clip": clip})
        reference = gallery.reference()
        return frozenset(reference.names[owner] for owner in set(reference.owners.tolist()))


def _read_truth(path: Path, enrolled: frozenset[str]) -> tuple[_Truth, set[str]]:
    """The truth; a name that is not enrolled becomes None, and is given back."""
    strangers: set[str] = set()

    def read(row: dict[str, Any]) -> tuple[NamedBoxes, NDArray[np.bool_]]:
        faces = row["faces"]
        given = [clean_name(face["name"]) if face["name"] else None for face in faces]
        strangers.update(name for name in given if name is not None and name not in enrolled)
        hidden = np.array([face.get("visible", 1.0) < 0.5 for face in faces], bool)
        named = _named(faces, [name if name in enrolled else None for name in given])
        if not (named.boxes[:, :2] < named.boxes[:, 2:]).all():
            raise ValueError("wanted boxes of x1 y1 x2 y2, the second corner right of and below the first")
        return named, hidden

    what = "a truth, which is lines of frame and faces with box and name"
    frames, numbers = frame_lines(path, what, read)
    if not any(len(boxes) for boxes, _ in frames):
        raise InputError(f"{path} has no faces in it; there is nothing to score")
    for wanted, found in enumerate(numbers or ()):
        if found != wanted:
            raise InputError(
                f"{path} has no frame {wanted}, but a later one, {found}; wanted a line for each frame of "
                "the clip, numbered from 0"
            )
    return _Truth([boxes for boxes, _ in frames], [hidden for _, hidden in frames]), strangers


def _plan(options: FanvidOptions) -> tuple[Plan, str]:
    """The graph with the gallery set, its outputs cut down to that of faces, whose name is given back."""
    draft = load(options.graph, check_models=False)
    nodes = [step.name for step in draft.steps if "gallery" in type(step.node).model_fields]
    outputs = [outlet.name for outlet in draft.outlets if outlet.use == "jsonl"]
    if not nodes or not outputs:
        raise UsageError(
            f"{options.graph} does not name faces: wanted a node with a gallery (recognize.identify) and an "
            "output of faces"
        )
    overrides = tuple(f"{name}.gallery={json.dumps(str(options.gallery))}" for name in nodes)
    return load(options.graph, overrides=overrides, outputs=(outputs[0],)), outputs[0]


def _scored(
    truth: _Truth, found: Sequence[NamedBoxes], scale: NDArray[np.float64], resamples: int
) -> FanvidScore:
    counts = [
        count_frame(NamedBoxes(wanted.boxes * scale, wanted.names), given, aside=hidden.tolist())
        for wanted, hidden, given in zip(truth.faces, truth.hidden, found, strict=True)
    ]
    return score_fanvid(counts, resamples=resamples)


def _row(score: FanvidScore) -> dict[str, Any]:
    return asdict(score)


def _protocol(options: FanvidOptions) -> list[str]:
    return [
        "FaceRecBox = sum(M F) / (sum(M) + missed + unmatched), micro over frames; greedy one-to-one pairs "
        "by falling IoU, M from 0.5",
        "a face of nobody enrolled is right without a name; faces of which less than half is visible are set "
        "aside",
        f"degradation of FANVID, one draw (seed {options.seed}), noise anew on each frame; stored without "
        "loss",
        intervals_note(options.resamples, f"blocks of {BLOCK} frames"),
        f"fewer than {FEWEST_BLOCKS} blocks ({BLOCK * (FEWEST_BLOCKS - 1)} frames or fewer) have no interval",
    ]
