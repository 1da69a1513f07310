"""`vidface verify RUN`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from vidface.cli._numbers import FiniteRange
from vidface.errors import ExitCode

if TYPE_CHECKING:
    from vidface.graph.rerun import Sample
    from vidface.graph.run import Run
    from vidface.graph.tick import Tick
    from vidface.graph.verify import Check

_WORDS: Final = {
    "same": "same",
    "changed": "CHANGED",
    "missing": "MISSING",
    "extra": "EXTRA",
    "differs": "DIFFERS",
    "other": "other here",
    "unchecked": "not checked",
}


_MOST_NAMES: Final = 5
"""Files that are told by name, of those that were not compared."""


class _SampleType(click.ParamType[Any]):
    """A number of stretches, or `all`."""

    name = "N|all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value != "all" and not str(value).isdecimal():
            self.fail(f"wanted a number of stretches or all, but found {value!r}", param, ctx)
        return value if value == "all" else int(value)


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--sample",
    type=_SampleType(),
    help="Run again as far as N stretches of 10 s drawn at random [1 of the first minute]; 0: not at all.",
)
@click.option(
    "--input", "clip", type=click.Path(path_type=Path), metavar="FILE", help="The run's input, if it moved."
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="PEM",
    help="Public key or certificate that must have signed.",
)
@click.option(
    "--tolerance",
    type=FiniteRange(min=0),
    default=0.0,
    metavar="X",
    help="Numbers of a re-run that differ by no more than this count as the same [0].",
)
@click.option(
    "--run-nodes",
    is_flag=True,
    help="Run again also where the graph names Python files: their code runs here.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(
    run: Path,
    sample: Sample | None,
    clip: Path | None,
    key: Path | None,
    tolerance: float,
    run_nodes: bool,
    as_json: bool,
) -> None:
    """Check that the folder RUN is what its run left, and that the run gives the same again.

    Hashes every file and names those that changed, are missing or were added, with the rows that
    changed; follows the chain of the reviewers' notes; checks the signature; compares input, models
    and packages with those here. Then runs a part again: from the beginning, since tracks remember
    everything before, up to the end of the stretches that were drawn. Where the graph has nodes in
    Python files (./my/blur.py), only --run-nodes does so: whoever sent the folder chose that code.

    Rows (JSON lines, CSV, Parquet) are compared value by value; every other file byte for byte, of a
    --forensic run with --sample all. What was not compared is told. Ends with 0 where everything that was
    checked is the same, with 1 where something is not. Other models or packages here, an input that is
    not here, and nodes that were not run, are told, but change nothing in the folder: they end with 1
    only where --sample asked for a re-run that they prevent.
    """
    from vidface.graph.custody import read_manifest
    from vidface.graph.manifestshape import misfit
    from vidface.graph.verify import Check, check_folder

    facts = read_manifest(run, ambiguous=True)
    checks: list[Check] = list(check_folder(run, facts, key=key))
    if misfit(facts):
        checks.append(Check("re-run", "", "differs", "run.json is too much changed to say what was run"))
    else:
        checks += _origins(run, facts, clip)
        checks += _again(run, facts, checks, clip, sample, tolerance=tolerance, run_nodes=run_nodes)
    bad = [one for one in checks if one.bad]
    if as_json:
        told = {"run": str(run), "same": not bad, "checks": [one.to_json() for one in checks]}
        click.echo(json.dumps(told, indent=2))
    else:
        for line in _lines(checks):
            click.echo(_plain(line))
        click.echo(_plain(_sum(checks)))
    sys.exit(int(ExitCode.FAILED if bad else ExitCode.DONE))


def _origins(run: Path, facts: dict[str, Any], clip: Path | None) -> list[Check]:
    from vidface.graph import origins

    if not (facts.get("input") and facts.get("graph")):
        return []
    found = list(origins.check_input(facts, origins.find_input(run, facts, clip)))
    for check in (origins.check_sources, origins.check_consent, origins.check_models, origins.check_packages):
        found += check(facts)
    return found


def _again(
    run: Path,
    facts: dict[str, Any],
    checks: list[Check],
    clip: Path | None,
    sample: Sample | None,
    *,
    tolerance: float,
    run_nodes: bool,
) -> list[Check]:
    from vidface.graph.origins import find_input
    from vidface.graph.rerun import check_rerun
    from vidface.graph.verify import Check

    if sample == 0:
        return []
    why = _why_not(facts, checks)
    place = find_input(run, facts, clip) if facts.get("input") else None
    if why or place is None:
        return [Check("re-run", "", "unchecked" if sample is None else "differs", f"it was not made: {why}")]
    again = check_rerun(
        run,
        facts,
        place,
        sample=sample or "first",
        tolerance=tolerance,
        run_nodes=run_nodes,
        watch=_shown,
    )
    return list(again)


def _shown(work: Run) -> Iterator[Tick]:
    """The ticks of a re-run, with a bar where somebody looks."""
    from vidface.cli.progress import Progress

    bar = Progress("auto", work.info, None, None)
    try:
        for tick in work:
            bar.update(tick.time)
            yield tick
    finally:
        bar.done(work.report.ledger.processed)


def _why_not(facts: dict[str, Any], checks: list[Check]) -> str:
    """Why there can be no re-run; empty where there can be one."""
    if not (facts.get("settings") and facts.get("graph")) or facts.get("status") == "running":
        return "run.json does not say enough of the run"
    if (facts.get("ledger") or {}).get("dropped"):
        return "the run dropped frames, which is not twice the same"
    for one in checks:
        if one.what == "input" and one.bad:
            return f"the input {one.name} is not the one that was run"
        if one.what == "input" and one.state != "same":
            return f"{one.name}: {one.text}"
        if one.what == "source" and one.state != "same":
            return f"{one.name} is not what it was, or not here"
        if one.what == "model" and one.state != "same":
            return f"the model {one.name} is not the same here"
    return ""


def _sum(checks: list[Check]) -> str:
    """The last line: what is not the same, or that everything is, as far as it was checked."""
    from vidface.graph.outcome import NOTHING

    if any(one.bad for one in checks):
        other = _names(checks, lambda one: one.state == "other")
        ran = any(one.bad and one.what == "re-run" and one.name for one in checks)
        why = f" (which may be for what is other here: {other})" if ran and other else ""
        return f"differs: {_names(checks, lambda one: one.bad)}{why}"
    left = _names(checks, lambda one: one.state == "unchecked", most=_MOST_NAMES)
    if any(one.text == NOTHING for one in checks):
        return f"the folder is what run.json says, but the re-run tells nothing of it; not checked: {left}"
    return f"what was checked is the same; not checked: {left}" if left else "everything is the same"


def _names(checks: list[Check], wanted: Callable[[Check], bool], *, most: int | None = None) -> str:
    chosen = [one for one in checks if wanted(one)]
    words = [[one.what if one.what in ("re-run", "gallery") else "", one.name] for one in chosen]
    return _few(list(dict.fromkeys(" of ".join(filter(None, pair)) for pair in words)), most)


def _few(names: list[str], most: int | None) -> str:
    over = 0 if most is None else len(names) - most
    return ", ".join(names) if over <= 1 else f"{', '.join(names[:most])} and {over} more"


def _lines(checks: list[Check]) -> Iterator[str]:
    """One line each; of what is the same in great number, one for all."""
    for what in dict.fromkeys(one.what for one in checks):
        these = [one for one in checks if one.what == what]
        fine = [one for one in these if one.state == "same"]
        if what in ("file", "source", "model") and fine:
            plural = "" if len(fine) == 1 else "s"
            yield f"{what:<11}{'same':<12}{len(fine)} {what}{plural}"
        for one in _grouped(these):
            if one not in fine or what not in ("file", "source", "model"):
                text = ": ".join(part for part in (one.name, one.text) if part)
                yield f"{what:<11}{_WORDS[one.state]:<12}{text}"


def _grouped(checks: list[Check]) -> Iterator[Check]:
    """The same checks; files that were not compared for one reason stand in one line."""
    from vidface.graph.verify import Check

    alike: dict[str, list[str]] = {}
    for one in checks:
        if one.what == "re-run" and one.state == "unchecked":
            alike.setdefault(one.text, []).append(one.name)
        else:
            yield one
    for text, names in alike.items():
        yield Check("re-run", _few(names, _MOST_NAMES), "unchecked", text)


def _plain(text: str) -> str:
    """What a stranger wrote into a file must not steer the terminal."""
    return "".join(one if one.isprintable() else "?" for one in text)
