"""Commands on people: list, show, search, rename, merge, forget."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vidface.cli._gallery_common import (
    Place,
    folder_of,
    gallery_option,
    json_option,
    looking,
    opened,
    plural,
    say,
    show_json,
    table,
)
from vidface.data.digest import sha256_of
from vidface.errors import InputError, OutputError, OutputExistsError, UsageError, VidfaceError

if TYPE_CHECKING:
    from vidface.gallery import Reference

_STATES = {"known": "", "undecided": "two people are alike", "unknown": "below the threshold"}


@click.command("list")
@gallery_option
@json_option
@click.pass_obj
def list_(place: Place, folder: str | None, as_json: bool) -> None:
    """Say who is enrolled, with how many looks."""
    with opened(place, folder) as gallery:
        people = gallery.people()
    if as_json:
        show_json([asdict(person) for person in people])
    elif people:
        table(("NAME", "LOOKS", "ADDED"), ((one.name, one.looks, one.added) for one in people))
    else:
        click.echo("nobody is enrolled", err=True)


@click.command()
@click.argument("name")
@click.option("--pictures", metavar="DIR", type=click.Path(), help="Also write the crops into this folder.")
@click.option("--overwrite", is_flag=True, help="Replace crops that are there.")
@gallery_option
@json_option
@click.pass_obj
def show(
    place: Place, name: str, pictures: str | None, overwrite: bool, folder: str | None, as_json: bool
) -> None:
    """List the looks of NAME: number, measures, where they are from. Pictures go into the audit log."""
    with opened(place, folder) as gallery:
        looks, odd = gallery.looks(name), gallery.outliers(name)
        if pictures is not None:
            kept = _files(Path(pictures), {look.id: look.picture for look in looks if look.picture})
            _check_free(kept, overwrite)
            gallery.log("show", {"pictures": len(kept)}, [name])
            _write_pictures(Path(pictures), kept)
    rows = [
        {
            "id": look.id,
            "recognisability": look.recognisability,
            "quality": look.quality,
            "added": look.added,
            "picture": look.picture is not None,
            "unlike": look.id in odd,
            "source": look.source,
        }
        for look in looks
    ]
    if as_json:
        show_json({"name": name, "looks": rows})
    else:
        table(
            ("LOOK", "RECOGNISABILITY", "QUALITY", "ADDED", "DOUBT", "SOURCE"),
            (
                (row["id"], row["recognisability"], row["quality"], row["added"],
                 "unlike the others" if row["unlike"] else "", row["source"])
                for row in rows
            ),
        )  # fmt: skip


@click.command()
@click.argument("picture", type=click.Path(readable=False))
@click.option("-k", "count", type=click.IntRange(1), default=5, show_default=True, help="People a face.")
@gallery_option
@json_option
@click.pass_obj
def search(place: Place, picture: str, count: int, folder: str | None, as_json: bool) -> None:
    """Say who the faces in PICTURE are like, nearest first; goes into the audit log."""
    from vidface.cli._gallery_faces import picture_shot
    from vidface.gallery.reference import EXACT_LOOKS

    path = Path(picture)
    with opened(place, folder) as gallery, looking(place, None, gallery) as sampler:
        shot = picture_shot(sampler, path)
        if shot.damage:
            say(f"{path}: {shot.damage}; searched as far as it can be read")
        if not shot.faces:
            raise InputError(f"{path}: no face was found")
        reference = gallery.reference()
        found = [_found(reference, face, max(2, count)) for face in shot.faces]
        known = [row["name"] for row in found if row["name"] is not None]
        facts = {"picture": str(path.absolute()), "sha256": sha256_of(path), "faces": len(found)}
        gallery.log("search", {**facts, "threshold": reference.threshold}, known)
    for row in found:
        row["matches"] = row["matches"][:count]
    if as_json:
        show_json({"picture": str(path), "threshold": reference.threshold, "faces": found})
        return
    if not reference.names:
        click.echo("the gallery is empty: nobody can be found", err=True)
    lines = [
        (
            number,
            f"{row['height_px']:.0f} px",
            match["name"],
            match["score"],
            row["state"] if not rank else "",
        )
        for number, row in enumerate(found, 1)
        for rank, match in enumerate(row["matches"])
    ]
    table(("FACE", "HEIGHT", "NAME", "COSINE", "DECISION"), lines)
    if len(reference) > EXACT_LOOKS and reference.exact:
        click.echo(f"{len(reference)} looks, searched exactly; vidface gallery index is faster", err=True)
    click.echo(f"threshold {reference.threshold:.3f}{_calibrated(reference)}", err=True)


@click.command()
@click.argument("name")
@click.argument("to", metavar="NEW_NAME")
@gallery_option
@click.pass_obj
def rename(place: Place, name: str, to: str, folder: str | None) -> None:
    """Give NAME another name."""
    with opened(place, folder, write=True) as gallery:
        gallery.rename(name, to)
    click.echo(f"{name!r} now is {to!r}")


@click.command()
@click.argument("name")
@click.argument("into", metavar="INTO")
@gallery_option
@click.pass_obj
def merge(place: Place, name: str, into: str, folder: str | None) -> None:
    """Make one person of two: the looks of NAME go to INTO."""
    with opened(place, folder, write=True) as gallery:
        moved = gallery.merge(name, into)
    click.echo(f"{moved} looks of {name!r} now belong to {into!r}")


@click.command()
@click.argument("name")
@click.option("--look", "looks", type=int, multiple=True, help="Only this look, by number (see show).")
@click.option("--yes", is_flag=True, help="Do not ask; wanted where nobody can be asked.")
@gallery_option
@json_option
@click.pass_obj
def forget(
    place: Place, name: str, looks: tuple[int, ...], yes: bool, folder: str | None, as_json: bool
) -> None:
    """Take away every trace of NAME, and prove it by searching the gallery's files.

    What stays is a mark that names nobody, in the audit log. Copies, exports and backups that you made,
    and disk blocks that the file system set free, are beyond reach.
    """
    if not yes and not sys.stdin.isatty():
        raise UsageError(f"forget {name}: nobody can be asked here; say --yes to forget without being asked")
    if not yes:
        click.confirm(f"Forget {'looks of ' if looks else ''}{name!r} for good?", abort=True)
    with opened(place, folder, write=True) as gallery:
        proof = gallery.forget(name, looks or None)
    if as_json:
        show_json({**asdict(proof), "clean": proof.clean})
    else:
        for line in _proof(proof):
            click.echo(line)
    if not proof.clean:
        raise VidfaceError(
            f"{proof.found} traces of the person are still in {folder_of(place, folder)}, in the files "
            f"{', '.join(proof.where)}: take them away yourself where they are no files of the gallery"
        )


def _found(reference: Reference, face: Any, count: int) -> dict[str, Any]:
    """What is said of one face."""
    matches = reference.search(face.vector[None], count)[0]
    score = matches[0].score if matches else math.nan
    margin = matches[0].score - matches[1].score if len(matches) > 1 else math.nan
    state = "unknown"
    if score >= reference.threshold:
        state = "undecided" if margin < reference.margin else "known"
    return {
        "box": face.box,
        "height_px": face.height_px,
        "recognisability": face.recognisability,
        "state": state,
        "name": matches[0].name if state == "known" else None,
        "margin": margin,
        "matches": [match._asdict() for match in matches],
    }


def _calibrated(reference: Reference) -> str:
    if math.isnan(reference.fmr):
        return " (not calibrated: vidface gallery calibrate)"
    return f" (calibrated for {reference.fmr:g} of strangers)"


def _proof(proof: Any) -> list[str]:
    gone = f"{plural(proof.looks, 'look')} and {plural(proof.pictures, 'picture')} deleted"
    what = f"{gone}, {plural(proof.vectors, 'vector')} overwritten"
    searched = "vectors, pictures and name" if proof.name_bytes else "vectors and pictures"
    lines = [f"{what}; mentions replaced elsewhere: {proof.redacted}"]
    if proof.shared:
        lines.append(f"{proof.shared} vectors or pictures stay: somebody else has the same")
    lines.append(f"searched {', '.join(proof.files)} for {searched}: {proof.found or 'nothing'} found")
    return [*lines, f"in the audit log as {proof.token}"]


def _files(folder: Path, pictures: dict[int, bytes]) -> dict[Path, bytes]:
    """What goes into which file."""
    kinds = {number: "jpg" if data[:2] == b"\xff\xd8" else "png" for number, data in pictures.items()}
    return {folder / f"{number:06d}.{kinds[number]}": data for number, data in pictures.items()}


def _check_free(pictures: Iterable[Path], overwrite: bool) -> None:
    taken = [path for path in pictures if os.path.lexists(path)]
    if taken and not overwrite:
        raise OutputExistsError(
            f"{taken[0]} is there already{_more(len(taken) - 1)}; choose another folder, or --overwrite"
        )


def _more(count: int) -> str:
    return f" (and {count} more)" if count else ""


def _write_pictures(folder: Path, pictures: dict[Path, bytes]) -> None:
    from vidface.sinks._files import write_private

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}") from error
    for path, data in pictures.items():
        write_private(path, data)
