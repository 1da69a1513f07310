"""Commands on the gallery as a whole: calibrate, audit, check, export, import, re-embed."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vidface.cli._gallery_common import (
    DEFAULT_MODEL,
    Place,
    folder_of,
    gallery_option,
    harmless,
    json_option,
    opened,
    opened_or_new,
    plural,
    show_json,
    table,
    threshold_of,
)
from vidface.cli._numbers import FiniteRange
from vidface.errors import InputError, ModelError, UsageError, VidfaceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vidface.gallery import Gallery

IMPOSTORS = "impostors.npz"


@click.command()
@click.option(
    "--fmr",
    type=FiniteRange(min=0, max=1, min_open=True, max_open=True),
    default=0.001,
    show_default=True,
    help="Share of strangers that may be taken for somebody.",
)
@click.option(
    "--impostors",
    metavar="FILE",
    type=click.Path(),
    help="Vectors of strangers (.npz with `vectors`); else those that come with the embedder.",
)
@gallery_option
@json_option
@click.pass_obj
def calibrate(place: Place, fmr: float, impostors: str | None, folder: str | None, as_json: bool) -> None:
    """Set the threshold for a share of strangers that are taken for somebody in this gallery."""
    with opened(place, folder, write=True) as gallery:
        strangers, left = _impostors(gallery, impostors)
        found = gallery.calibrate(strangers, fmr=fmr)
    for name, count in left.items():
        click.echo(
            f"{count} of the strangers that come with the embedder are more like {name!r} than chance allows "
            "(it may have been trained with that person's pictures): left out",
            err=True,
        )
    if as_json:
        show_json(asdict(found))
    else:
        click.echo(
            f"threshold {found.threshold:.4f}: rests on {found.impostors} strangers and on {found.compared} "
            f"people of the gallery, whose {found.own} looks were held against the others (a person's looks "
            f"weigh as one); {found.alarms} of these {found.impostors + found.own} reach it; rate 95 % "
            f"within {found.low:.2g} .. {found.high:.2g}"
        )
    if not found.reached:
        click.echo(
            f"so few strangers ({found.persons} people in all) cannot show a rate of {fmr:g}: it may be as "
            f"high as {found.high:.2g}; give more with --impostors",
            err=True,
        )
    for one, other, score in found.suspects:
        click.echo(f"{one!r} and {other!r} reach {score:.3f}: one person under two names?", err=True)


@click.command()
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Latest entries.")
@gallery_option
@json_option
@click.pass_obj
def audit(place: Place, limit: int, folder: str | None, as_json: bool) -> None:
    """Show the log: every change and every search, latest first."""
    with opened(place, folder) as gallery:
        rows = gallery.audit(limit)
    if as_json:
        show_json([{**asdict(row), "people": list(row.people)} for row in rows])
        return
    table(
        ("AT", "USER", "ACTION", "PEOPLE", "DETAIL"),
        ((row.at, row.user, row.action, ", ".join(row.people), _words(row.detail)) for row in rows),
    )


@click.command()
@gallery_option
@click.pass_obj
def check(place: Place, folder: str | None) -> None:
    """Look through the files for damage."""
    with opened(place, folder) as gallery:
        told = gallery.check()
        people, looks = len(gallery.people()), len(gallery)
    for line in told:
        click.echo(harmless(line))
    if told:
        raise VidfaceError(f"{folder_of(place, folder)}: {len(told)} faults were found")
    click.echo(f"sound: {plural(people, 'person', 'people')}, {plural(looks, 'look')}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@gallery_option
@click.pass_obj
def export(place: Place, file: Path, overwrite: bool, folder: str | None) -> None:
    """Write everybody to one zip file that only you can read."""
    with opened(place, folder) as gallery:
        count = gallery.export(file, overwrite=overwrite)
    click.echo(harmless(f"{plural(count, 'person', 'people')} written to {file}"))


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@gallery_option
@click.pass_obj
def import_(place: Place, file: Path, folder: str | None) -> None:
    """Add the people of an exported zip; into a new gallery where there is none yet."""
    from vidface.gallery.transfer import belongs_to

    with opened_or_new(place, folder_of(place, folder), lambda: belongs_to(file)) as gallery:
        reports = gallery.import_(file)
    for name, report in reports.items():
        if report.nearest_other is not None:
            other, score = report.nearest_other
            click.echo(
                f"{name!r} looks like {other!r} (cosine {score:.2f}): one person under two names?", err=True
            )
    added = sum(report.added for report in reports.values())
    doubles = sum(len(report.duplicates) for report in reports.values())
    people = plural(len(reports), "person", "people")
    click.echo(f"{people}, {plural(added, 'look')} added, {plural(doubles, 'was', 'were')} there already")


@click.command("re-embed")
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="The embedder to change to.")
@gallery_option
@click.pass_obj
def re_embed(place: Place, model: str, folder: str | None) -> None:
    """Bring the gallery over to another embedder, from the pictures kept in it."""
    with opened(place, folder, write=True) as gallery, closing(place.open(model)) as sampler:
        if sampler.fingerprint == gallery.fingerprint:
            click.echo(f"the gallery belongs to {gallery.fingerprint} already")
            return
        report = gallery.re_embed(
            sampler.embed,
            fingerprint=sampler.fingerprint,
            dimension=sampler.dimension,
            threshold=threshold_of(sampler.fingerprint),
            progress=_progress if sys.stderr.isatty() else None,
        )
        click.echo(f"{report.looks} looks embedded by {gallery.fingerprint}; calibrate anew")
    if report.dropped:
        click.echo(f"{report.dropped} looks had no picture and were dropped", err=True)


@click.command()
@gallery_option
@click.pass_obj
def index(place: Place, folder: str | None) -> None:
    """Build the approximate index that speeds up the search in more than 100,000 looks."""
    from vidface.gallery.reference import EXACT_LOOKS

    with opened(place, folder, write=True) as gallery:
        count = gallery.index()
    note = "" if count > EXACT_LOOKS else f"; it is used above {EXACT_LOOKS:,} looks only"
    click.echo(f"{count} looks indexed{note}")


def _progress(done: int, every: int) -> None:
    click.echo(f"\r{done} of {every} looks", nl=done == every, err=True)


def _impostors(gallery: Gallery, given: str | None) -> tuple[NDArray[np.float32] | None, dict[str, int]]:
    """Vectors of strangers: those given, or those beside the embedder's weights; see `strangers`."""
    from vidface.gallery.calibrate import strangers
    from vidface.infer import weights

    if given is None:
        try:
            path = weights.entry(gallery.fingerprint.rpartition("@")[0]).folder / IMPOSTORS
        except ModelError:
            path = Path()
        if not path.is_file():
            click.echo(
                f"no {IMPOSTORS} comes with {gallery.fingerprint}: only the gallery itself counts", err=True
            )
            return None, {}
        return strangers(gallery.uncalibrated(), _vectors(path, gallery.fingerprint))
    return _vectors(Path(given), gallery.fingerprint), {}


def _vectors(path: Path, fingerprint: str) -> NDArray[np.float32]:
    import numpy as np

    from vidface.data.npz import read_npz

    try:
        packed = read_npz(path, ("vectors",), optional=("fingerprint",))
        rows: NDArray[np.float32] = np.asarray(packed["vectors"], np.float32)
        model = str(packed.get("fingerprint", fingerprint))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no .npz file with an array `vectors`") from error
    if rows.ndim != 2:
        raise InputError(f"{path}: wanted n x d `vectors`, but found the shape {rows.shape}")
    if not np.isfinite(rows).all() or not rows.any(axis=1).all():
        raise InputError(f"{path}: rows of `vectors` are not finite, or nothing but 0")
    if model != fingerprint:
        raise UsageError(f"{path} has vectors of {model}, but the gallery belongs to {fingerprint}")
    return rows


def _words(detail: Any) -> str:
    return ", ".join(
        f"{key} {value if isinstance(value, str) else json.dumps(value)}"
        for key, value in detail.items()
        if value != ""
    )
