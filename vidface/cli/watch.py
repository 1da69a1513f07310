"""`vidface watch CAMERAS.YAML`."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

import click

from vidface.cli._live import tell
from vidface.cli._numbers import FiniteRange
from vidface.data.address import masked
from vidface.errors import InputError, UsageError

if TYPE_CHECKING:
    from vidface.watch.config import Config
    from vidface.watch.watcher import Watcher
    from vidface.web.server import Server
    from vidface.web.settings import HttpSettings

_TICK_S: Final = 1.0


@click.command()
@click.argument("config", type=click.Path(path_type=Path), metavar="CAMERAS.YAML")
@click.option("--check", is_flag=True, help="Check the file, graphs and models; no camera is called.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder for what is written [out: of the file]."
)
@click.option("--http", metavar="ADDRESS", help="Serve the live page here, e.g. 127.0.0.1:8080.")
@click.option(
    "--for",
    "seconds",
    type=FiniteRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End after so long.",
)
def watch(config: Path, check: bool, out: Path | None, http: str | None, seconds: float | None) -> None:
    """Watch all cameras of CAMERAS.YAML until Ctrl-C or SIGTERM.

    Each camera has the graph of the file over it; models are shared. A camera that is lost is called again
    for ever, and never slows the others. SIGHUP reads the file again, and the certificate of the live page:
    cameras are added, removed and changed while the others go on. The folder gets watch.json (the account of
    each camera), events/ and a folder for each camera.
    """
    if not check:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it asks to read what is just about to be read

    from vidface.watch.check import summary
    from vidface.watch.config import Config

    found = Config.read(config, os.environ, elsewhere=None if out is None else out.resolve())
    page = _page(found, http)
    if check:
        if page is not None:
            page.place(os.environ)
        lines = summary(found)
        click.echo("\n  ".join([f"{config}: sound; cameras:", *lines]))
        return
    _watch(found, page, seconds)


def _page(config: Config, address: str | None) -> HttpSettings | None:
    """Settings of the live page; what the command line says goes before the file."""
    from vidface.web.settings import HttpSettings, split_address

    if address is None:
        return config.spec.http
    try:
        split_address(address)
    except ValueError as error:
        raise UsageError(f"--http: {error}") from None
    return (config.spec.http or HttpSettings()).model_copy(update={"address": address})


def _watch(config: Config, page: HttpSettings | None, seconds: float | None) -> None:
    command = tuple(masked(word, whole=True) for word in sys.argv)
    with _signals() as inbox:  # from here on: neither loading nor closing is cut short
        from vidface.watch.board import WatchBoard
        from vidface.watch.watcher import Watcher
        from vidface.web.server import Server

        watcher = Watcher(config, tell=tell, command=command)
        server = None
        try:
            if page is not None:
                server = Server(WatchBoard(watcher), page, tell=tell)
                server.start()
                tell(f"the live page is at {server.url}")
            cameras = ", ".join(plan.name for plan in config.cameras)
            tell(f"watches {cameras}; see {watcher.folder.path}/watch.json")
            given_up = _serve(watcher, inbox, seconds, server)
        finally:
            if server is not None:
                server.stop()
            watcher.close()
    if given_up:
        raise InputError("no camera is left to watch: each was given up; watch.json says why.")


def _serve(watcher: Watcher, inbox: int, seconds: float | None, server: Server | None = None) -> bool:
    """Until a signal says so, the time is over, or no camera is left; whether that was it."""
    until = None if seconds is None else time.monotonic() + seconds
    left = 0.0
    while True:
        ready, _, _ = select.select([inbox], [], [], left)
        came = os.read(inbox, 64) if ready else b""
        if signal.SIGINT in came or signal.SIGTERM in came:
            tell("ends here; Ctrl-C again stops at once.")
            return False
        if came:
            watcher.reload()
            if server is not None:
                server.renew()
        if until is not None and time.monotonic() >= until:
            return False
        watcher.tick()
        if watcher.settled():
            return True
        left = _TICK_S if until is None else max(0.0, min(_TICK_S, until - time.monotonic()))


@contextmanager
def _signals() -> Iterator[int]:
    """A pipe that gives the number of each signal that came: a handler itself may touch no lock.

    Whoever asks a second time for the end has it at once.
    """
    inbox, outbox = os.pipe()
    os.set_blocking(outbox, False)

    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGHUP:
            if asked:
                raise KeyboardInterrupt
            asked.append(number)
        os.write(outbox, bytes([number]))

    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield inbox
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(inbox)
        os.close(outbox)
