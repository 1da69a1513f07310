"""`vidface probe CLIP`."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import click

from vidface.data.address import local
from vidface.data.times import time_text

SECONDS = ("duration", "start")


@click.command()
@click.argument("clip", type=click.Path(readable=False))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def probe(clip: str, form: str) -> None:
    """Say what CLIP is: container, codec, size, rate, time base, rotation, colour, sound."""
    from vidface.graph.facts import input_facts
    from vidface.media.decode import open_source

    path = local(clip)
    source = open_source(path)
    try:
        facts = input_facts(source.info, Path(path))
    finally:
        source.close()
    if form == "json":
        click.echo(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        if key in SECONDS and value is not None:
            click.echo(f"{key:<16}{time_text(Fraction(value))} s ({value})")
        elif value not in (None, "", [], {}):
            click.echo(f"{key:<16}{value}")
