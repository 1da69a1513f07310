"""`vidface bench [GRAPH ...]`: how fast this machine is, and what each node costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vidface.cli._numbers import FiniteRange
from vidface.cli._sets import set_option
from vidface.errors import ExitCode

if TYPE_CHECKING:
    from vidface.bench.measure import Result


@click.command()
@click.argument("graphs", nargs=-1, metavar="[GRAPH ...]")
@click.option(
    "--clip", type=click.Path(path_type=Path), help="Measure on this [the project's own, at 1080p]."
)
@click.option("--runs", type=click.IntRange(1, 100), default=5, show_default=True, help="Runs of each case.")
@click.option(
    "--seconds",
    type=FiniteRange(0, 3600, min_open=True),
    default=1.5,
    show_default=True,
    help="About how long a run is; 25 frames at least.",
)
@click.option("--device", help="auto, cpu, cuda or cuda:1; goes before the graphs'.")
@set_option
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder for bench.json, bench.md and bench.svg."
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of tables.")
def bench(as_json: bool, out: Path | None, **options: Any) -> None:
    """Measure decoding alone, each GRAPH (all that are shipped if none is named), and every node.

    Each case has a process of its own: one run warms up, the others are measured: frames a second, CPU a
    frame, peak memory, frames lost. Ends with 1 if frames were lost or a graph that was named does not run.
    """
    from vidface.bench.measure import Request, measure
    from vidface.bench.text import report
    from vidface.cli._outfile import make_folder, write_out

    if out is not None:
        make_folder("--out", out)
    result = measure(Request(tell=lambda text: click.echo(f"bench: {text}", err=True), **options))
    plain = json.dumps(result.to_json(), indent=1)
    click.echo(plain if as_json else report(result), nl=as_json)
    if out is not None:
        write_out(out / "bench.json", plain + "\n")
        write_out(out / "bench.md", report(result))
        write_out(out / "bench.svg", _picture(result))
    failed = [case.name for case in result.cases if case.lost or (options["graphs"] and case.why_not)]
    if failed:
        click.echo(f"vidface: frames were lost, or nothing could be measured: {', '.join(failed)}", err=True)
        raise SystemExit(int(ExitCode.FAILED))


def _picture(result: Result) -> str:
    from vidface.bench.measure import DECODE
    from vidface.bench.plot import Bar, bars

    rows = [
        Bar(case.name, case.rate(), f"{case.peak_mb:.0f} MB", other=case.name == DECODE)
        for case in result.cases
        if case.runs
    ]
    wide, high = result.facts["clip"]["size"]
    return bars(f"Frames a second at {wide} x {high}, and peak memory", "frames/s", rows)
