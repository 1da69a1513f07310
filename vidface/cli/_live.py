"""Parts of `vidface run` for cameras: options, the name of the folder, how a run ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from vidface.cli._numbers import FiniteRange
from vidface.data.address import MASK, is_address, masked
from vidface.data.telling import unfailing

if TYPE_CHECKING:
    from vidface.graph.run import Run

_OPTIONS = (
    click.option("--realtime", is_flag=True, help="Play a file as if it were live."),
    click.option(
        "--retry",
        default="forever",
        show_default=True,
        metavar="never|N|forever",
        help="How often in a row a lost camera is tried again.",
    ),
    click.option("--rtsp-transport", type=click.Choice(["tcp", "udp"]), default="tcp", show_default=True),
    click.option(
        "--staleness",
        type=FiniteRange(min=0, min_open=True),
        default=0.5,
        show_default=True,
        metavar="SECONDS",
        help="How long a live frame may wait where newer ones are there.",
    ),
)


def live_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of cameras and streams."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def folder_for(clip: str) -> Path:
    """The folder where none is named: the input's name, without what is no part of a name (or secret)."""
    if not is_address(clip) and not clip.startswith("chaos:"):
        return Path(Path(clip).name + ".vidface")
    last = masked(clip, whole=True).partition("?")[0].rstrip("/").rpartition("/")[2].rpartition("@")[2]
    last = "stream" if last == MASK else last
    return Path(last.removeprefix("chaos:").replace(":", "_") + ".vidface")


def tell(text: str) -> None:
    """Say something on standard error while the run goes on, also where that can no longer be written."""
    unfailing(_say)(f"vidface: {text}")


def _say(text: str) -> None:
    click.echo(text, err=True)


def end_on_request(work: Run) -> None:
    """Ctrl-C, and SIGTERM, end a run over a camera as if the camera had; a second one stops it at once."""

    def ask(number: int, _frame: FrameType | None) -> None:
        if not work.info.live:
            raise KeyboardInterrupt
        # In a thread of its own: here any lock may be held by what was interrupted.
        threading.Thread(target=work.finish, name="finish").start()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, _stop)
        if number == signal.SIGINT:
            tell("ends here; Ctrl-C again stops at once.")

    for each in (signal.SIGINT, signal.SIGTERM):
        if each == signal.SIGTERM or work.info.live:
            signal.signal(each, ask)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
