"""A whole benchmark: which cases there are, each in a process of its own, and what they were run on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from vidface.bench.begin import first_frame_times, help_times
from vidface.bench.card import card_name
from vidface.bench.extras import EXTRAS
from vidface.bench.job import Begin, Case, Job
from vidface.data.digest import sha256_of
from vidface.errors import InputError
from vidface.graph.facts import machine_facts, package_facts
from vidface.graph.load_node import shipped as shipped_nodes
from vidface.graph.plan import load
from vidface.graph.spec import find
from vidface.infer.devices import resolve
from vidface.infer.shipped import shipped
from vidface.media.benchclip import bench_clip
from vidface.media.probe import probe

DECODE: Final = "decode only"
DECODE_ON_CARD: Final = "decode only, NVDEC"
_STREAMS: Final = 4
"""Runs at once, where there is a card: one alone leaves most of it idle."""
_TIMES: Final = 3
_FIRST: Final = "track"
"""The graph whose first frame is waited for where none was named."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be measured.

    Attributes:
        graphs: names or paths; none for all that are shipped, and for the nodes that are in none of them.
        clip: None for the project's own, made when needed.
        runs, seconds: see `Job`.
        device: None leaves it to the graphs.
        overrides: for every graph that is named.
        tell: is told what begins.
    """

    graphs: tuple[str, ...] = ()
    clip: Path | None = None
    runs: int = 5
    seconds: float = 1.5
    device: str | None = None
    overrides: tuple[str, ...] = ()
    tell: Callable[[str], None] = field(default=lambda _text: None)


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured, on what.

    Attributes:
        facts: date, machine, packages, card, clip and load, plain values.
        cases: decoding first. begins: times until something can be seen.
        unused: shipped nodes that are in no case.
    """

    facts: dict[str, Any]
    cases: tuple[Case, ...]
    begins: tuple[Begin, ...]
    unused: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "facts": self.facts,
            "begins": [begin.to_json() for begin in self.begins],
            "cases": [case.to_json() for case in self.cases],
            "nodes_not_measured": list(self.unused),
        }


def measure(request: Request) -> Result:
    """Measure, one thing at a time.

    Raises:
        InputError: the clip cannot be read.
        GraphError, ModelError: a graph that is named is missing, or not sound.
        UsageError: there is no such device here, or vidface itself does not start.
    """
    # What is wrong should not be found out at the end.
    named = [str(find(name)) for name in request.graphs]
    for path in named:
        load(path, overrides=request.overrides)
    if request.device is not None:
        resolve(request.device)
    before = _load()
    with tempfile.TemporaryDirectory(prefix="vidface-bench-") as folder:
        clip = request.clip or own_clip(Path(folder), request.tell)
        facts = _facts(request, clip)
        request.tell("start-up")
        first = named[0] if named else str(find(_FIRST))
        begins = (
            help_times(request.runs),
            first_frame_times(first, str(clip), request.runs, device=request.device),
        )
        cases = []
        for job in _jobs(request, named, str(clip)):
            request.tell(job.name)
            cases.append(in_process(job))
    facts["load_average"] = {"before": before, "after": _load()}
    used = {row["use"] for case in cases for run in case.runs for row in run.nodes}
    missing = () if named else tuple(sorted(set(shipped_nodes("vidface.nodes")) - used))
    return Result(facts, tuple(cases), begins, missing)


def own_clip(folder: Path, tell: Callable[[str], None]) -> Path:
    """The project's own clip at 1080p, made in that folder.

    Raises:
        InputError: the sample is not here.
    """
    sample = shipped("samples") / "two_people.mp4"
    if not sample.is_file():
        raise InputError(f"{sample} is missing, of which the clip would be made; name one with --clip.")
    tell("making the clip")
    return bench_clip(sample, folder / "two_people_1080p.mp4", times=_TIMES)


def in_process(job: Job) -> Case:
    """Do a job in a process of its own; a process that fails is a case with the reason."""
    with tempfile.TemporaryDirectory(prefix="vidface-bench-") as folder:
        asked, told = Path(folder) / "job.json", Path(folder) / "result.json"
        asked.write_text(json.dumps(job.to_json()), encoding="utf-8")
        words = [sys.executable, "-m", "vidface.bench.work", str(asked), str(told)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if told.is_file():
            return Case.of(_without_spreads(json.loads(told.read_text(encoding="utf-8"))))
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return Case(job.name, job.kind, why_not=f"its process ended with {done.returncode}: {last}")


def _without_spreads(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not key.endswith(("_per_second", "_per_frame"))}


def _jobs(request: Request, named: Sequence[str], clip: str) -> Iterator[Job]:
    common: dict[str, Any] = {"clip": clip, "runs": request.runs, "seconds": request.seconds}
    yield Job("decode", DECODE, **common)
    on_card = (request.device or "").lower().startswith(("cuda", "tensorrt"))
    if on_card:
        yield Job("decode", DECODE_ON_CARD, device=request.device, **common)
    common |= {"device": request.device, "overrides": request.overrides}
    for path in named or sorted(str(path) for path in shipped("graphs").glob("*.yaml")):
        yield Job("graph", Path(path).stem, graph=path, **common)
    if on_card:
        path = named[0] if named else str(find(_FIRST))
        yield Job("graph", f"{Path(path).stem}, {_STREAMS} at once", graph=path, streams=_STREAMS, **common)
    if not named:
        for name, graph in EXTRAS.items():
            yield Job("graph", name, graph=graph, **(common | {"overrides": ()}))


def _facts(request: Request, clip: Path) -> dict[str, Any]:
    info = probe(clip)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "runs": request.runs,
        "seconds_a_run": request.seconds,
        "device": request.device or "as the graphs say",
        "card": card_name(),
        "clip": {
            "name": clip.name,
            "bytes": clip.stat().st_size,
            "sha256": sha256_of(clip),
            "size": [info.width, info.height],
            "frames": info.frames,
            "codec": info.codec,
        },
        "machine": {key: value for key, value in machine_facts().items() if key != "code_sha256"},
        "packages": package_facts(),
    }


def _load() -> list[float]:
    """Programs that were ready to run, over 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]
