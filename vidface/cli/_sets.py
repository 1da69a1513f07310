"""`--set`, as every command that reads a graph has it."""

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
