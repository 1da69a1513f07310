"""Progress: a bar on a terminal, JSON lines for programs, or nothing."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from time import monotonic

import click

from vidface.data.source import SourceInfo

REFRESH_S = 0.2
WIDTH = 30


class Progress:
    """Says how far a run is, how fast it goes and when it will be done.

    Args:
        style: "bar", "json", "none", or "auto": a bar where stderr is a terminal, else nothing.
        info: the input; its duration gives the share that is done.
    """

    def __init__(self, style: str, info: SourceInfo, start: float | None, stop: float | None) -> None:
        terminal = sys.stderr.isatty()
        self._style = ("bar" if terminal else "none") if style == "auto" else style
        first = float(info.start or 0)
        begin = max(start or first, first)
        end = first + float(info.duration) if info.duration is not None else None
        if stop is not None:
            end = stop if end is None else min(end, stop)
        self._begin, self._end = begin, end
        self._frames = 0
        self._zero = monotonic()
        self._said = 0.0

    def update(self, time: Fraction) -> None:
        """One more frame is done; `time` is its time in seconds."""
        self._frames += 1
        now = monotonic()
        if self._style == "none" or now - self._said < REFRESH_S:
            return
        self._said = now
        self._say(self._share(float(time)), now - self._zero)

    def done(self, frames: int) -> None:
        """The run is over."""
        self._frames = frames
        if self._style != "none":
            self._say(1.0, monotonic() - self._zero)
        if self._style == "bar":
            click.echo("", err=True)

    def _share(self, time: float) -> float | None:
        if self._end is None or self._end <= self._begin:
            return None
        return min(1.0, max(0.0, (time - self._begin) / (self._end - self._begin)))

    def _say(self, share: float | None, spent: float) -> None:
        fps = self._frames / spent if spent > 0 else 0.0
        left = spent * (1 - share) / share if share else None
        if self._style == "json":
            line = {
                "frames": self._frames,
                "share": None if share is None else round(share, 4),
                "fps": round(fps, 1),
                "eta_s": None if left is None else round(left, 1),
            }
            click.echo(json.dumps(line), err=True)
            return
        full = round(WIDTH * share) if share is not None else 0
        part = f"{share:4.0%}" if share is not None else "  ? "
        eta = f"{int(left) // 60:d}:{int(left) % 60:02d} left" if left is not None else ""
        bar = "#" * full + "-" * (WIDTH - full)
        click.echo(f"\r[{bar}] {part}  {self._frames} frames  {fps:.1f} fps  {eta}   ", nl=False, err=True)
