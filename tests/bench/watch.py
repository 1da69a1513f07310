"""Four cameras at once in one process: fairness, one killed and back, one stalled, one added, one removed.

    python -m tests.bench.watch --out tests/bench/results/watch.md
    python -m tests.bench.watch --cameras 1 --size 1280x720 --rate 25      # without the faults

The cameras are GStreamer RTSP servers on loopback, a process each (see `_gstserver`). What `SIGHUP` does is
done by its own means: the file is written anew, and `Watcher.reload` called.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench._cameras import Camera, camera_clip
from tests.bench._cases import ROOT
from vidface.watch.config import Config
from vidface.watch.watcher import Watcher

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
            camera.kill()

    def rows(self) -> dict[str, dict[str, Any]]:
        """The account of each camera now."""
        return {lane.plan.name: lane.row() for lane in self.watcher.lanes()}

    def until(self, met: Callable[[dict[str, dict[str, Any]]], object], limit_s: float = 120) -> float:
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


def phase(stand: Stand, seconds: float, rate: int) -> dict[str, dict[str, float]]:
    """What each camera that was there all the time got in that time: frames, share of its own rate."""
    before, began, cpu = stand.rows(), time.monotonic(), time.process_time()
    time.sleep(seconds)
    after, lasted = stand.rows(), time.monotonic() - began
    used = (time.process_time() - cpu) / lasted
    found: dict[str, dict[str, float]] = {"": {"cpu": used}}
    for name in before.keys() & after.keys():
        frames = after[name]["frames"] - before[name]["frames"]
        dropped = sum(after[name]["dropped"].values()) - sum(before[name]["dropped"].values())
        found[name] = {"frames": frames, "dropped": dropped, "share": frames / (rate * lasted)}
    return found


def main() -> None:
    """Measure and print a report in Markdown."""
    options = _options()
    wide, high = map(int, options.size.split("x"))
    sample = ROOT / "samples" / "two_people.mp4"
    clip = camera_clip(sample, options.folder, size=(wide, high), rate=options.rate, seconds=3600)
    with tempfile.TemporaryDirectory() as work:
        cameras = {name: Camera(clip) for name in NAMES[: options.cameras]}
        for camera in cameras.values():
            camera.start()
        stand = Stand.up(Path(work), cameras, options)
        try:
            lines = _steady(stand, options)
            if options.cameras == len(NAMES):
                lines += _faults(stand, options.rate) + _changed(stand, options)
        finally:
            stand.down()
        text = "\n".join(lines) + "\n" + _tail(Path(work))
    print(text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8")


def _steady(stand: Stand, options: argparse.Namespace) -> list[str]:
    """Nothing happens: what each camera gets."""
    names = NAMES[: options.cameras]
    first = stand.until(lambda rows: all(rows.get(name, {}).get("frames") for name in names))
    time.sleep(10)
    steady = phase(stand, options.seconds, options.rate)
    rows = stand.rows()
    shares = [steady[name]["share"] for name in names]
    fairness = min(shares) / (sum(shares) / len(shares))
    lines = [
        f"# Cameras at once: {len(names)}",
        "",
        f"{options.size}, {options.rate} frames/s each, two faces; GStreamer RTSP servers on loopback (TCP), "
        f"graphs/watch.yaml{', ' + ', '.join(options.set) if options.set else ''}; "
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}.",
        f"Pictures of all came {first:.1f} s after the start.",
        "",
        "| camera | share of its frames | dropped | p50 ms | p95 ms | p99 ms | steps of the ladder |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in names:
        took, late = steady[name], rows[name]["latency_ms"] or {}
        steps = (rows[name]["ladder"] or {"height": 0})["height"]
        figures = " | ".join(f"{late.get(key, 0):.0f}" for key in ("p50", "p95", "p99"))
        lines.append(f"| {name} | {took['share']:.1%} | {took['dropped']} | {figures} | {steps} |")
    return [
        *lines,
        "",
        f"Fairness: the slowest camera got {min(shares):.1%} of its own frames and {fairness:.1%} of what "
        f"they got on average (aim: 90 %). CPU: {steady['']['cpu']:.2f} cores over {options.seconds:.0f} s.",
    ]


def _faults(stand: Stand, rate: int) -> list[str]:
    """One camera at a time goes away for 15 s."""
    lines = [
        "",
        "| what happened to one | the others' least share meanwhile | it came back after |",
        "|---|---|---|",
    ]
    two, three = stand.cameras["two"], stand.cameras["three"]
    for what, name, begin, end in (
        ("server killed for 15 s", "two", two.kill, two.start),
        ("server stalled (SIGSTOP) for 15 s", "three", three.stall, three.go_on),
    ):
        begin()
        during = phase(stand, 15, rate)
        others = min(took["share"] for other, took in during.items() if other not in ("", name))
        end()
        frames = stand.rows()[name]["frames"]
        after = stand.until(partial(_has_more, name, frames))
        lines.append(f"| {what} | {others:.1%} | {after:.2f} s |")
        time.sleep(5)
    return lines


def _changed(stand: Stand, options: argparse.Namespace) -> list[str]:
    """One camera is removed and another added."""
    five = Camera(stand.cameras["one"].clip)
    five.start()
    stand.cameras["five"] = five
    named = {name: camera for name, camera in stand.cameras.items() if name != "four"}
    written(stand.folder, named, options.set)
    began = time.monotonic()
    stand.watcher.reload()
    stand.until(lambda rows: "four" not in rows and rows.get("five", {}).get("frames"))
    first_s = time.monotonic() - began
    during = phase(stand, 15, options.rate)
    others = min(during[name]["share"] for name in ("one", "two", "three"))
    return [
        f"| one removed and one added (file read again) | {others:.1%} | its first frame: {first_s:.2f} s |"
    ]


def _has_more(name: str, frames: int, rows: dict[str, dict[str, Any]]) -> bool:
    return bool(rows[name]["frames"] > frames)


def _tail(work: Path) -> str:
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
    parser.add_argument("--cameras", type=int, choices=range(1, 5), default=4)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--rate", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--set", action="append", default=[], metavar="NODE.PARAM=VALUE")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
