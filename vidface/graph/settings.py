"""Settings: what may be said of a run, by keyword or on the command line."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, Literal, TypedDict

from vidface.data.device import SharedSessions
from vidface.data.source import Source
from vidface.data.station import Station
from vidface.errors import UsageError


class Options(TypedDict, total=False):
    """What may be said of a run; the defaults stand in `Settings`."""

    overrides: tuple[str, ...]
    outputs: tuple[str, ...] | None
    device: str | None
    start: float | None
    stop: float | None
    decoder: str
    colorspace: str | None
    rotate: int
    square: bool
    rate: float | None
    audio: str | Path | None
    no_audio: bool
    table: str | None
    overwrite: bool
    trace: str | Path | None
    chunk: int | None
    forensic: bool
    consent: str | None
    sign_cert: str | Path | None
    sign_key: str | Path | None
    command: tuple[str, ...]
    realtime: bool
    retry: str
    rtsp_transport: Literal["tcp", "udp"]
    staleness: float
    tell: Callable[[str], None] | None
    station: Station | None
    source: Source | None
    pool: SharedSessions | None


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
        rotate: degrees clockwise (0, 90, 180, 270) to turn the picture, beyond what the input says.
        square: stretch pictures whose pixels are not square until they are.
        rate: frames a second of a folder of pictures; 25 where not given.
        audio: a file whose sound stands in for the input's; one still picture is shown as long as it sounds.
        no_audio: leave the sound out of video outputs.
        table: csv or parquet: write faces as a flat table, too.
        overwrite: replace the outputs of an earlier run, and a trace or a saved motion that is there.
        trace: write a Chrome/Perfetto trace to this path.
        chunk: frames handed over at a time; None chooses by picture size.
        forensic: one decoder (PyAV) and encoders with one thread each, the CPU, fixed chunks: the same
            machine gives the same bytes (of signed files: before signing); and digests of decoded frames.
        consent: who agreed to what (a sentence, or the path of a file that says it); before the graph's.
        sign_cert, sign_key: PEM files to sign synthetic pictures with (a test certificate where not
            given), and run.json; for run.json alone the key is enough.
        command: the command line, for run.json.
        realtime: play a file as if it were live: frames that cannot be served in time are dropped.
        retry: connections to a camera tried in a row before it is given up: never, a number, or forever.
        rtsp_transport: tcp or udp.
        staleness: seconds that a live frame may wait where newer ones are there.
        tell: is told, in sentences, what happens to the connection to a camera.
        station: takes events and live pictures of a camera that is watched.
        source: the input, opened already; the run closes it, and the clip's name says what it is.
        pool: shares model sessions with other runs of this process (`vidface.infer.pool.Lane`).
    """

    overrides: tuple[str, ...] = ()
    outputs: tuple[str, ...] | None = None
    device: str | None = None
    start: float | None = None
    stop: float | None = None
    decoder: str = "pyav"
    colorspace: str | None = None
    rotate: int = 0
    square: bool = False
    rate: float | None = None
    audio: str | Path | None = None
    no_audio: bool = False
    table: str | None = None
    overwrite: bool = False
    trace: str | Path | None = None
    chunk: int | None = None
    forensic: bool = False
    consent: str | None = None
    sign_cert: str | Path | None = None
    sign_key: str | Path | None = None
    command: tuple[str, ...] = ()
    realtime: bool = False
    retry: str = "forever"
    rtsp_transport: Literal["tcp", "udp"] = "tcp"
    staleness: float = 0.5
    tell: Callable[[str], None] | None = None
    station: Station | None = None
    source: Source | None = None
    pool: SharedSessions | None = None

    def __post_init__(self) -> None:
        self._check_values()
        if self.start is not None and self.stop is not None and self.stop <= self.start:
            raise UsageError(f"--to {self.stop} must lie behind --from {self.start}")
        if self.forensic and (self.decoder != "pyav" or (self.device or "cpu") not in ("cpu", "auto")):
            asked = f"{self.device or 'auto'} with {self.decoder}"
            raise UsageError(f"--forensic runs on the CPU with PyAV, but {asked} was asked for")
        if self.forensic and self.pool is not None:
            raise UsageError(
                "a forensic run promises the same bytes again and shares no sessions: leave out pool"
            )

    def _check_values(self) -> None:
        """What the command line refuses by itself, for who calls from Python."""
        for name, value in (("--from", self.start), ("--to", self.stop), ("--staleness", self.staleness)):
            if value is not None and not _is_number(value):
                raise UsageError(f"{name} wants seconds, but found {value!r}")
        if self.rate is not None and not (_is_number(self.rate) and self.rate > 0):
            raise UsageError(f"--rate wants frames a second above 0, but found {self.rate!r}")
        if self.table not in (None, "csv", "parquet"):
            raise UsageError(f"--format wants csv or parquet, but found {self.table!r}")
        if self.chunk is not None and not (isinstance(self.chunk, int) and self.chunk >= 1):
            raise UsageError(f"--chunk wants a number of frames from 1, but found {self.chunk!r}")
        for name, names in (("--set", self.overrides), ("--outputs", self.outputs)):
            if isinstance(names, str):
                raise UsageError(f"{name} wants several texts, as in ({names!r},), but found one: {names!r}")
        if self.outputs is not None and not self.outputs:
            raise UsageError("--outputs names no output; name some (A,B), or leave it out to write all")
        if self.audio is not None and self.no_audio:
            raise UsageError("--audio puts sound in and --no-audio leaves it out; give one of them")

    @property
    def part(self) -> str:
        """The part of the input that was asked for, as in "from --from 3 s on"; empty where all of it was."""
        start = "" if self.start is None else f"from --from {self.start:g} s on"
        stop = "" if self.stop is None else f"before --to {self.stop:g} s"
        return " and ".join(one for one in (start, stop) if one)

    def to_json(self) -> dict[str, Any]:
        """For run.json: what changes results and stands nowhere else there."""
        return {
            "outputs": None if self.outputs is None else list(self.outputs),
            "device": self.device,
            "colorspace": self.colorspace,
            "rotate": self.rotate,
            "square": self.square,
            "rate": self.rate,
            "no_audio": self.no_audio,
            "table": self.table,
            "forensic": self.forensic,
        }


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(value)
