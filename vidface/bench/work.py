"""The process of one case: `python -m vidface.bench.work JOB.json RESULT.json`."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from time import perf_counter, process_time

from vidface.bench.card import card_memory_mb
from vidface.bench.job import Case, Job, RunCost
from vidface.data.memory import peak_mb, resident_mb
from vidface.errors import VidfaceError
from vidface.graph.plan import Plan, load
from vidface.graph.run import Run, devices_of, run
from vidface.media.benchclip import decoded_frames

CONSENT = "Measured on a clip whose faces the one who measures may use."
"""Graphs that make synthetic pictures ask for one; what is written is thrown away."""
LEVEL_FRAMES = 100
"""Look-ahead, queues and encoders are full by then; after 25 frames some graphs had 170 MB to go."""


def main(arguments: Sequence[str]) -> None:
    """Do the job of the first file and write what came of it to the second."""
    job = Job.of(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    try:
        case = decode_case(job) if job.kind == "decode" else graph_case(job)
    except VidfaceError as error:
        case = Case(job.name, job.kind, why_not=str(error))
    Path(arguments[1]).write_text(json.dumps(case.to_json()), encoding="utf-8")


def decode_case(job: Job) -> Case:
    """Decoding alone: what no program that reads this clip with these libraries can be faster than."""
    began = perf_counter()
    whole = decoded_frames(job.clip)
    frames = max(min(job.least, whole), min(whole, int(whole * job.seconds / (perf_counter() - began))))
    runs, first_mb = [], peak_mb()
    for _ in range(job.runs):
        began, used = perf_counter(), process_time()
        count = decoded_frames(job.clip, frames)
        wall, cpu = perf_counter() - began, process_time() - used
        runs.append(RunCost(count, count, wall, cpu, rss_mb=resident_mb() or 0.0))
    return Case(job.name, "decode", tuple(runs), first_mb, peak_all_mb=peak_mb())


def graph_case(job: Job) -> Case:
    """A graph with all its outputs, written to a folder that goes afterwards.

    Raises:
        VidfaceError: whatever keeps the graph from running.
    """
    with tempfile.TemporaryDirectory(prefix="vidface-bench-") as folder:
        out = Path(folder) / "out"
        stop = _warmed_up(job, out)
        first_mb = peak_mb()
        costs = tuple(_measured(_run(job, out, stop)) for _ in range(job.runs))
    return Case(job.name, "graph", costs, first_mb, _devices(job), peak_all_mb=peak_mb())


def _warmed_up(job: Job, out: Path) -> float | None:
    """Run until memory is level; gives the time at which a run of the job's seconds stops; None: the end."""
    stop: float | None = None
    with _run(job, out, None) as work:
        began = perf_counter()
        for number, tick in enumerate(work, start=1):
            if stop is None and number >= job.least and perf_counter() - began >= job.seconds:
                stop = float(tick.time + Fraction(1, 1000))
            if stop is not None and number >= LEVEL_FRAMES:
                return stop
    return stop


def _run(job: Job, out: Path, stop: float | None) -> Run:
    return run(
        _plan(job), job.clip, out, stop=stop, device=job.device, overwrite=out.exists(), consent=CONSENT
    )


def _measured(work: Run) -> RunCost:
    for _ in work:
        pass
    report = work.report
    ledger = report.ledger
    counts = [int(facts["faces"]) for facts in report.facts.values() if "faces" in facts]
    return RunCost(
        decoded=ledger.decoded,
        processed=ledger.processed,
        wall_s=report.wall_s,
        cpu_s=report.cpu_s,
        dropped=sum(ledger.dropped.values()),
        missing=ledger.missing,
        faces=max(counts, default=None),
        rss_mb=resident_mb() or 0.0,
        nodes=tuple(report.rows()),
        card_mb=card_memory_mb(),
    )


def _plan(job: Job) -> Plan:
    return load(job.graph, overrides=job.overrides, outputs=job.outputs)


def _devices(job: Job) -> dict[str, str]:
    return {name: str(device) for name, device in devices_of(_plan(job), job.device).items()}


if __name__ == "__main__":
    main(sys.argv[1:])
