"""`vidface watch` for half an hour over real RTSP servers: memory, threads and open files must not grow.

    python -m tests.bench.soak --minutes 30 --out tests/bench/results/soak.md

Every `--fault` seconds one server is killed for 10 s and started again, each in turn; a SIGHUP goes with it.
The first fifth of the time (at most ten minutes) does not count: models are opened, the page's newest 500
events fill (some 80 a minute with this clip), and what nodes keep of each track for two minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench._cameras import Camera, camera_clip
from tests.bench._cases import ROOT

RATE, SIZE = 10, (640, 360)
SAMPLE_S, DOWN_S = 5.0, 10.0


@dataclass(frozen=True)
class Sample:
    """The program at one moment; memory in MiB: its own, and of the processes that read cameras."""

    at_s: float
    own_mb: float
    children_mb: float
    threads: int
    files: int


def sample(pid: int, began: float) -> Sample:
    """What the system says of a process and its children."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    threads = next(int(line.split()[1]) for line in status if line.startswith("Threads:"))
    listed = Path(f"/proc/{pid}/task").iterdir()
    kids = {kid for task in listed for kid in (task / "children").read_text().split()}
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Sample(time.monotonic() - began, _mb(pid), sum(_mb(int(kid)) for kid in kids), threads, files)


def _mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def watched(
    process: subprocess.Popen[bytes], cameras: list[Camera], options: argparse.Namespace
) -> list[Sample]:
    """Samples until the time is over; faults in between."""
    began = time.monotonic()
    samples: list[Sample] = []
    down: tuple[Camera, float] | None = None
    next_fault, turn = options.fault, 0
    while (now := time.monotonic() - began) < 60 * options.minutes and process.poll() is None:
        samples.append(sample(process.pid, began))
        if down is not None and now >= down[1]:
            down[0].start()
            process.send_signal(signal.SIGHUP)
            down = None
        if now >= next_fault and options.fault > 0:
            cameras[turn % len(cameras)].kill()
            down = cameras[turn % len(cameras)], now + DOWN_S
            turn, next_fault = turn + 1, next_fault + options.fault
        time.sleep(SAMPLE_S)
    return samples


def report(samples: list[Sample], told: dict[str, Any], options: argparse.Namespace, code: int) -> str:
    """The figures in Markdown."""
    settled = min(600.0, 12 * options.minutes)
    later = [one for one in samples if one.at_s >= settled] or samples
    lines = [
        "# Soak of vidface watch",
        "",
        f"{options.minutes:g} minutes, {options.cameras} cameras {SIZE[0]}x{SIZE[1]} at {RATE} frames/s "
        f"(GStreamer, RTSP over TCP), graphs/watch.yaml, live page on, recording around events; one "
        f"server killed for {DOWN_S:.0f} s every {options.fault:g} s; {os.cpu_count()} cores, load average "
        f"{os.getloadavg()[0]:.1f} at the end. Exit {code}, status {told['status']}.",
        "",
        f"| {len(later)} samples after {settled / 60:.1f} min | first | last | least | most "
        "| median of each third | an hour |",
        "|---|---|---|---|---|---|---|",
    ]
    for key, text in (
        ("own_mb", "memory of the program, MiB"),
        ("children_mb", "of the processes that read cameras, MiB"),
        ("threads", "threads"),
        ("files", "open files"),
    ):
        values = np.array([getattr(one, key) for one in later], float)
        times = np.array([one.at_s for one in later]) / 3600
        slope = float(np.polyfit(times, values, 1)[0]) if len(later) > 2 else float("nan")
        span = " | ".join(f"{value:.0f}" for value in (values[0], values[-1], values.min(), values.max()))
        thirds = ", ".join(f"{np.median(third):.1f}" for third in np.array_split(values, 3) if len(third))
        lines.append(f"| {text} | {span} | {thirds} | {slope:+.1f} |")
    lines += ["", "| camera | frames | dropped | p50 | p95 ms | losses | lost s | connections | graphs |"]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for name, row in told["cameras"].items():
        late = row["latency_ms"] or {"p50": 0, "p95": 0}
        figures = [row["frames"], sum(row["dropped"].values()), round(late["p50"]), round(late["p95"])]
        figures += [row["losses"], round(row["lost_s"]), row["connections"], row["graphs_begun"]]
        lines.append(f"| {name} | {' | '.join(map(str, figures))} |")
    lines += ["", f"Events: {told['events']['told']}, lost {told['events']['lost']}."]
    course = [samples[place] for place in range(0, len(samples), max(1, round(300 / SAMPLE_S)))]
    lines += ["", "Memory of the program each five minutes, from the start, MiB: " + _listed(course) + "."]
    return "\n".join(lines) + "\n"


def _listed(samples: list[Sample]) -> str:
    return ", ".join(f"{one.own_mb:.0f}" for one in samples)


def main() -> None:
    """Soak, and print a report."""
    options = _options()
    source = ROOT / "samples" / "two_people.mp4"
    clip = camera_clip(source, options.folder, size=SIZE, rate=RATE, seconds=3600)
    cameras = [Camera(clip) for _ in range(options.cameras)]
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        for camera in cameras:
            camera.start()
        named = "".join(f"  camera{place}: {camera.url}\n" for place, camera in enumerate(cameras))
        text = f"version: 1\nout: out\nrecord: events\nhttp: {{address: '127.0.0.1:0'}}\ncameras:\n{named}"
        (folder / "cameras.yaml").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "vidface", "watch", str(folder / "cameras.yaml")]
        with (folder / "said.txt").open("wb") as said:
            process = subprocess.Popen(command, stderr=said, cwd=ROOT)
            try:
                samples = watched(process, cameras, options)
            finally:
                process.send_signal(signal.SIGTERM)
                code = process.wait(60)
                for camera in cameras:
                    camera.kill()
        told = json.loads((folder / "out" / "watch.json").read_text())
        found = report(samples, told, options, code)
        tail = (folder / "said.txt").read_text().splitlines()[-20:]
    print(found)
    print("\n".join(tail), file=sys.stderr)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(found, encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "vidface-bench")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--fault", type=float, default=120, help="seconds between faults; 0: none")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
