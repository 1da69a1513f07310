"""A benchmark as text: Markdown tables that are read as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, get_args

from vidface.bench.job import Case, Spread
from vidface.bench.measure import DECODE, Result
from vidface.data.traffic import Kind

MOST_MB: Final = 600
"""What a run of any shipped graph may take at 1080p on a CPU."""


def report(result: Result) -> str:
    """The whole report, Markdown."""
    return (
        "\n".join(
            [*_head(result.facts), *_begins(result), *_graphs(result), *_cards(result), *_nodes(result)]
        )
        + "\n"
    )


def _head(facts: dict[str, Any]) -> Iterator[str]:
    clip, machine, packages = facts["clip"], facts["machine"], facts["packages"]
    wide, high = clip["size"]
    load = facts["load_average"]
    yield "# Speed and memory"
    yield ""
    yield (
        f"{clip['name']} ({wide} x {high}, {clip['codec']}, {clip['bytes'] / 1e6:.0f} MB), "
        f"{machine['cores']} cores ({machine['processor']}), card: {facts['card'] or 'none'}, "
        f"device: {facts['device']}, {facts['date']}."
    )
    yield (
        f"Each case in a process of its own: one run to warm up, then {facts['runs']} runs of about "
        f"{facts['seconds_a_run']:g} s; median (least-greatest). CPU: all threads. Peak: resident memory of "
        "one run of 100 frames or more (all there are of a shorter clip), libraries included."
    )
    yield f"Load average before {load['before'][0]:.1f}, after {load['after'][0]:.1f}."
    yield ", ".join(f"{name} {version}" for name, version in packages.items())
    yield ""


def _begins(result: Result) -> Iterator[str]:
    yield "| until something is seen | s | CPU s |"
    yield "|---|---|---|"
    for begin in result.begins:
        wall, cpu = Spread.of(begin.wall_s), Spread.of(begin.cpu_s)
        yield f"| {begin.name} | {wall.text('.2f')} | {cpu.text('.2f')} |"
    yield ""


def _graphs(result: Result) -> Iterator[str]:
    limit = next((case.rate().median for case in result.cases if case.name == DECODE and case.runs), None)
    yield "| graph | frames/s | of decoding | CPU ms a frame | peak MB | frames in, out | lost | faces |"
    yield "|---|---|---|---|---|---|---|---|"
    for case in result.cases:
        if not case.runs:
            yield f"| {case.name} | not measured: {case.why_not} |  |  |  |  |  |  |"
            continue
        run = case.runs[0]
        share = "-" if not limit else f"{case.rate().median / limit:.2f}"
        cells = [
            case.name,
            case.rate().text(),
            share,
            case.cpu_ms().text(".2f"),
            f"{case.peak_mb:.0f}",
            f"{run.decoded}, {run.processed}",
            str(case.lost),
            "-" if run.faces is None else str(run.faces),
        ]
        yield f"| {' | '.join(cells)} |"
    yield ""
    large = [f"{case.name} ({case.peak_mb:.0f})" for case in result.cases if case.peak_mb > MOST_MB]
    yield f"Peak above {MOST_MB} MB, the aim at 1080p on a CPU: {', '.join(large) or 'none'}."
    yield ""


def _cards(result: Result) -> Iterator[str]:
    """Nothing where no case ran on a card."""
    cases = [case for case in result.cases if case.runs and case.runs[-1].card_mb is not None]
    if not cases:
        return
    yield "On the card: memory in use by all programs after the last run, and copies a frame, MB (copies)."
    yield ""
    kinds = get_args(Kind)
    yield f"| graph | card MB | {' | '.join(kind.replace('_', ' ') for kind in kinds)} |"
    yield "|---" * (2 + len(kinds)) + "|"
    for case in cases:
        run = case.runs[-1]
        shown = [_copied((run.copies or {}).get(kind), run.processed) for kind in kinds]
        yield f"| {case.name} | {run.card_mb:.0f} | {' | '.join(shown)} |"
    yield ""


def _copied(row: dict[str, int] | None, frames: int) -> str:
    return "-" if row is None else f"{row['bytes'] / frames / 1e6:.3f} ({row['copies'] / frames:.2f})"


def _nodes(result: Result) -> Iterator[str]:
    yield (
        "Each node, decoder and output, in the graph where it works most: milliseconds a frame of its "
        "thread, by the clock and of CPU. A decoder's and an encoder's own threads are not in here."
    )
    yield ""
    yield "| node | graph | ms a frame | CPU ms a frame |"
    yield "|---|---|---|---|"
    for use, (case, name) in sorted(dearest(result.cases).items()):
        clock, cpu = (case.node(use, name, f"{kind}ms_per_frame") for kind in ("", "cpu_"))
        yield f"| {use} | {case.name} | {clock.text('.2f')} | {cpu.text('.2f')} |"
    if result.unused:
        yield ""
        yield f"Not measured: {', '.join(result.unused)}."


def dearest(cases: Iterable[Case]) -> dict[str, tuple[Case, str]]:
    """Of every node and sink the case where it took the most CPU, and what it is called there."""
    found: dict[str, tuple[float, Case, str]] = {}
    for case in cases:
        for row in case.runs[0].nodes if case.runs else ():
            cost = case.node(row["use"], row["name"], "cpu_ms_per_frame").median
            if row["use"] not in found or cost > found[row["use"]][0]:
                found[row["use"]] = cost, case, row["name"]
    return {use: (case, name) for use, (_, case, name) in found.items()}
