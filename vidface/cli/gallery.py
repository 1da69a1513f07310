"""`vidface gallery`: enrolled people; enrol, find, correct, forget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vidface.cli._gallery_add import enroll
from vidface.cli._gallery_care import audit, calibrate, check, export, import_, index, re_embed
from vidface.cli._gallery_common import Place
from vidface.cli._gallery_people import forget, list_, merge, rename, search, show
from vidface.cli._names import names
from vidface.cli._unknowns import unknowns

if TYPE_CHECKING:
    from vidface.cli._gallery_faces import Sampler


def _open(model: str) -> Sampler:
    from vidface.cli._gallery_faces import sampler

    return sampler(model)


@click.group()
@click.option("--gallery", "folder", metavar="DIR", type=click.Path(), help="The gallery's folder.")
@click.pass_context
def gallery(ctx: click.Context, folder: str | None) -> None:
    """Enrolled people: enrol, find, correct, forget.

    A gallery is one folder that only you can read. Say which with --gallery DIR, before or behind the
    command, or in $VIDFACE_GALLERY.
    """
    ctx.obj = Place(folder, ctx.obj or _open)


for _part in (enroll, list_, show, search, rename, merge, forget):
    gallery.add_command(_part)
for _part in (calibrate, audit, check, export, import_, index, re_embed):
    gallery.add_command(_part)
for _part in (unknowns, names):
    gallery.add_command(_part)
