"""The process of one case: `python -m vidface.bench.work JOB.json RESULT.json`."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

from vidface.bench.card import card_memory_mb
from vidface.bench.job import Case, Job, RunCost
from vidface.data.device import Device
from vidface.data.memory import peak_mb, resident_mb
from vidface.data.source import Source
from vidface.errors import UsageError, VidfaceError
from vidface.graph.devices import devices_of
from vidface.graph.oncard import placed
from vidface.graph.plan import Plan, load
from vidface.graph.run import Run, run
from vidface.infer.devices import resolve
from vidface.media.benchclip import decoded_frames
from vidface.media.decode import open_source

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
    device = resolve(job.device) if job.device else Device()
    on_card = device.kind == "cuda"
    ready = _decoded_on(device, job.clip) if on_card else lambda: partial(decoded_frames, job.clip)
    count_of, began = ready(), perf_counter()
    whole = count_of(None)
    frames = max(min(job.least, whole), min(whole, int(whole * job.seconds / (perf_counter() - began))))
    runs, first_mb = [], peak_mb()
    for _ in range(job.runs):
        count_of = ready()
        began, used = perf_counter(), process_time()
        count = count_of(frames)
        wall, cpu = perf_counter() - began, process_time() - used
        card_mb = card_memory_mb(device.index) if device.kind == "cuda" else None
        runs.append(RunCost(count, count, wall, cpu, rss_mb=resident_mb() or 0.0, card_mb=card_mb))
    return Case(job.name, "decode", tuple(runs), first_mb, peak_all_mb=peak_mb())


def _decoded_on(device: Device, clip: str) -> Callable[[], Callable[[int | None], int]]:
    """As `decoded_frames`, by NVDEC into memory of a card; what is queued there is waited for.

    Each call opens the clip, with the trial of NVDEC that is no decoding, and gives what decodes it.

    Raises:
        UsageError: there is no NVDEC for this clip, or torch has no such card.
    """
    placement = placed({"": device})
    if placement.card is None:
        raise UsageError(f"nothing decodes on {device}: {placement.why}.")
    card = placement.card

    def ready() -> Callable[[int | None], int]:
        return partial(count, open_source(clip, card=card))

    def count(source: Source, most: int | None) -> int:
        with closing(source):
            frames = sum(1 for _ in islice(source.frames(), most))
        told = source.info.extra["decoded_on"]
        if told.startswith("cpu"):
            raise UsageError(f"NVDEC does not decode {Path(clip).name}: {told}.")
        mark = card.mark()
        if mark is not None:
            mark.synchronize()
        return frames

    return ready


def graph_case(job: Job) -> Case:
    """A graph with all its outputs, written to a folder that goes afterwards.

    Raises:
        VidfaceError: whatever keeps the graph from running.
    """
    with tempfile.TemporaryDirectory(prefix="vidface-bench-") as folder:
        out = Path(folder) / "out"
        stop = _warmed_up(job, out)
        first_mb = peak_mb()
        devices = _devices(job)
        index = next((device.index for device in devices.values() if device.kind == "cuda"), None)
        outs = [out.with_name(f"out{number}") for number in range(job.streams)] if job.streams > 1 else [out]
        costs = tuple(_measured(job, outs, stop, index) for _ in range(job.runs))
    named = {name: str(device) for name, device in devices.items()}
    return Case(job.name, "graph", costs, first_mb, named, peak_all_mb=peak_mb())


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


def _measured(job: Job, outs: Sequence[Path], stop: float | None, index: int | None) -> RunCost:
    """One run, or several at once in threads, whose frames and copies are added up."""
    if len(outs) == 1:
        return _one(_run(job, outs[0], stop), outs[0], index)
    works = [_run(job, out, stop) for out in outs]
    began, used = perf_counter(), process_time()
    with ThreadPoolExecutor(len(works)) as pool:
        costs = list(pool.map(lambda work, out: _one(work, out, index), works, outs))
    return added(costs, perf_counter() - began, process_time() - used)


def added(costs: Sequence[RunCost], wall_s: float, cpu_s: float) -> RunCost:
    """Runs that went on at the same time as one of all their frames; memory is the most that was seen."""
    kinds = {kind: dict.fromkeys(row, 0) for cost in costs for kind, row in (cost.copies or {}).items()}
    for cost in costs:
        for kind, row in (cost.copies or {}).items():
            for name, number in row.items():
                kinds[kind][name] += number
    on_card = [cost.card_mb for cost in costs if cost.card_mb is not None]
    return RunCost(
        decoded=sum(cost.decoded for cost in costs),
        processed=sum(cost.processed for cost in costs),
        wall_s=wall_s,
        cpu_s=cpu_s,
        dropped=sum(cost.dropped for cost in costs),
        missing=sum(cost.missing for cost in costs),
        rss_mb=max(cost.rss_mb for cost in costs),
        card_mb=max(on_card, default=None),
        copies=kinds or None,
    )


def _one(work: Run, out: Path, index: int | None) -> RunCost:
    for _ in work:
        pass
    report = work.report
    ledger = report.ledger
    counts = [int(facts["faces"]) for facts in report.facts.values() if "faces" in facts]
    told = json.loads((out / "run.json").read_text(encoding="utf-8")).get("acceleration") or {}
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
        card_mb=None if index is None else card_memory_mb(index),
        copies=told.get("copies"),
    )


def _plan(job: Job) -> Plan:
    return load(job.graph, overrides=job.overrides, outputs=job.outputs)


def _devices(job: Job) -> dict[str, Device]:
    return devices_of(_plan(job), job.device)


if __name__ == "__main__":
    main(sys.argv[1:])
