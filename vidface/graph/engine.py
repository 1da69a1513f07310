"""The engine: every decoded frame goes through the graph exactly once, in order.

Three threads overlap: decoding (`feed`), the nodes (the caller's thread), writing (`writer`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter, process_time
from typing import Any

from vidface.data.device import Device
from vidface.data.memory import peak_mb
from vidface.data.sound import SoundSource
from vidface.data.source import Live, Source
from vidface.graph.buffers import Buffer, Timeline
from vidface.graph.climber import Climber, climber_of
from vidface.graph.feed import Arrival, Feed, chunk_length
from vidface.graph.latency import Latency
from vidface.graph.plan import Plan
from vidface.graph.report import Ledger, NodeCost, RunReport
from vidface.graph.spec import SOUND, SOURCE
from vidface.graph.stage import Stage, Watch, unwatched
from vidface.graph.tick import Tick
from vidface.graph.writer import Writer


class Engine:
    """One run of a plan over a source.

    Iterate `ticks` to the end, or call `stop` (also after an error): it completes the files and
    closes everything. `report` may be read at any time.

    Args:
        devices: device of each node, by name.
        writer: the sinks at work, started before the first tick; None where nothing is written.
        sound: what is heard; wanted where the plan hears.
        chunk: frames handed over at a time; results do not depend on it.
    """

    def __init__(
        self,
        plan: Plan,
        source: Source,
        *,
        devices: dict[str, Device],
        ledger: Ledger,
        writer: Writer | None = None,
        sound: SoundSource | None = None,
        chunk: int | None = None,
        watch: Watch = unwatched,
    ) -> None:
        self.ledger = ledger
        self._plan = plan
        self._devices = devices
        self._writer = writer
        self._source = source
        self._sound = sound
        self._hearing = NodeCost(SOUND, "sound")
        self.buffers = {edge: Buffer() for edge in _edges(plan)}
        self._timeline = Timeline()
        self._stages = [Stage(step, self.buffers, watch) for step in plan.steps]
        self._tapped = _tapped(plan)
        self._emitted = 0
        self._began, self._cpu_began = perf_counter(), process_time()
        self._ended: float | None = None
        self._cpu_ended: float | None = None
        self._facts: dict[str, dict[str, Any]] = {}
        self._said: dict[str, dict[str, Any]] = {}
        self._latency = Latency() if writer is None else writer.latency
        on_card = not str(source.info.extra.get("decoded_on", "cpu")).startswith("cpu")
        wide, high = source.info.width, source.info.height
        length = 1 if source.info.live else chunk or chunk_length(wide, high, on_card=on_card)
        cuts = plan.scene_cuts and any(_minds_cuts(stage) for stage in self._stages)
        self._chunk = length
        self._feed = Feed(source, ledger, chunk=length, cuts=cuts, watch=watch)
        self._climber: Climber | None = None

    def keep_pace(self, tell: Callable[[str], None] | None) -> None:
        """Where the source is a camera: give up what the plan's ladder says before frames are dropped.

        Args:
            tell: is told, in sentences, what is given up, why, and when that is over.
        """
        self._climber = climber_of(self._plan.ladder, self._stages, self._source, tell)

    def open(self) -> None:
        """Open the nodes that are not open yet, which `ticks` does by itself."""
        for stage in self._stages:
            stage.open(self._devices[stage.step.name])

    def ticks(self) -> Iterator[Tick]:
        """Every frame's values, in order; they are already on their way to the sinks."""
        self.open()
        for stage in self._stages:
            stage.meet(self._source.info)
        self._began, self._cpu_began = perf_counter(), process_time()
        for chunk in self._feed:
            if self._climber is not None:
                self._climber.note(chunk[0].frame, idle_s=self._feed.idle_s)
            self._take(chunk)
            yield from self._advance()
        self._timeline.ended = True
        yield from self._advance()
        self._settle()

    def stop(self) -> None:
        """End the run: stop decoding, complete the files, close nodes and source; safe to call twice."""
        if self._ended is not None:
            return
        # In this order, each whatever becomes of the others; the first failure is the one to tell.
        failed: list[BaseException] = []
        closing = (stage.close for stage in self._stages)
        for act in (self._feed.stop, self._settle, self._finish, self._ask, *closing):
            try:
                act()
            except BaseException as error:  # noqa: BLE001 - raised below
                failed.append(error)
        if failed:
            raise failed[0]

    def _finish(self) -> None:
        """Complete the outputs; those that are complete stay the run's when others fail."""
        if self._writer is None:
            return
        try:
            self._writer.finish()
        finally:
            self._facts = self._writer.facts

    def _ask(self) -> None:
        """What the nodes and the sound say at the end."""
        try:
            for stage in self._stages:
                if facts := stage.facts():
                    self._said[stage.step.name] = facts
            if self._sound is not None:
                self._said[SOUND] = self._sound.facts()
        finally:
            self._ended, self._cpu_ended = perf_counter(), process_time()
            if self._sound is not None:
                self._sound.close()

    @property
    def report(self) -> RunReport:
        """What the run did so far."""
        heard = [self._hearing] if self._sound is not None else []
        costs = [self._feed.cost, *heard, *(stage.cost for stage in self._stages)]
        costs += self._writer.costs if self._writer is not None else []
        for stage in self._stages:
            if stage.cost.errors:
                self.ledger.passed[stage.step.name] = stage.cost.errors
        self._settle()
        wall = (self._ended or perf_counter()) - self._began
        cpu = (self._cpu_ended or process_time()) - self._cpu_began
        memory = peak_mb()
        said = (self._facts, self._said, self._latency)
        ladder = None if self._climber is None else self._climber.facts()
        return RunReport(tuple(costs), self.ledger, wall, memory, *said, cpu, ladder)

    def _settle(self) -> None:
        """What the source knows of frames that never came here."""
        self.ledger.holes = self._source.holes()
        if isinstance(self._source, Live):
            self.ledger.dropped = self._source.dropped
            self.ledger.decoded = self._feed.cost.frames + self.ledger.dropped.total()

    def _take(self, chunk: list[Arrival]) -> None:
        for arrival in chunk:
            self._timeline.append(new_segment=arrival.new_segment)
            self.buffers[SOURCE].append(arrival.frame)
            if self._sound is not None:
                self._hear(self._sound, arrival)

    def _hear(self, sound: SoundSource, arrival: Arrival) -> None:
        begin = perf_counter()
        self.buffers[SOUND].append(sound.at(arrival.frame))
        self._hearing.frames += 1
        self._hearing.calls += 1
        self._hearing.seconds += perf_counter() - begin

    def _advance(self) -> Iterator[Tick]:
        # A chunk at a time: where a segment ends, look-ahead ends, and all that waited for it is ready.
        # Served in one go it would lie in memory once more for every node that makes pictures.
        served = 1
        while served:
            served = sum(stage.advance(self._timeline, self._chunk) for stage in self._stages)
            yield from self._emit()

    def _emit(self) -> Iterator[Tick]:
        """Give away every frame that is done."""
        ready = min(self.buffers[edge].end for edge in {SOURCE, *self._tapped.values()})
        while self._emitted < ready:
            tick = self._tick(self._emitted)
            self._emitted += 1
            self._trim()
            if self._writer is not None:
                self._writer.put(tick)
            else:
                self._latency.add(tick.frame)
            self.ledger.processed += 1
            yield tick

    def _tick(self, index: int) -> Tick:
        values = {name: self.buffers[edge][index] for name, edge in self._tapped.items()}
        return Tick(self.buffers[SOURCE][index], values)

    def _trim(self) -> None:
        """Forget every value that neither a stage nor an output still needs."""
        tapped = {SOURCE, *self._tapped.values()}
        keep = {
            edge: self._emitted if edge in tapped else buffer.end for edge, buffer in self.buffers.items()
        }
        for stage in self._stages:
            for port, _ in stage.inputs():
                edge = stage.step.wires.get(port.name)
                if edge is not None:
                    keep[edge] = min(keep[edge], stage.needs_from(port))
        for edge, buffer in self.buffers.items():
            buffer.drop_before(keep[edge])
        self._timeline.drop_before(min((stage.next for stage in self._stages), default=self._emitted))


def _edges(plan: Plan) -> list[str]:
    return [SOURCE, SOUND, *(edge for step in plan.steps for edge in step.outputs)]


def _tapped(plan: Plan) -> dict[str, str]:
    """Names by which a tick gives values -> the edge: the edges outputs use, and the outputs themselves."""
    taps = {edge: edge for outlet in plan.outlets for edge in outlet.wires.values()}
    for outlet in plan.outlets:
        # A picture that no one asked for is none of the values that the output is named after.
        wires = {port: edge for port, edge in outlet.wires.items() if port != outlet.spare} or outlet.wires
        own = [edge for edge in wires.values() if edge != SOURCE or len(wires) == 1]
        if len(own) == 1:
            taps.setdefault(outlet.name, own[0])
    return taps


def _minds_cuts(stage: Stage) -> bool:
    reach = stage.step.node.reach()
    return bool(stage.step.node.memory or reach.past or reach.ahead)
