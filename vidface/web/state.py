"""Newsroom: what the board knows, as plain values, asked for once however many look."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from vidface.data.plain import plain
from vidface.version import __version__
from vidface.web.board import Board, CameraView, Health, Told

T = TypeVar("T")
HealthState = Literal["ok", "degraded", "failing"]
_FRESH_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class News:
    """The state at a moment: without that moment's time, and as a line with it."""

    text: str
    line: bytes


class Newsroom:
    """Belongs to one event loop; the board is asked from threads of its own, since it may read files."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="page-board")
        self._lock = asyncio.Lock()
        self._news: News | None = None
        self._until = 0.0

    async def ask(self, question: Callable[[], T]) -> T:
        """Let a thread call the board."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, question)

    async def state(self) -> News:
        """Cameras, health, and the number of the latest event; at most a second old."""
        async with self._lock:
            if self._news is None or time.monotonic() >= self._until:
                self._news = await self.ask(self._look)
                self._until = time.monotonic() + _FRESH_S
            return self._news

    def close(self) -> None:
        """End the threads; safe to call twice."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _look(self) -> News:
        state = state_row(self.board)
        text = json.dumps(state, allow_nan=False)
        told = json.dumps({"state": {**state, "now": round(time.time(), 3)}}, allow_nan=False)
        return News(text, told.encode() + b"\n")


def state_row(board: Board) -> dict[str, Any]:
    """Everything but pictures and events."""
    cameras = board.cameras()
    health = board.health()
    latest = board.events(1)
    return {
        "version": __version__,
        "health": health_row(cameras, health),
        "cameras": [camera_row(one) for one in cameras],
        "event": latest[0].number if latest else None,
    }


def health_of(cameras: Any, health: Health) -> HealthState:
    """failing: the program says so; degraded: it does, or a camera is not watched that should be."""
    if health.failing:
        return "failing"
    lost = any(one.status in ("lost", "stopped") or one.overdue for one in cameras)
    return "degraded" if lost or health.notes else "ok"


def health_row(cameras: Any, health: Health) -> dict[str, Any]:
    """Plain values."""
    return {
        "state": health_of(cameras, health),
        "since": round(health.since_utc_s, 3),
        "notes": list(health.notes),
    }


def camera_row(view: CameraView) -> dict[str, Any]:
    """Plain values."""
    return {
        "name": view.name,
        "status": view.status,
        "since": round(view.since_utc_s, 3),
        "why": view.why,
        "size": None if view.size is None else list(view.size),
        "rate": None if view.rate is None else plain(view.rate, 1),
        "faces": view.faces,
        "frames": view.frames,
        "dropped": dict(view.dropped),
        "connections": view.connections,
        "latency_ms": {name: plain(value, 1) for name, value in view.latency_ms.items()},
        "steps": list(view.steps),
        "recording": view.recording,
    }


def told_row(told: Told) -> dict[str, Any]:
    """The event with its number and the address of its picture's name; NaN becomes null."""
    row: Mapping[str, Any] = json.loads(json.dumps(dict(told.row)), parse_constant=_nothing)
    return {**row, "number": told.number, "shot": told.shot}


def _nothing(_name: str) -> None:
    """JSON has neither NaN nor infinities."""
