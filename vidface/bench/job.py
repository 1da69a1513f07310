"""What a benchmark's processes tell each other, and what comes of it: plain values, to and from JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

Kind = Literal["decode", "graph"]


class Spread(NamedTuple):
    """Median of several runs, the least and the greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of one value or more."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, form: str = ".1f") -> str:
        """`12.3 (11.9-13.0)`."""
        return f"{self.median:{form}} ({self.least:{form}}-{self.greatest:{form}})"


@dataclass(frozen=True, slots=True)
class Job:
    """What one process is to do.

    Attributes:
        kind: decode and look at nothing, or run a graph.
        name: of the case.
        clip: path.
        graph: path of a graph, or the graph itself.
        overrides: `node.param=value` texts.
        outputs: write only these; None writes all.
        device: auto, cpu, cuda, cuda:1; None leaves it to the graph.
        runs: measured runs, after one that warms up.
        seconds: so long the run that warms up lasts; the others take as many frames.
        least: frames that a run has at least.
        streams: runs of the graph at the same time, in threads of one process.
    """

    kind: Kind
    name: str
    clip: str
    graph: str | dict[str, Any] = ""
    overrides: tuple[str, ...] = ()
    outputs: tuple[str, ...] | None = None
    device: str | None = None
    runs: int = 5
    seconds: float = 1.5
    least: int = 25
    streams: int = 1

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def of(cls, row: dict[str, Any]) -> Job:
        """From the values of `to_json`."""
        outputs = row["outputs"]
        lists = {
            "overrides": tuple(row["overrides"]),
            "outputs": None if outputs is None else tuple(outputs),
        }
        return cls(**{**row, **lists})


@dataclass(frozen=True, slots=True)
class RunCost:
    """One measured run.

    Attributes:
        decoded, processed: frames in and out.
        dropped: frames that were not processed. missing: frames that the input should have held.
        wall_s, cpu_s: seconds by the clock, and of CPU (all threads), from first decode to last write.
        faces: rows of faces in its outputs, where there are any.
        rss_mb: resident memory afterwards.
        nodes: rows of the report: name, use, frames, ms_per_frame, cpu_ms_per_frame, ...
        card_mb: memory in use on the card of the nodes (of decoding) afterwards; None without one.
        copies: between that card and the host, by kind, as in run.json; None where pictures are not on it.
    """

    decoded: int
    processed: int
    wall_s: float
    cpu_s: float
    dropped: int = 0
    missing: int = 0
    faces: int | None = None
    rss_mb: float = 0.0
    nodes: tuple[dict[str, Any], ...] = ()
    card_mb: float | None = None
    copies: dict[str, dict[str, int]] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """All runs of one job, or the sentence why there are none.

    Attributes:
        peak_mb: the most resident memory of its process by the end of the first run, libraries included: what
            one run in a process takes once its look-ahead and encoders are full (see work.LEVEL_FRAMES).
        peak_all_mb: by the end of all. The C library keeps much of what a run gave back, in pieces.
        devices: device of each node.
    """

    name: str
    kind: Kind
    runs: tuple[RunCost, ...] = ()
    peak_mb: float = 0.0
    devices: dict[str, str] = field(default_factory=dict)
    why_not: str = ""
    peak_all_mb: float = 0.0

    def rate(self) -> Spread:
        """Frames a second."""
        return Spread.of([run.processed / run.wall_s for run in self.runs])

    def cpu_ms(self) -> Spread:
        """Milliseconds of CPU a frame."""
        return Spread.of([1000 * run.cpu_s / run.processed for run in self.runs])

    @property
    def lost(self) -> int:
        """Frames of all runs that went in and did not come out."""
        return sum(run.decoded - run.processed for run in self.runs)

    def node(self, use: str, name: str, column: str) -> Spread:
        """A column of one node's rows over the runs; an output may be called what a node is called."""
        rows = [row for run in self.runs for row in run.nodes if (row["use"], row["name"]) == (use, name)]
        return Spread.of([float(row[column]) for row in rows])

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the spreads."""
        row = asdict(self)
        if self.runs:
            row["frames_per_second"] = self.rate()._asdict()
            row["cpu_ms_per_frame"] = self.cpu_ms()._asdict()
        return row

    @classmethod
    def of(cls, row: dict[str, Any]) -> Case:
        """From a process's answer."""
        runs = tuple(RunCost(**{**run, "nodes": tuple(run["nodes"])}) for run in row["runs"])
        said = (row["peak_mb"], row["devices"], row["why_not"], row["peak_all_mb"])
        return cls(row["name"], row["kind"], runs, *said)


@dataclass(frozen=True, slots=True)
class Begin:
    """How long a command takes until something can be seen, a process each time.

    Attributes:
        name: the command. wall_s: seconds until then. cpu_s: of the process, until then.
    """

    name: str
    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the spreads."""
        spreads = {"wall": Spread.of(self.wall_s)._asdict(), "cpu": Spread.of(self.cpu_s)._asdict()}
        return asdict(self) | spreads
