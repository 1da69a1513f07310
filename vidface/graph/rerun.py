"""Re-run: run a run's graph over its input once more, and compare.

What most nodes say of a frame depends on everything before it (tracks have numbers, detections come every
few frames), so a stretch cannot be made again by itself. The re-run begins where the run began and ends
behind the last stretch that was sampled; every row up to there is compared, exactly. It stops there as a
run does that is left early: a row is written only when the frames that it looks ahead to have been seen.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal

from vidface.errors import VidfaceError
from vidface.graph.custody import MANIFEST, inside, present
from vidface.graph.extend import without_saves
from vidface.graph.framedigest import SEGMENT_S
from vidface.graph.load_node import names_file
from vidface.graph.outcome import Stretch, check_outcome
from vidface.graph.plan import Plan, load
from vidface.graph.run import Run
from vidface.graph.settings import Settings
from vidface.graph.spec import GraphFile, read_text
from vidface.graph.tick import Tick
from vidface.graph.verify import Check

FIRST: Final = 6
"""Without a wish of the user's, one of the first six stretches is sampled: within the first minute."""

MARGIN_S: Final = 2
"""Seconds behind a sampled stretch that are run as well: findings may come a while after their last frame."""

Sample = int | Literal["all", "first"]
"""How many stretches of ten seconds; "first" is one of the first six."""

_STATE: Final = "gallery_sha256"
_OF_PEOPLE: Final = {
    _STATE: "holds other people or looks than then",
    "threshold": "another threshold",
    "margin": "another margin",
}

Watch = Callable[[Run], Iterable[Tick]]


def check_rerun(
    folder: Path,
    facts: Mapping[str, Any],
    clip: Path,
    *,
    sample: Sample,
    tolerance: float = 0.0,
    run_nodes: bool = False,
    watch: Watch = iter,
) -> Iterator[Check]:
    """Run it again up to the end of the sampled stretches, into a folder that is removed afterwards.

    Args:
        facts: run.json of `folder`.
        clip: the input, checked before.
        tolerance: numbers in rows that differ by no more than this count as the same.
        run_nodes: also where the graph names Python files, whose code would run here.
        watch: gives the ticks of the run, and may show how far it is.
    """
    barred = None if run_nodes else _barred(facts, asked=sample != "first")
    if barred is not None:
        yield barred
        return
    stretch = _stretch(folder, facts, sample)
    if stretch is None:
        yield Check("re-run", "", "unchecked", _no_rows(facts))
        return
    with tempfile.TemporaryDirectory(prefix="vidface-verify-") as place:
        again = Path(place) / "run"
        try:
            _run(facts, clip, again, stretch, watch)
        except VidfaceError as error:
            if facts.get("status") == "done":
                yield Check("re-run", "", "differs", f"it could not be made: {error}")
                return
        yield from _others(facts, again)
        yield from check_outcome(folder, facts, again, stretch=stretch, tolerance=tolerance)


def plan_of(facts: Mapping[str, Any], *, outputs: tuple[str, ...] | None = None) -> Plan:
    """The graph of a run, from what run.json says of it; its nodes save nothing by themselves.

    Raises:
        GraphError, ModelError, UsageError: it cannot be run here.
    """
    return without_saves(load(_graph(facts), outputs=outputs))


def code_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Python files that the graph of a run names, by its text alone: nothing of them is loaded.

    Raises:
        GraphError, UsageError: the text is no graph.
    """
    spec = _graph(facts).spec
    uses = [*(one.use for one in spec.nodes.values()), *(one.use for one in spec.outputs.values())]
    return tuple(dict.fromkeys(use for use in uses if use is not None and names_file(use)))


def _graph(facts: Mapping[str, Any]) -> GraphFile:
    told = facts["graph"]
    path = Path(str(told["file"]))
    return read_text(told["text"], str(path), folder=path.parent, overrides=tuple(told["overrides"]))


def settings_of(facts: Mapping[str, Any]) -> Settings:
    """The settings of a run, as far as they change what comes out.

    Raises:
        UsageError: they do not go together any more.
    """
    told = facts["settings"]
    return Settings(
        start=facts["from"],
        stop=facts["to"],
        decoder=facts["decoder"],
        device=told["device"],
        colorspace=told["colorspace"],
        rotate=told.get("rotate", 0),
        square=told.get("square", False),
        rate=told["rate"],
        audio=None if facts["audio"] is None else facts["audio"]["path"],
        no_audio=told["no_audio"],
        table=told["table"],
        forensic=told["forensic"],
        consent=_stated(facts.get("consent") or {}),
    )


def _stated(consent: Mapping[str, Any]) -> str | None:
    """What was stated then, as a sentence: whether a file of it is still here is another question."""
    if "file" in consent:
        return f"the statement in {consent['file']} of SHA-256 {consent['sha256']}"
    return consent.get("statement")


def _barred(facts: Mapping[str, Any], *, asked: bool) -> Check | None:
    """Why there is no re-run by itself: whoever made the folder would choose what code runs here."""
    try:
        code = code_of(facts)
    except VidfaceError:
        return None  # no graph: the run says what is wrong with it, and loads nothing
    if not code:
        return None
    text = f"it would run code that the graph names, {', '.join(code)}; --run-nodes allows it"
    return Check("re-run", "", "differs" if asked else "unchecked", text)


def _run(facts: Mapping[str, Any], clip: Path, out: Path, stretch: Stretch, watch: Watch) -> None:
    wanted = facts["settings"]["outputs"]
    plan = plan_of(facts, outputs=None if wanted is None else tuple(wanted))
    with Run(plan, clip, out, settings_of(facts)) as work:
        for tick in watch(work):
            if stretch.until is not None and tick.index >= stretch.until:
                break


def _others(facts: Mapping[str, Any], again: Path) -> Iterator[Check]:
    """People that nodes compared with, where they are not those of then: they stand in no file of the run."""
    then, here = facts.get("node_facts") or {}, _said(again)
    for name, said in then.items():
        if _STATE not in said:
            continue
        for fact, what in _OF_PEOPLE.items():
            was, now = said.get(fact), here.get(name, {}).get(fact)
            if was != now:
                text = what if fact == _STATE else f"{what} ({was} then, {now} here)"
                yield Check("gallery", name, "other", text)


def _said(folder: Path) -> dict[str, dict[str, Any]]:
    """What the nodes of a run had to say; nothing, where its run.json cannot be read."""
    try:
        said: dict[str, dict[str, Any]] = json.loads((folder / MANIFEST).read_text())["node_facts"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return said


def _stretch(folder: Path, facts: Mapping[str, Any], sample: Sample) -> Stretch | None:
    whole = Stretch(None, None, "the whole run")
    times = max((_times(folder / name) for name in _with_rows(folder, facts)), key=len, default=[])
    if facts.get("status") == "done" and sample == "all":
        return whole
    if not times:
        return None
    if sample == "all":  # a run that ended early has the rows of its frames alone
        return Stretch(len(times), len(times), f"its {len(times)} frames")
    numbers = sorted({time // SEGMENT_S for time in times})
    known = numbers[:FIRST] if sample == "first" else numbers
    chosen = random.SystemRandom().sample(known, min(1 if sample == "first" else sample, len(known)))
    end = (max(chosen) + 1) * SEGMENT_S
    frames, until = (sum(1 for time in times if time < limit) for limit in (end, end + MARGIN_S))
    if frames == len(times) and facts.get("status") == "done":
        return whole
    where = ", ".join(f"{number * SEGMENT_S}" for number in sorted(chosen))
    return Stretch(frames, until, f"the first {frames} frames, for the stretches from {where} s on")


def _no_rows(facts: Mapping[str, Any]) -> str:
    """Why it is not known how far to run, and what would do."""
    why = "no output has a row for every frame"
    if facts.get("status") != "done":
        return f"{why}, and the run ended early: how far it went cannot be told"
    files = "every file" if facts["settings"]["forensic"] else "tables and lists, if there are any,"
    return f"{why}; --sample all compares {files} with a run to the end"


def _with_rows(folder: Path, facts: Mapping[str, Any]) -> list[str]:
    return [name for name in facts.get("chains", {}) if inside(folder, name) and present(folder / name)]


def _times(path: Path) -> list[Fraction]:
    """Times of the frames where a file has a row for each; none where its rows are of something else."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        every = [row["frame"] for row in rows] == list(range(len(rows)))
        return [Fraction(row["time"]) for row in rows] if every else []
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
