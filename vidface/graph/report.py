"""What a run did: cost per node, the frame ledger, peak memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from vidface.data.source import Hole
from vidface.data.times import time_text
from vidface.errors import LedgerError
from vidface.graph.latency import Latency

MOST_PLACES: Final = 10_000
"""Cuts and gaps that are listed one by one: a film has some thousand, a camera has no end."""


@dataclass(slots=True)
class NodeCost:
    """Running account of one node (or of decoding, or of one output).

    `seconds` go by the clock, `cpu_s` are those of the thread that called, without threads of its own that
    a decoder or an encoder keeps.
    """

    name: str
    use: str
    frames: int = 0
    calls: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0
    errors: int = 0
    resets: int = 0
    first_error: str | None = None

    def row(self, total_s: float) -> dict[str, Any]:
        """Plain values for tables and run.json; `share` is of the given total."""
        return {
            "name": self.name,
            "use": self.use,
            "frames": self.frames,
            "ms_per_frame": round(1000 * self.seconds / self.frames, 3) if self.frames else 0.0,
            "cpu_ms_per_frame": round(1000 * self.cpu_s / self.frames, 3) if self.frames else 0.0,
            "seconds": round(self.seconds, 3),
            "share": round(self.seconds / total_s, 3) if total_s else 0.0,
            "errors": self.errors,
            "resets": self.resets,
            "first_error": self.first_error,
        }


@dataclass(slots=True)
class Ledger:
    """Where every frame went.

    Attributes:
        decoded: frames that came out of the decoder, or, of live sources, were dropped before or behind it.
        processed: frames that left the graph.
        passed: frames that a node could not serve and that went on unchanged or empty, by node.
        dropped: frames not processed, by cause (live sources only).
        holes: frames that the input should have held and did not.
        written: frames that each output took.
        cuts: indices of the first frames after scene cuts, the newest; `gaps` likewise.
        not_listed: how many earlier cuts and gaps there were, where there were very many.
    """

    decoded: int = 0
    processed: int = 0
    passed: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    holes: tuple[Hole, ...] = ()
    written: Counter[str] = field(default_factory=Counter)
    cuts: list[int] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)
    not_listed: Counter[str] = field(default_factory=Counter)

    def cut(self, index: int) -> None:
        """A scene cut lies before this frame."""
        self._list("scene_cuts", self.cuts, index)

    def gap(self, index: int) -> None:
        """A gap lies before this frame."""
        self._list("gaps", self.gaps, index)

    def _list(self, name: str, places: list[int], index: int) -> None:
        places.append(index)
        if len(places) > MOST_PLACES:
            del places[0]
            self.not_listed[name] += 1

    def check(self) -> None:
        """Every decoded frame was processed or dropped with a cause, and every output took each one.

        Raises:
            LedgerError: the books do not balance.
        """
        gone = self.decoded - self.processed - sum(self.dropped.values())
        if gone:
            raise LedgerError(
                f"{self.decoded} frames were decoded, but {self.processed} came out and "
                f"{sum(self.dropped.values())} were dropped: {gone} are unaccounted for"
            )
        for name, count in self.written.items():
            if count != self.processed:
                raise LedgerError(f"the output {name} took {count} of {self.processed} frames")

    @property
    def missing(self) -> int:
        """Frames known to be missing from the input."""
        return sum(hole.frames or 0 for hole in self.holes)

    def to_json(self) -> dict[str, Any]:
        """Plain values for run.json."""
        return {
            "decoded": self.decoded,
            "processed": self.processed,
            "passed_through": dict(self.passed),
            "dropped": dict(self.dropped),
            "written": dict(self.written),
            "scene_cuts": self.cuts,
            "gaps": self.gaps,
            **({"not_listed": dict(self.not_listed)} if self.not_listed else {}),
            "holes": [
                {
                    "cause": hole.cause,
                    "frames": hole.frames,
                    "after_frame": hole.after_index,
                    "time": None if hole.time is None else time_text(hole.time),
                }
                for hole in self.holes
            ],
        }


@dataclass(frozen=True, slots=True)
class RunReport:
    """The account of a finished (or stopped) run.

    Attributes:
        costs: decoding, nodes and outputs, each with its time; threads overlap, so shares are of
            the summed busy time, not of the wall clock.
        wall_s: seconds from the first decode to the last write.
        cpu_s: CPU seconds of the whole process in that time, of all threads.
        peak_memory_mb: largest resident size of the process so far.
        facts: what each output has to say (files, frames), by its name.
        node_facts: what nodes have to say, by their names; see `Node.facts`.
        latency: of live frames, from arrival to the last sink.
        ladder: what was given up to keep pace with a camera; None where there was no ladder.
    """

    costs: tuple[NodeCost, ...]
    ledger: Ledger
    wall_s: float
    peak_memory_mb: float
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    node_facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    latency: Latency = field(default_factory=Latency)
    cpu_s: float = 0.0
    ladder: dict[str, Any] | None = None

    @property
    def fps(self) -> float:
        """Frames a second of wall time."""
        return self.ledger.processed / self.wall_s if self.wall_s > 0 else 0.0

    def rows(self) -> list[dict[str, Any]]:
        """One row per node, with its share of the busy time."""
        total = sum(cost.seconds for cost in self.costs)
        return [cost.row(total) for cost in self.costs]

    def table(self) -> str:
        """The per-node table as text."""
        lines = [f"{'node':<16}{'use':<22}{'frames':>8}{'ms/frame':>10}{'share':>8}{'errors':>8}"]
        for row in self.rows():
            lines.append(
                f"{row['name']:<16}{row['use']:<22}{row['frames']:>8}{row['ms_per_frame']:>10.2f}"
                f"{row['share']:>8.0%}{row['errors']:>8}"
            )
        lines.append(
            f"{self.ledger.processed} frames in {self.wall_s:.2f} s, {self.fps:.1f} frames/s, "
            f"peak memory {self.peak_memory_mb:.0f} MB"
        )
        lines += [f"dropped {count} frames: {cause}" for cause, count in self.ledger.dropped.items()]
        lines += filter(None, [self.latency.line()])
        for name, facts in self.node_facts.items():
            lines += [f"{name}: {note}" for note in facts.get("notes", ())]
        return "\n".join(lines)
