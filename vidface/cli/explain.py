"""`vidface explain GRAPH`."""

from __future__ import annotations

from fractions import Fraction

import click

from vidface.cli._numbers import FiniteRange
from vidface.cli._sets import set_option


@click.command()
@click.argument("graph", type=click.Path())
@set_option
@click.option("--device", help="auto, cpu, cuda or cuda:1; goes before the graph's.")
@click.option("--rate", type=FiniteRange(min=0, min_open=True), default=25.0, show_default=True)
@click.option(
    "--format", "form", type=click.Choice(["text", "mermaid", "dot"]), default="text", show_default=True
)
def explain(graph: str, overrides: tuple[str, ...], device: str | None, rate: float, form: str) -> None:
    """Say what GRAPH will do: order, types, look-ahead in frames and ms (at --rate), devices.

    Python files that GRAPH names as nodes are loaded, as in a run: their code runs.
    """
    from vidface.graph import explain as words
    from vidface.graph.devices import devices_of
    from vidface.graph.plan import load

    plan = load(graph, overrides=overrides, check_models=False)
    if form == "text":
        click.echo(words.text(plan, devices_of(plan, device), Fraction(rate)))
    else:
        click.echo(words.mermaid(plan) if form == "mermaid" else words.dot(plan))
