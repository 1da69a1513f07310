"""A run: a plan, an input, a folder; what `vidface run` and `vidface.run` do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

from vidface.data.address import local
from vidface.errors import InputError, OutputError, UsageError, VidfaceError
from vidface.graph.apart import check_apart, check_new, check_own, files_read
from vidface.graph.camera import check_live, finish, live_facts
from vidface.graph.custody import CHAIN, OWN
from vidface.graph.devices import devices_of
from vidface.graph.engine import Engine
from vidface.graph.extend import extended, saves_of
from vidface.graph.facts import run_facts
from vidface.graph.folder import RunFolder
from vidface.graph.framedigest import DigestedSource
from vidface.graph.hear import hearing, origin, sound_facts, stand_in
from vidface.graph.lineage import tracked
from vidface.graph.marking import Marking, SignWith, inputs_of
from vidface.graph.oncard import placed
from vidface.graph.opening import opened
from vidface.graph.plan import Plan, load
from vidface.graph.report import Ledger, RunReport
from vidface.graph.settings import Options, Settings
from vidface.graph.stage import unwatched
from vidface.graph.tick import Tick
from vidface.graph.trace import TraceWriter
from vidface.graph.unused import unused
from vidface.graph.writer import Writer
from vidface.node import Target

FORENSIC_CHUNK = 8


class Run:
    """Iterate once to get every frame's values; files are complete when the iteration ends.

    Use it in a `with` block to leave early: what was written until then stays readable.

    Attributes:
        info: the input.
        notes: options that change nothing in this run, and pixels that are not square, in sentences.
    """

    def __init__(self, plan: Plan, clip: str | Path, out: Path | None, settings: Settings) -> None:
        self.plan = plan = extended(plan, settings)
        sign = SignWith(*(Path(path) if path else None for path in (settings.sign_cert, settings.sign_key)))
        self._signer = sign.signer() if out is not None else None
        self._marking = Marking(
            plan,
            consent=settings.consent,
            sign=sign,
            writes=out is not None,
            forensic=settings.forensic,
        )
        self._sound = stand_in(settings.audio)
        asked = "cpu" if settings.forensic else settings.device
        self._placed = placed(devices_of(plan, asked, settings.pool))
        lasts = None if self._sound is None else self._sound.duration
        self._source = settings.source or opened(clip, settings, card=self._placed.card, lasts=lasts)
        check_live(self._source, settings)
        self._frames = DigestedSource(self._source) if settings.forensic and out is not None else None
        self._source = self._frames or self._source
        self.info = self._source.info
        self._out = Path() if out is None else out
        self._part = settings.part
        self._traced = settings.trace
        self._trace: TraceWriter | None = None
        self._folder: RunFolder | None = None
        self._status = "running"
        self._error: BaseException | None = None
        self._closed = self._begun = self._entered = False
        self.notes = unused(plan, self.info, settings)
        try:
            self._engine = self._build(Path(clip), out, settings)
        except BaseException as error:
            self._source.close()
            self._closed, self._status, self._error = True, "failed", error
            self._account(None)
            raise

    def _build(self, clip: Path, out: Path | None, settings: Settings) -> Engine:
        ledger = Ledger()
        if settings.trace is not None:
            self._trace = TraceWriter(Path(settings.trace).expanduser())
        watch = unwatched if self._trace is None else self._trace.event
        heard = sound_facts(self._sound)
        folder, writer = None, None
        if out is not None:
            sign = None if self._signer is None else self._signer.sign
            folder = RunFolder(out, overwrite=settings.overwrite, sign=sign)
            inputs = partial(inputs_of, folder, clip, self.info.name, heard)
            seal = partial(self._marking.sign, folder=out, inputs=inputs)
            writer = Writer(self.plan.outlets, ledger, watch, seal=seal, begun=folder.begun)
        with ExitStack() as undo:
            if folder is not None:
                undo.callback(lambda: folder.release() if self._folder is None else None)  # else `end` does
            earlier = self._check_places(folder, clip, settings)
            engine = Engine(
                self.plan,
                self._source,
                devices=self._placed.devices,
                ledger=ledger,
                writer=writer,
                sound=hearing(self.plan, self.info, clip=clip, file=self._sound, start=settings.start),
                chunk=FORENSIC_CHUNK if settings.forensic else settings.chunk,
                watch=watch,
            )
            engine.keep_pace(settings.tell)
            undo.callback(engine.stop)
            facts = {} if folder is None else self._facts(clip, heard, settings)
            if folder is not None and folder.taken:
                engine.open()  # what most often fails, as long as an earlier run's results are there
            with nullcontext() if folder is None else folder.replacing(earlier):
                if self._trace is not None:
                    self._trace.begin(overwrite=settings.overwrite)
                if folder is not None and writer is not None:
                    folder.begin(facts)
                    self._folder = folder
                    writer.start(lambda name: self._target(name, clip, self._out, settings))
            undo.pop_all()
        return engine

    def _check_places(self, folder: RunFolder | None, clip: Path, settings: Settings) -> list[Path]:
        """Nothing read, or not to be replaced, stands where the run writes; an earlier run's files."""
        beside = [Path(path).expanduser() for path in (settings.trace, *saves_of(self.plan)) if path]
        check_new(beside, overwrite=settings.overwrite)
        earlier = [] if folder is None else folder.earlier()
        if folder is not None:
            outputs = (name for item in self.plan.outlets for name in item.sink.files(item.name))
            own = [self._out / name for name in (*outputs, *OWN, CHAIN)]
            check_own(beside, own)
            beside += own
        read = files_read(self.plan, clip, settings, self._marking.consent)
        check_apart(read, beside, out=None if folder is None else self._out, earlier=earlier)
        return earlier

    def _facts(self, clip: Path, heard: dict[str, Any] | None, settings: Settings) -> dict[str, Any]:
        """The part of run.json that is known before the first frame."""
        by: dict[str, Any] = {"manifest_signed_by": None if self._signer is None else self._signer.to_json()}
        facts = run_facts(self.plan, self._source, clip, settings, self._placed.devices)
        by |= {"notes": list(self.notes)} if self.notes else {}
        return facts | {"audio": heard} | self._marking.facts(self.info.name) | by

    def _target(self, name: str, clip: Path, out: Path, settings: Settings) -> Target:
        made = self._marking.provenance(name)
        own = clip if clip.is_file() else None
        target = Target(out, name, self.info, own, settings.start, settings.stop, made)
        target = replace(target, hidden_by=self._marking.hidden_by(name), tracked=tracked(self.plan, name))
        target = replace(target, station=settings.station, card=self._placed.card)
        if self._sound is None:
            return target
        return replace(target, sound=self._sound.path, sound_lead=self._sound.lead(origin(self.info)))

    @property
    def report(self) -> RunReport:
        """Cost per node, frame ledger, memory: what happened so far."""
        return self._engine.report

    def __iter__(self) -> Iterator[Tick]:
        if self._begun or self._closed:
            raise UsageError("a run is iterated once, and this one was; call vidface.run again")
        self._begun = True
        try:
            for tick in self._engine.ticks():
                yield tick
                if self._status != "running":
                    return  # somebody closed it who still holds this iterator
            if self._part and not self._engine.ledger.processed:
                raise InputError(f"{self.info.name}: there is no frame {self._part}")
            self._status = "done"
        except GeneratorExit:
            if not self._entered:  # else the `with` block knows why it was left
                self.close()
            raise
        except BaseException as error:
            self._status, self._error = _end_of(error), error
            raise
        finally:
            if self._status != "running":
                self.close()

    def finish(self) -> bool:
        """End a run over a camera as if it had come to its end; False where the input is a file.

        May be called from a signal handler or another thread.
        """
        return finish(self._source)

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
            if self._status != "failed":  # else the first failure is the one to tell
                self._status, self._error = _end_of(error), error
            raise
        finally:
            self._account(self.report)

    def _account(self, report: RunReport | None) -> None:
        try:
            if self._trace is not None:
                self._trace.close()
        except OutputError as error:
            first, self._status, self._error = self._error, "failed", self._error or error
            if first is None:
                raise
        finally:
            self._tell_folder(report)

    def _tell_folder(self, report: RunReport | None) -> None:
        """Complete run.json."""
        if self._folder is None:
            return
        if self._frames is not None and report is not None:
            self._folder.tell({"segments": self._frames.segments()})
        on_card = self._placed.to_json(self.info, {} if report is None else report.facts)
        if on_card is not None:
            self._folder.note("acceleration", on_card)
        if (camera := live_facts(self._source, report)) is not None:
            self._folder.tell({"camera": camera})
        try:
            self._folder.end(self._status, self._error, report, beside=self._beside())
        except OutputError:
            if self._error is None:  # else the first error is the one to tell: a full disk fails twice
                raise

    def _beside(self) -> tuple[str, ...]:
        """Files that were asked for in the run's folder, and that no output wrote."""
        root = self._out.resolve()
        paths = [Path(path).expanduser().resolve() for path in (self._traced, *saves_of(self.plan)) if path]
        return tuple(path.relative_to(root).as_posix() for path in paths if path.is_relative_to(root))

    def __del__(self) -> None:
        """Nobody holds the run any more: what it wrote is as complete as after `close`."""
        if not getattr(self, "_closed", True):
            with suppress(VidfaceError):
                self.close()  # nobody is there to be told; run.json is

    def __enter__(self) -> Self:
        self._entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._status == "running":
            self._status = _end_of(error)
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
    if not isinstance(graph, Plan):
        graph = load(graph, overrides=tuple(settings.overrides), outputs=settings.outputs)
    return Run(graph, local(clip), None if out is None else Path(out), settings)


def _end_of(error: BaseException) -> str:
    return "stopped" if isinstance(error, GeneratorExit | KeyboardInterrupt) else "failed"
