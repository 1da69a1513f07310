"""Four cameras at once in one process: fairness, one killed and back, one stalled, one added, one removed.

    python -m tests.bench.watch --out tests/bench/results/watch.md

The cameras are GStreamer RTSP servers on loopback, a process each (see `_gstserver`). What `SIGHUP` does is
done by its own means: the file is written anew, and `Watcher.reload` called.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench._cameras import Camera, camera_clip
from tests.bench._cases import ROOT
from vidface.watch.config import Config
from vidface.watch.watcher import Watcher

RATE, SIZE = 10, (640, 360)
NAMES = ("one", "two", "three", "four")


@dataclass
class Stand:
    """The servers, and the program that watches them; ticks go on in a thread."""

    folder: Path
    cameras: dict[str, Camera]
    watcher: Watcher
    _over: threading.Event
    _ticks: threading.Thread

    @classmethod
    def up(cls, folder: Path, cameras: dict[str, Camera], options: argparse.Namespace) -> Stand:
        path = written(folder, cameras, options.set)
        said = (folder / "said.txt").open("w")
        watcher = Watcher(Config.read(path, os.environ), tell=lambda text: print(text, file=said, flush=True))
        over = threading.Event()

        def tick() -> None:
            while not over.wait(0.5):
                watcher.tick()

        ticks = threading.Thread(target=tick)
        ticks.start()
        return cls(folder, cameras, watcher, over, ticks)

    def down(self) -> None:
        """End in order."""
        self._over.set()
        self._ticks.join()
        self.watcher.close()
        for camera in self.cameras.values():
            camera.send(signal.SIGCONT)
            camera.kill()

    def rows(self) -> dict[str, dict[str, Any]]:
        """The account of each camera now."""
        return {lane.plan.name: lane.row() for lane in self.watcher.lanes()}

    def until(self, met: Callable[[dict[str, dict[str, Any]]], bool], limit_s: float = 120) -> float:
        """Wait for something; how long that took."""
        began = time.monotonic()
        while not met(self.rows()):
            if time.monotonic() - began > limit_s:
                raise RuntimeError(f"not within {limit_s} s: {json.dumps(self.rows(), indent=1)}")
            time.sleep(0.02)
        return time.monotonic() - began


def written(folder: Path, cameras: dict[str, Camera], overrides: list[str]) -> Path:
    """cameras.yaml of these."""
    path = folder / "cameras.yaml"
    lines = [f"  {name}: {camera.url}" for name, camera in cameras.items()]
    sets = f"set: {json.dumps(overrides)}\n"
    path.write_text("\n".join(["version: 1", "out: out", sets + "cameras:", *lines, ""]), encoding="utf-8")
    return path


def phase(stand: Stand, seconds: float) -> dict[str, dict[str, float]]:
    """What each camera that was there all the time got in that time: frames, share of its own rate."""
    before, began, cpu = stand.rows(), time.monotonic(), time.process_time()
    time.sleep(seconds)
    after, lasted = stand.rows(), time.monotonic() - began
    used = (time.process_time() - cpu) / lasted
    found: dict[str, dict[str, float]] = {"": {"cpu": used}}
    for name in before.keys() & after.keys():
        frames = after[name]["frames"] - before[name]["frames"]
        dropped = sum(after[name]["dropped"].values()) - sum(before[name]["dropped"].values())
        found[name] = {"frames": frames, "dropped": dropped, "share": frames / (RATE * lasted)}
    return found


def main() -> None:
    """Measure and print a report in Markdown."""
    options = _options()
    clip = camera_clip(
        ROOT / "samples" / "two_people.mp4", options.folder, size=SIZE, rate=RATE, seconds=3600
    )
    with tempfile.TemporaryDirectory() as work:
        cameras = {name: Camera(clip) for name in NAMES}
        for camera in cameras.values():
            camera.start()
        stand = Stand.up(Path(work), cameras, options)
        try:
            text = _measured(stand, options)
        finally:
            stand.down()
        text += _tail(stand, Path(work))
    print(text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8")


def _measured(stand: Stand, options: argparse.Namespace) -> str:
    def watched(*names: str) -> Callable[[dict[str, dict[str, Any]]], bool]:
        return lambda rows: all(rows.get(name, {}).get("status") == "watched" for name in names)

    def fresh(name: str, frames: int) -> Callable[[dict[str, dict[str, Any]]], bool]:
        return lambda rows: rows[name]["frames"] > frames

    first = stand.until(watched(*NAMES))
    time.sleep(10)
    steady = phase(stand, options.seconds)
    latency = {name: row["latency_ms"] for name, row in stand.rows().items()}
    lines = [
        "# Four cameras at once: vidface watch",
        "",
        f"{SIZE[0]}x{SIZE[1]}, {RATE} frames/s each, two faces; GStreamer RTSP servers on loopback (TCP), "
        f"graphs/watch.yaml{', ' + ', '.join(options.set) if options.set else ''}; "
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}.",
        f"The first picture of all four came {first:.1f} s after the start.",
        "",
        "| camera | share of its frames | dropped | p50 ms | p95 ms | p99 ms | steps of the ladder |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in NAMES:
        took, late = steady[name], latency[name] or {}
        ladder = stand.rows()[name]["ladder"] or {"height": 0}
        figures = " | ".join(f"{late.get(key, 0):.0f}" for key in ("p50", "p95", "p99"))
        lines.append(f"| {name} | {took['share']:.0%} | {took['dropped']} | {figures} | {ladder['height']} |")
    shares = [steady[name]["share"] for name in NAMES]
    fairness = min(shares) / (sum(shares) / len(shares))
    lines += [
        "",
        f"Fairness: the slowest camera got {min(shares):.0%} of its own frames and {fairness:.0%} of what "
        f"they got on average (aim: 90 %). CPU: {steady['']['cpu']:.2f} cores over {options.seconds} s.",
        "",
        "| what happened to one | the others' least share meanwhile | it came back after |",
        "|---|---|---|",
    ]

    def fault(
        what: str, begin: Callable[[], None], end: Callable[[], None], back: str, hold_s: float
    ) -> None:
        begin()
        during = phase(stand, hold_s)
        others = min(took["share"] for name, took in during.items() if name not in ("", back))
        end()
        frames = stand.rows()[back]["frames"]
        after = stand.until(fresh(back, frames))
        lines.append(f"| {what} | {others:.0%} | {after:.2f} s |")

    two, three = stand.cameras["two"], stand.cameras["three"]
    fault("server killed for 15 s", two.kill, two.start, "two", 15)
    time.sleep(5)
    stop = [signal.SIGSTOP, signal.SIGCONT]
    fault(
        "server stalled (SIGSTOP) for 15 s",
        lambda: three.send(stop[0]),
        lambda: three.send(stop[1]),
        "three",
        15,
    )
    time.sleep(5)
    five = Camera(two.clip)
    five.start()
    stand.cameras["five"] = five
    named = {name: camera for name, camera in stand.cameras.items() if name != "four"}
    written(stand.folder, named, options.set)
    began = time.monotonic()
    stand.watcher.reload()
    stand.until(lambda rows: "five" in rows and rows["five"]["frames"] > 0 and "four" not in rows)
    first_s = time.monotonic() - began
    during = phase(stand, 15)
    others = min(during[name]["share"] for name in ("one", "two", "three"))
    lines.append(
        f"| one removed and one added (file read again) | {others:.0%} | its first frame: {first_s:.2f} s |"
    )
    return "\n".join(lines) + "\n"


def _tail(stand: Stand, work: Path) -> str:
    told = json.loads((work / "out" / "watch.json").read_text())
    process = told["process"]
    models = [f"{one['session'].split()[0]}: {one['calls']} calls" for one in told["models"]]
    said = (work / "said.txt").read_text().strip()
    return (
        f"\nAt the end: {process['memory_mb']:.0f} MB, {process['threads']} threads, {told['status']}; "
        f"events {told['events']['told']}; sessions still open {models or 'none'}.\n\n"
        f"What it said meanwhile:\n\n```\n{said}\n```\n"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "vidface-bench")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--set", action="append", default=[], metavar="NODE.PARAM=VALUE")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
