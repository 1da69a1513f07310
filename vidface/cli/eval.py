"""`vidface eval ...`: a result measured against its input, a reference or the truth."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from vidface.cli._deepfake import deepfake
from vidface.cli._reenact import reenact
from vidface.cli._restore import restore

_Command = TypeVar("_Command", bound=Callable[..., None])

TITLES = {
    "face_jitter_pct": "face jitter, % of the inter-ocular distance",
    "input_jitter_pct": "the same in the input",
    "jitter_ratio": "output over input",
    "face_share": "frames with that face",
    "input_face_share": "the same in the input",
    "cropping_mean": "cropping, mean",
    "cropping_min": "cropping, least",
    "distortion": "distortion, least",
    "stability_mean": "stability, mean of x, y, rotation",
    "stability_min": "stability, least",
    "missing": "frames without a homography",
    "lost_steps": "steps without a homography",
    "frames": "frames",
}

TRACKING = (
    *("mota", "idf1", "purity", "fragmentation", "switches", "misses", "false_alarms", "truth", "result"),
    *("persons", "fragments", "filled", "filled_iou"),
)


@click.group()
def eval() -> None:  # noqa: A001 - the command's name
    """Measure a result: definitions stand in the modules of vidface.eval."""


eval.add_command(deepfake)
eval.add_command(reenact)
eval.add_command(restore)


@eval.command()
@click.argument("source", metavar="INPUT", type=click.Path())
@click.argument("output", type=click.Path())
@click.option("--baseline", "baselines", multiple=True, type=click.Path(), help="Another output, beside it.")
@click.option("--no-faces", is_flag=True, help="Leave out the face's jitter.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def stabilize(source: str, output: str, baselines: tuple[str, ...], no_faces: bool, as_json: bool) -> None:
    """Cropping, distortion, stability and face jitter of OUTPUT, a stabilised INPUT.

    The face is the one that takes up most of INPUT, by size and time; in OUTPUT it is who lies where
    that face went to.
    """
    from vidface.cli._measure import compared, faces_in, main_face, steadiness

    rows: dict[str, dict[str, Any]] = {}
    before = None if no_faces else main_face(faces_in(source))
    for path in (output, *baselines):
        found = compared(source, path)
        rows[path] = found.score.row()
        if before is not None:
            rows[path] |= steadiness(before, faces_in(path), found.ways)
    _show(rows, TITLES, as_json=as_json)


@eval.command()
@click.argument("reference", type=click.Path())
@click.argument("result", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def mesh(reference: str, result: str, as_json: bool) -> None:
    """Point error and jitter of RESULT against REFERENCE, both .npz files of the sink `mesh`.

    Rows are paired by frame and, where a frame has several faces, by the least distance. Jitter is that of
    each track; where a frame has several faces without one, such faces have none.
    """
    from vidface.cli._meshrows import load_meshes, nobodys, paired, tracks_of
    from vidface.eval.mesh import REGIONS, error_table, mesh_jitter

    wanted, found = load_meshes(Path(reference)), load_meshes(Path(result))
    here, there, missed = paired(found, wanted)
    row: dict[str, Any] = {"meshes compared": len(here), "meshes of the reference without one": missed}
    table = error_table(here, there)
    row |= {f"error, % of the inter-ocular distance, {name}": table[name] for name in ("all", *REGIONS)}
    for name, meshes in (("result", found), ("reference", wanted)):
        jitters = [mesh_jitter(track) for track in tracks_of(meshes)]
        known = [value for value in jitters if math.isfinite(value)]
        row[f"jitter, %, {name}"] = sum(known) / len(known) if known else float("nan")
        lone = nobodys(meshes)
        if lone:
            row[f"meshes left out of it (several faces, no tracks), {name}"] = lone
    _show({result: row}, {name: name for name in row}, as_json=as_json)


@eval.command()
@click.argument("truth", type=click.Path())
@click.argument("result", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def track(truth: str, result: str, as_json: bool) -> None:
    """MOTA, IDF1, purity and fragmentation of RESULT (faces.jsonl) against TRUTH (.truth.jsonl).

    Both are lines of JSON, one a frame, paired by their `frame`; by their order where a file has none.
    Boxes that the tracker filled in (interpolated) are told by themselves.
    """
    from vidface.cli._measure import check_same_frames, read_faces
    from vidface.eval.tracking import score_tracking

    wanted, found = read_faces(Path(truth), key="id"), read_faces(Path(result), key="track")
    check_same_frames(truth, wanted, result, found)
    score = score_tracking(wanted.faces, found.faces, aside=wanted.hidden)
    row = {name: getattr(score, name) for name in TRACKING}
    _show({result: row}, {name: name for name in row}, as_json=as_json)


class _Numbers(click.ParamType[tuple[int, ...]]):
    """Whole numbers from `least` to 65535, with `separator` between them."""

    name = "numbers"

    def __init__(self, separator: str, count: int | None = None, least: int = 1) -> None:
        self._separator, self._count, self._least = separator, count, least

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        """Text -> numbers."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(self._separator)]
        # By their length first: Python refuses to read numbers of thousands of digits.
        sound = all(
            part.isdecimal() and len(part) < 6 and self._least <= int(part) < 1 << 16 for part in parts
        )
        if not sound or self._count not in (None, len(parts)):
            self.fail(
                f"{str(value)[:80]!r} is not like 112{self._separator}16: whole numbers of {self._least} or "
                "more, to 65535",
                param,
                ctx,
            )
        return tuple(int(part) for part in parts)


def _recognition_options(command: _Command) -> _Command:
    """The options that `verify` and `identify` share."""
    options = (
        click.option(
            "--sizes",
            "sides",
            type=_Numbers(","),
            default=(),
            metavar="112,32,16",
            help="Pixels of the aligned crop that are left of the second picture, or of the probe [all].",
        ),
        click.option("--by", metavar="COLUMN", help="Also for each value of this column of the table."),
        click.option("--aligned", is_flag=True, help="The pictures are aligned crops already."),
        _RESAMPLES,
        _JSON,
    )
    for option in reversed(options):
        command = option(command)
    return command


_RESAMPLES = click.option(
    "--resamples",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="Draws of the intervals; 0: none.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON instead of tables.")


@eval.command()
@click.argument("pairs", type=click.Path(path_type=Path))
@click.option("--model", default="vidface-embed", show_default=True, help="A model of the task embed.")
@click.option("--discard", is_flag=True, help="Error versus discard, by recognisability.")
@_recognition_options
def verify(pairs: Path, model: str, as_json: bool, **options: Any) -> None:
    """Accuracy, EER and TAR at FAR of the pairs of pictures in PAIRS.

    PAIRS is a CSV with a header line, or lines of JSON (.jsonl): first, second (pictures, from the table's
    folder), same (1 or 0); where known person and second_person (for the intervals), fold, and columns to
    group by.
    """
    from vidface.cli import _looks
    from vidface.cli._verify import VerifyOptions, verify_report, verify_text

    report = verify_report(pairs, _looks.open_embedder(model), VerifyOptions(**options))
    _tell(report, verify_text, as_json=as_json)


@eval.command()
@click.argument("probes", type=click.Path(path_type=Path))
@click.option("--gallery", required=True, type=click.Path(path_type=Path), help="Folder of the gallery.")
@click.option("--model", help="A model of the task embed [the gallery's].")
@click.option(
    "--fuse",
    type=click.Choice(["mean", "quality", "top"]),
    default="mean",
    show_default=True,
    help="How pictures of one set become one probe.",
)
@_recognition_options
def identify(probes: Path, gallery: Path, model: str | None, as_json: bool, **options: Any) -> None:
    """Rank-k, DIR at FPIR and FNIR of the pictures in PROBES against the people of a gallery.

    PROBES is a CSV with a header line, or lines of JSON (.jsonl): path (from the table's folder), name (as
    enrolled, or empty); where known person (of those not enrolled, for the intervals), set (pictures that
    make one probe together), and columns to group by.
    """
    from vidface.cli import _looks
    from vidface.cli._identify import IdentifyOptions, identify_report, identify_text
    from vidface.gallery import Gallery

    with Gallery.open(gallery) as opened:
        embedder = _looks.open_embedder(model or opened.fingerprint.split("@")[0])
    with Gallery.open(gallery, fingerprint=embedder.fingerprint) as opened:
        report = identify_report(probes, opened.reference(), embedder, IdentifyOptions(**options))
        opened.log(
            "search", {"command": "eval identify", "table": str(probes), "probes": report["probes"]["all"]}
        )
    _tell(report, identify_text, as_json=as_json)


@eval.command()
@click.argument("clip", type=click.Path())
@click.argument("truth", type=click.Path(path_type=Path))
@click.option("--gallery", required=True, type=click.Path(path_type=Path), help="Folder of the gallery.")
@click.option("--graph", default="lowres", show_default=True, help="Graph that names faces.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Keep the poor clip and the result here.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the degradation.")
@click.option(
    "--size",
    "limit",
    type=_Numbers("x", 2, least=16),
    default="320x180",
    show_default=True,
    help="The poor clip fits in this.",
)
@_RESAMPLES
@_JSON
def fanvid(clip: str, truth: Path, as_json: bool, **options: Any) -> None:
    """FaceRecBox: makes CLIP poor as FANVID does, runs a graph over it, and compares with TRUTH.

    TRUTH is lines of JSON, one a frame: frame (from 0), faces with box (pixels of CLIP) and name (as
    enrolled, or null), where known visible (0 to 1).
    """
    from vidface.cli._fanvid import FanvidOptions, fanvid_report, fanvid_text

    _tell(fanvid_report(clip, truth, FanvidOptions(**options)), fanvid_text, as_json=as_json)


def _tell(report: dict[str, Any], text: Callable[[dict[str, Any]], Iterable[str]], *, as_json: bool) -> None:
    from vidface.cli._report import plain

    if as_json:
        click.echo(json.dumps(plain(report), indent=1, ensure_ascii=False))
        return
    for line in text(report):
        click.echo(line)


def _show(rows: dict[str, dict[str, Any]], titles: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        plain = {name: {key: _plain(value) for key, value in row.items()} for name, row in rows.items()}
        click.echo(json.dumps(plain, indent=1))
        return
    names = [key for key in titles if any(key in row for row in rows.values())]
    width = max(len(titles[name]) for name in names)
    columns = [max(10, len(Path(path).name)) for path in rows]
    heads = (Path(path).name.rjust(wide) for path, wide in zip(rows, columns, strict=True))
    click.echo(f"{'':{width}}  {'  '.join(heads)}")
    for name in names:
        cells = (_cell(row.get(name)).rjust(wide) for row, wide in zip(rows.values(), columns, strict=True))
        click.echo(f"{titles[name]:{width}}  {'  '.join(cells)}")


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
