"""`vidface schema`."""

from __future__ import annotations

import json

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of the graph file; editors use it for completion and checks."""
    from vidface.graph.schema import graph_schema

    click.echo(json.dumps(graph_schema(), indent=2))
