"""A run: a plan, an input, a folder; what `vidface run` and `vidface.run` do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

from vidface.data.device import Device
from vidface.data.source import Source
from vidface.errors import OutputError, UsageError
from vidface.graph.engine import Engine
from vidface.graph.folder import RunFolder
from vidface.graph.hear import hearing, origin, sound_facts, stand_in
from vidface.graph.plan import Plan, load
from vidface.graph.report import Ledger, RunReport
from vidface.graph.stage import unwatched
from vidface.graph.tick import Tick
from vidface.graph.trace import TraceWriter
from vidface.graph.writer import Writer
from vidface.node import Target

FORENSIC_CHUNK = 8


class Options(TypedDict, total=False):
    """What may be said of a run; the defaults stand in `Settings`."""

    overrides: tuple[str, ...]
    outputs: tuple[str, ...] | None
    device: str | None
    start: float | None
    stop: float | None
    decoder: str
    colorspace: str | None
    rate: float | None
    audio: str | Path | None
    overwrite: bool
    trace: str | Path | None
    chunk: int | None
    forensic: bool
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of a run, with their defaults.

    Attributes:
        overrides: `node.param=value` texts.
        outputs: write only these outputs; None writes all.
        device: auto, cpu, cuda, cuda:1; None leaves it to the graph.
        start, stop: seconds of input time; frames with start <= time < stop are taken.
        decoder: pyav or decord.
        colorspace: bt601, bt709 or bt2020 where the input's own tags are missing or wrong.
        rate: frames a second of a folder of pictures; 25 where not given.
        audio: a file whose sound stands in for the input's; one still picture is shown as long as it sounds.
        overwrite: replace the outputs of an earlier run.
        trace: write a Chrome/Perfetto trace to this path.
        chunk: frames handed over at a time; None chooses by picture size.
        forensic: one decoder (PyAV) with one thread, the CPU, fixed chunks, and the SHA-256 of
            every file written: the same machine gives the same bytes.
        command: the command line, for run.json.
    """

    overrides: tuple[str, ...] = ()
    outputs: tuple[str, ...] | None = None
    device: str | None = None
    start: float | None = None
    stop: float | None = None
    decoder: str = "pyav"
    colorspace: str | None = None
    rate: float | None = None
    audio: str | Path | None = None
    overwrite: bool = False
    trace: str | Path | None = None
    chunk: int | None = None
    forensic: bool = False
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.start is not None and self.stop is not None and self.stop <= self.start:
            raise UsageError(f"--to {self.stop} must lie behind --from {self.start}")
        if self.forensic and (self.decoder != "pyav" or (self.device or "cpu") not in ("cpu", "auto")):
            asked = f"{self.device or 'auto'} with {self.decoder}"
            raise UsageError(f"--forensic runs on the CPU with PyAV, but {asked} was asked for")


class Run:
    """Iterate to get every frame's values; files are complete when the iteration ends.

    Use it in a `with` block to leave early: what was written until then stays readable.
    """

    def __init__(self, plan: Plan, clip: str | Path, out: Path | None, settings: Settings) -> None:
        from vidface.media.decode import open_source

        self.plan = plan
        self._sound = stand_in(settings.audio)
        self._source: Source = open_source(
            clip,
            rate=settings.rate,
            start=settings.start,
            stop=settings.stop,
            decoder=settings.decoder,
            colorspace=settings.colorspace,
            lasts=None if self._sound is None else self._sound.duration,
            # What a decoder conceals behind damage depends on its threads.
            threads=1 if settings.forensic else 0,
        )
        self.info = self._source.info
        self._trace: TraceWriter | None = None
        self._folder: RunFolder | None = None
        self._status = "running"
        self._error: BaseException | None = None
        self._closed = False
        try:
            self._engine = self._build(Path(clip), out, settings)
        except BaseException as error:
            self._source.close()
            self._status, self._error = "failed", error
            self._account(None)
            raise

    def _build(self, clip: Path, out: Path | None, settings: Settings) -> Engine:
        devices = devices_of(self.plan, "cpu" if settings.forensic else settings.device)
        ledger = Ledger()
        if settings.trace is not None:
            self._trace = TraceWriter(Path(settings.trace))
        watch = unwatched if self._trace is None else self._trace.event
        writer = None
        if out is not None:
            folder = RunFolder(out, overwrite=settings.overwrite, seal=settings.forensic)
            facts = _facts(self.plan, self._source, clip, settings, devices)
            folder.begin(facts | {"audio": sound_facts(self._sound)})
            self._folder = folder
            writer = Writer(self.plan.outlets, ledger, watch)
            writer.start(lambda name: self._target(name, clip, out, settings))
        return Engine(
            self.plan,
            self._source,
            devices=devices,
            ledger=ledger,
            writer=writer,
            sound=hearing(self.plan, self.info, clip=clip, file=self._sound, start=settings.start),
            chunk=FORENSIC_CHUNK if settings.forensic else settings.chunk,
            watch=watch,
        )

    def _target(self, name: str, clip: Path, out: Path, settings: Settings) -> Target:
        generated = any(step.node.generates for step in self.plan.steps)
        own = clip if clip.is_file() else None
        target = Target(out, name, self.info, own, settings.start, settings.stop, generated)
        if self._sound is None:
            return target
        return replace(target, sound=self._sound.path, sound_lead=self._sound.lead(origin(self.info)))

    @property
    def report(self) -> RunReport:
        """Cost per node, frame ledger, memory: what happened so far."""
        return self._engine.report

    def __iter__(self) -> Iterator[Tick]:
        try:
            yield from self._engine.ticks()
            self._status = "done"
        except BaseException as error:
            self._status = "stopped" if isinstance(error, GeneratorExit | KeyboardInterrupt) else "failed"
            self._error = error
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Complete the files and close everything; safe to call twice.

        Raises:
            OutputError: a file could not be completed.
            LedgerError: the run is over and frames are unaccounted for.
        """
        if self._closed:
            return
        self._closed = True
        if self._status == "running":
            self._status = "stopped"
        try:
            self._engine.stop()
            if self._status == "done":
                self.report.ledger.check()
        except BaseException as error:
            self._status, self._error = "failed", self._error or error
            raise
        finally:
            self._account(self.report)

    def _account(self, report: RunReport | None) -> None:
        if self._trace is not None:
            self._trace.close()
        if self._folder is None:
            return
        try:
            self._folder.end(self._status, self._error, report)
        except OutputError:
            if self._error is None:  # else the first error is the one to tell: a full disk fails twice
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._error = self._error or error
        self.close()


def run(
    graph: str | Path | Mapping[str, Any] | Plan,
    clip: str | Path,
    out: str | Path | None = None,
    **options: Unpack[Options],
) -> Run:
    """Run a graph over a clip: `for tick in vidface.run("graphs/track.yaml", "clip.mp4")`.

    Args:
        graph: path of a YAML file, the same as a mapping, or a loaded plan.
        clip: a video (a path or an address), a picture, or a folder of pictures.
        out: folder for the outputs; None writes nothing and only yields values.
        options: see `Settings`.

    Returns:
        A `Run`: iterate it for ticks; `run.report` is the account afterwards.

    Raises:
        GraphError, ModelError, InputError, UsageError: before anything is decoded.
    """
    settings = Settings(**options)
    if isinstance(graph, Plan):
        plan = graph
    else:
        plan = load(graph, overrides=tuple(settings.overrides), outputs=settings.outputs)
    return Run(plan, clip, None if out is None else Path(out), settings)


def devices_of(plan: Plan, asked: str | None) -> dict[str, Device]:
    """The device of every node; the command line goes before the graph."""
    from vidface.infer.devices import resolve

    wanted = {step.name: asked or step.device for step in plan.steps}
    resolved = {text: resolve(text) for text in set(wanted.values())}
    return {name: resolved[text] for name, text in wanted.items()}


def _facts(
    plan: Plan, source: Source, clip: Path, settings: Settings, devices: dict[str, Device]
) -> dict[str, Any]:
    """The part of run.json that is known before the first frame."""
    from vidface.graph.facts import input_facts, model_facts, package_facts

    return {
        "command": list(settings.command),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "graph": {
            "file": plan.file.name,
            "sha256": plan.file.sha256,
            "overrides": list(plan.file.overrides),
            "text": plan.file.text,
        },
        "input": input_facts(source.info, clip),
        "from": settings.start,
        "to": settings.stop,
        "decoder": source.info.decoder,
        "devices": {name: {"device": str(item), "reason": item.reason} for name, item in devices.items()},
        "models": model_facts(plan),
        "packages": package_facts(),
    }
