"""Options that several commands share: `--set` of what reads a graph, two of what decodes a clip."""

from __future__ import annotations

import click

set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="NODE.PARAM=VALUE",
    help="Override a parameter of a node or an output; of an output that is called like a node: "
    "outputs.NAME.PARAM=VALUE.",
)

rotate_option = click.option(
    "--rotate",
    type=click.Choice(["0", "90", "180", "270"]),
    default="0",
    callback=lambda _context, _option, value: int(value),
    help="Degrees clockwise that bring the picture upright, beyond what CLIP itself says.",
)

square_option = click.option(
    "--square",
    is_flag=True,
    help="Stretch pictures whose pixels are not square (DV, DVD, many recorders) until they are.",
)
