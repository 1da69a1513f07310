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
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal

from vidface.data.digest import readable_sha256
from vidface.errors import VidfaceError
from vidface.graph.custody import CHAIN, read_manifest
from vidface.graph.extend import without_saves
from vidface.graph.framedigest import SEGMENT_S
from vidface.graph.load_node import names_file
from vidface.graph.plan import Plan, load
from vidface.graph.rowdiff import Rows, compare_rows
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

Watch = Callable[[Run], Iterable[Tick]]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What is re-run.

    Attributes:
        frames: rows of frames with a lower index are compared; None compares whole files.
        until: index of the frame at which the re-run may stop; None runs to the end.
        text: the stretch in words.
    """

    frames: int | None
    until: int | None
    text: str


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
        yield Check(
            "re-run", "", "unchecked", "no output has a row for every frame; --sample all compares files"
        )
        return
    with tempfile.TemporaryDirectory(prefix="vidface-verify-") as place:
        again = Path(place) / "run"
        try:
            _run(facts, clip, again, stretch, watch)
        except VidfaceError as error:
            if facts.get("status") == "done":
                yield Check("re-run", "", "differs", f"it could not be made: {error}")
                return
        yield from _frames(facts, again)
        rows = [name for name in facts.get("files_sha256", {}) if name.endswith(".jsonl") and name != CHAIN]
        for name in rows:
            yield _rows(name, folder / name, again / name, stretch=stretch, tolerance=tolerance)
        if stretch.frames is None and facts["settings"]["forensic"]:
            yield from _files(folder, facts, again, set(rows))


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


def _run(facts: Mapping[str, Any], clip: Path, out: Path, stretch: _Stretch, watch: Watch) -> None:
    wanted = facts["settings"]["outputs"]
    plan = plan_of(facts, outputs=None if wanted is None else tuple(wanted))
    with Run(plan, clip, out, settings_of(facts)) as work:
        for tick in watch(work):
            if stretch.until is not None and tick.index >= stretch.until:
                break


def _stretch(folder: Path, facts: Mapping[str, Any], sample: Sample) -> _Stretch | None:
    whole = _Stretch(None, None, "the whole run")
    times = max((_times(folder / name) for name in facts.get("chains", {})), key=len, default=[])
    if facts.get("status") == "done" and sample == "all":
        return whole
    if not times:
        return None
    if sample == "all":  # a run that ended early has the rows of its frames alone
        return _Stretch(len(times), len(times), f"its {len(times)} frames")
    numbers = sorted({time // SEGMENT_S for time in times})
    known = numbers[:FIRST] if sample == "first" else numbers
    chosen = random.SystemRandom().sample(known, min(1 if sample == "first" else sample, len(known)))
    end = (max(chosen) + 1) * SEGMENT_S
    frames, until = (sum(1 for time in times if time < limit) for limit in (end, end + MARGIN_S))
    if frames == len(times) and facts.get("status") == "done":
        return whole
    where = ", ".join(f"{number * SEGMENT_S}" for number in sorted(chosen))
    return _Stretch(frames, until, f"the first {frames} frames, for the stretches from {where} s on")


def _times(path: Path) -> list[Fraction]:
    """Times of the frames where a file has a row for each; none where its rows are of something else."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        every = [row["frame"] for row in rows] == list(range(len(rows)))
        return [Fraction(row["time"]) for row in rows] if every else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _rows(name: str, then: Path, again: Path, *, stretch: _Stretch, tolerance: float) -> Check:
    if not then.is_file():
        return Check("re-run", name, "unchecked", "it is not here")
    before, now = Rows.read(then, stretch.frames), Rows.read(again, stretch.frames)
    if before is None or now is None:
        return Check("re-run", name, "unchecked", "its rows are not of frames; --sample all compares them")
    fault = compare_rows(before, now, tolerance)
    text = fault or f"{len(before.lines)} rows, {stretch.text}"
    return Check("re-run", name, "differs" if fault else "same", text)


def _frames(facts: Mapping[str, Any], again: Path) -> Iterator[Check]:
    """Digests of the decoded frames, of stretches that both decoded to their end."""
    then = {one["segment"]: one for one in facts["input"].get("segments", ())}
    now = {one["segment"]: one for one in read_manifest(again)["input"].get("segments", ())}
    both = [number for number in then if number in now]
    other = [number for number in both if then[number]["sha256"] != now[number]["sha256"]]
    if other:
        where = ", ".join(f"{number * SEGMENT_S} s" for number in other[:5])
        yield Check(
            "re-run", "decoded stretches", "differs", f"other frames came from the decoder from {where} on"
        )
    elif both:
        yield Check("re-run", "decoded stretches", "same", f"{len(both)} of {SEGMENT_S} s")


def _files(folder: Path, facts: Mapping[str, Any], again: Path, rows: set[str]) -> Iterator[Check]:
    """Every other file of a forensic run, byte for byte; of signed ones, before they were signed."""
    made = read_manifest(again)
    now = _unsigned(made)
    for name, digest in _unsigned(facts).items():
        if name in rows or name == CHAIN or digest is None or name not in now:
            continue
        # A file that was edited has been named; here counts what the run itself wrote.
        same = now[name] == digest or now[name] == readable_sha256(folder / name)
        yield Check("re-run", name, "same" if same else "differs", "" if same else "other bytes came out")


def _unsigned(facts: Mapping[str, Any]) -> dict[str, str | None]:
    found = dict(facts.get("files_sha256", {}))
    for output in facts.get("outputs", {}).values():
        found |= output.get("unsigned_sha256", {})
    return found
