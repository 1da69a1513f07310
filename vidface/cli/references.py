"""`vidface references PATH... -o person.npz`: how a person looks and moves, from files of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vidface.cli._numbers import FiniteRange
from vidface.errors import OutputExistsError, UsageError


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--out", metavar="FILE", required=True, type=click.Path(), help="The person file (.npz).")
@click.option("--name", default="", help="Of the person; shown in reports.")
@click.option("--face", type=click.IntRange(1), help="Where several faces are: which, counted from the left.")
@click.option("--min-face-px", type=FiniteRange(8), default=32, show_default=True,
              help="Faces less tall than this are passed over.")  # fmt: skip
@click.option("--model", default="vidface-embed", show_default=True, help="The embedder.")
@click.option("--keep-all", is_flag=True, help="Also keep references that seem to show another person.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def references(paths: tuple[str, ...], out: str, *, overwrite: bool, as_json: bool, **said: Any) -> None:
    """Make a person file from pictures, clips and folders of one person.

    Of each file the one clear face is taken: a clip's largest and longest track, a picture's largest face.
    Files that show two faces about as large are left out unless --face says which. Copies, and files that
    show another person than the rest, are left out too. The table tells what was used, and why the rest was
    not.

    The file holds vectors and numbers, no pictures. It is biometric data of that person: only you may read
    it.
    """
    from vidface.cli import _references_make as make
    from vidface.cli._gallery_enroll import files_of
    from vidface.cli._references_show import show
    from vidface.gallery.values import clean_name

    target = Path(out)
    if target.suffix.lower() != ".npz":
        raise UsageError(f"a person file ends in .npz, but -o says {target.name}")
    if target.exists() and not overwrite:
        raise OutputExistsError(f"{target} is there already; choose another name, or say --overwrite")
    files = files_of([Path(path) for path in paths])
    if not files:
        raise UsageError(f"there is no picture and no clip in {', '.join(paths)}")
    said["name"] = clean_name(said["name"]) if said["name"] else ""
    wanted = make.Wanted(**said)
    report = make.make(files, wanted, lambda line: click.echo(line, err=True))
    make.write(report, target)
    show(report, target, as_json=as_json)
