"""Shared: what the lanes of all cameras have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vidface.data.event import EventPost
from vidface.infer.pool import Pool
from vidface.media.live.recorder import Recorder
from vidface.watch.config import CameraPlan


@dataclass(frozen=True, slots=True)
class Shared:
    """What all lanes share.

    Attributes:
        pool: of model sessions.
        post: takes events.
        tell: takes sentences.
        out: folder; each camera has one of its own in it.
        command: for run.json.
        deleted: is told which recordings went by age or size, and where.
        clock: gives the time by which things are old.
    """

    pool: Pool
    post: EventPost
    tell: Callable[[str], None]
    out: Path
    command: tuple[str, ...] = ()
    deleted: Callable[[str, Sequence[Mapping[str, Any]]], None] = lambda _place, _gone: None
    clock: Callable[[], float] = time.time

    def recorder(self, plan: CameraPlan) -> Recorder | None:
        """Records this camera; None where that is not wanted."""
        if plan.record.when == "off":
            return None
        return Recorder(
            self.out / plan.name / "recordings",
            plan.record,
            name=plan.name,
            tell=self.tell,
            rotate=plan.settings.rotate,
            deleted=partial(self.deleted, f"{plan.name}/recordings"),
            clock=self.clock,
        )
