"""The peers' costs as Markdown and as a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.bench.peers._list import DECODE, LEFT_OUT, PAIRS
from vidface.bench.job import Spread
from vidface.bench.plot import Bar, bars

Costs = dict[str, list[dict[str, Any]]]


def report(costs: Costs, absent: dict[str, str], facts: dict[str, Any]) -> str:
    """The whole report; `absent` says of peers why they could not be measured."""
    return "\n".join([*_head(facts), *_table(costs, absent), *_ratios(costs), *_foot(costs, facts)]) + "\n"


def picture(costs: Costs) -> str:
    """Bars of frames a second."""
    rows = [
        Bar(
            name,
            rate(runs),
            f"{1000 * runs[0]['cpu_s'] / runs[0]['frames']:.1f} ms CPU",
            other="vidface" not in name,
        )
        for name, runs in costs.items()
    ]
    return bars("Frames a second at 1920 x 1080: faces of every frame to a file", "frames/s", rows)


def rate(runs: list[dict[str, Any]]) -> Spread:
    """Frames a second."""
    return _spread(runs, lambda run: run["frames"] / run["wall_s"])


def _spread(runs: list[dict[str, Any]], value: Callable[[dict[str, Any]], float]) -> Spread:
    return Spread.of([value(run) for run in runs])


def _head(facts: dict[str, Any]) -> Iterator[str]:
    machine = facts["machine"]
    yield "# vidface beside its peers"
    yield ""
    yield (
        f"{facts['clip']}, {facts['frames']} frames of 1920 x 1080 with one to two faces, "
        f"{machine['cores']} cores ({machine['processor']}), no card, {facts['date']}. Each has an "
        f"environment and a process of its own; all took turns, {facts['turns']} times after one to warm up: "
        "median (least-greatest). Loading libraries is not counted, loading models is. CPU: all threads."
    )
    yield f"Load average over five minutes at the end: {facts['load_average']}; two cores are full at 2."
    yield ""


def _table(costs: Costs, absent: dict[str, str]) -> Iterator[str]:
    yield "| program | frames/s | CPU ms a frame | peak MB | frames | faces | points a face | versions |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, runs in costs.items():
        first = runs[0]
        cpu = _spread(runs, lambda run: 1000 * run["cpu_s"] / run["frames"])
        cells = [
            name + (f" ({first['note']})" if first["note"] else ""),
            rate(runs).text(),
            cpu.text(".2f"),
            f"{max(run['peak_mb'] for run in runs):.0f}",
            *(str(first[key]) for key in ("frames", "faces", "points")),
            ", ".join(f"{package} {version}" for package, version in first["versions"].items()),
        ]
        yield f"| {' | '.join(cells)} |"
    for name, why in absent.items():
        yield f"| {name} | not measured: {why} |  |  |  |  |  |  |"
    yield ""


def _ratios(costs: Costs) -> Iterator[str]:
    yield "| what | rate, ours over theirs (pairs of one turn) | CPU, theirs over ours | aim |"
    yield "|---|---|---|---|"
    for ours, theirs, what, aim in PAIRS:
        if ours in costs and theirs in costs:
            pairs = list(zip(costs[ours], costs[theirs], strict=True))
            rates = Spread.of([b["wall_s"] / a["wall_s"] for a, b in pairs])
            cpus = Spread.of([b["cpu_s"] / a["cpu_s"] for a, b in pairs])
            wanted = "-" if aim is None else f">= {aim:g}"
            yield f"| {what} | {rates.text('.2f')} | {cpus.text('.2f')} | {wanted} |"
    yield ""


def _foot(costs: Costs, facts: dict[str, Any]) -> Iterator[str]:
    truth = max((runs[0]["faces"] for name, runs in costs.items() if name != DECODE), default=0)
    yield (
        f"Faces are rows in the files: {truth} at most. Who finds fewer has less to do; MediaPipe's detector "
        "is made for faces near the camera."
    )
    yield ""
    yield "Left out: " + " ".join(LEFT_OUT)
    yield ""
    yield ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
