"""`vidface eval stabilize|mesh|track`: a result measured against its input, a reference or the truth."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click

from vidface.errors import UsageError

TITLES = {
    "face_jitter_pct": "face jitter, % of the inter-ocular distance",
    "input_jitter_pct": "the same in the input",
    "jitter_ratio": "output over input",
    "cropping_mean": "cropping, mean",
    "cropping_min": "cropping, least",
    "distortion": "distortion, least",
    "stability_mean": "stability, mean of x, y, rotation",
    "stability_min": "stability, least",
    "missing": "frames without a homography",
    "lost_steps": "steps without a homography",
    "frames": "frames",
}


@click.group()
def eval() -> None:  # noqa: A001 - the command's name
    """Measure a result: definitions stand in the modules of vidface.eval."""


@eval.command()
@click.argument("source", metavar="INPUT", type=click.Path())
@click.argument("output", type=click.Path())
@click.option("--baseline", "baselines", multiple=True, type=click.Path(), help="Another output, beside it.")
@click.option("--no-faces", is_flag=True, help="Leave out the face's jitter.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def stabilize(source: str, output: str, baselines: tuple[str, ...], no_faces: bool, as_json: bool) -> None:
    """Cropping, distortion, stability and face jitter of OUTPUT, a stabilised INPUT."""
    from vidface.cli._measure import face_points, stability_of
    from vidface.eval.stabilize import face_jitter

    rows: dict[str, dict[str, Any]] = {}
    before = float("nan") if no_faces else face_jitter(face_points(source))
    for path in (output, *baselines):
        row = stability_of(source, path).row()
        if not no_faces:
            after = face_jitter(face_points(path))
            row |= {"input_jitter_pct": before, "face_jitter_pct": after, "jitter_ratio": after / before}
        rows[path] = row
    _show(rows, TITLES, as_json=as_json)


@eval.command()
@click.argument("reference", type=click.Path())
@click.argument("result", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def mesh(reference: str, result: str, as_json: bool) -> None:
    """Point error and jitter of RESULT against REFERENCE, both .npz files of the sink `mesh`.

    Rows are paired by frame and, where a frame has several faces, by the least distance.
    """
    from vidface.cli._measure import load_meshes, paired, tracks_of
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
    _show({result: row}, {name: name for name in row}, as_json=as_json)


@eval.command()
@click.argument("truth", type=click.Path())
@click.argument("result", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def track(truth: str, result: str, as_json: bool) -> None:
    """MOTA, IDF1, purity and fragmentation of RESULT (faces.jsonl) against TRUTH (.truth.jsonl)."""
    from vidface.cli._measure import read_faces
    from vidface.eval.tracking import score_tracking

    wanted, hidden = read_faces(Path(truth), key="id")
    found, _ = read_faces(Path(result), key="track")
    if len(wanted) != len(found):
        raise UsageError(
            f"{truth} has {len(wanted)} frames, but {result} has {len(found)}: they are not of one clip"
        )
    score = score_tracking(wanted, found, aside=hidden)
    names = ("mota", "idf1", "purity", "fragmentation", "switches", "misses", "truth", "result", "persons")
    row = {name: getattr(score, name) for name in names}
    _show({result: row}, {name: name for name in row}, as_json=as_json)


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
