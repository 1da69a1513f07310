"""`vidface check GRAPH`."""

from __future__ import annotations

import click

from vidface.cli._sets import set_option


@click.command()
@click.argument("graph", type=click.Path(readable=False))
@set_option
@click.option("--no-models", is_flag=True, help="Do not ask whether the weights are there.")
def check(graph: str, overrides: tuple[str, ...], no_models: bool) -> None:
    """Check GRAPH: syntax, names, parameters, types on edges, loops, models. Nothing is decoded.

    Python files that GRAPH names as nodes are loaded, as in a run: their code runs.
    """
    from vidface.graph.explain import consent_lines
    from vidface.graph.plan import load

    plan = load(graph, overrides=overrides, check_models=not no_models)
    click.echo(f"{graph}: sound; {len(plan.steps)} nodes, {len(plan.outlets)} outputs")
    for line in consent_lines(plan):
        click.echo(line)
