"""How long vidface takes until it says something, measured from outside, a new process each time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from vidface.bench.job import Begin
from vidface.errors import UsageError


def help_times(runs: int) -> Begin:
    """`vidface --help`: until it has ended."""
    walls, cpus = [], []
    for _ in range(runs + 1):
        began = perf_counter()
        with _started(["--help"]) as child:
            _, state, used = os.wait4(child.pid, 0)
            walls.append(perf_counter() - began)
            cpus.append(used.ru_utime + used.ru_stime)
            child.returncode = os.waitstatus_to_exitcode(state)
            said = child.stderr.read() if child.stderr is not None else b""
        if child.returncode:
            raise UsageError(f"vidface --help: {said.decode(errors='replace').strip()[-500:]}")
    return Begin("vidface --help", tuple(walls[1:]), tuple(cpus[1:]))


def first_frame_times(graph: str, clip: str, runs: int, *, device: str | None = None) -> Begin:
    """`vidface run GRAPH CLIP`: until the first frame is done.

    That is seen by the first line of --progress json. The first of the processes warms up.
    """
    more = [] if device is None else ["--device", device]
    name = f"vidface run {Path(graph).stem}, first frame"
    walls, cpus = [], []
    for _ in range(runs + 1):
        with tempfile.TemporaryDirectory(prefix="vidface-bench-") as folder:
            words = ["run", graph, clip, "-o", f"{folder}/out", "--to", "0.5", "--progress", "json", "-q"]
            began = perf_counter()
            with _started([*words, *more]) as child:
                assert child.stderr is not None
                first = child.stderr.readline()
                walls.append(perf_counter() - began)
                cpus.append(_cpu_s(child.pid))
                rest = child.stderr.read()
        if not first.startswith(b"{") or child.returncode:
            said = (first + rest).decode(errors="replace").strip().removeprefix("vidface: ")
            raise UsageError(f"{name}: {said[-500:]}")
    return Begin(name, tuple(walls[1:]), tuple(cpus[1:]))


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process that runs, to a hundredth; 0 where the system does not tell."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _started(words: list[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "vidface", *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
