"""The command line: `vidface COMMAND`. Each command is a module beside this one, loaded when asked for."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType

import click

from vidface.errors import ExitCode, VidfaceError
from vidface.version import __version__

COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "run": ("run", "Run a graph over a video and write its outputs."),
        "watch": ("watch", "Watch many cameras for days: events, live page, recordings."),
        "check": ("check", "Check a graph without decoding anything."),
        "explain": ("explain", "Say what a graph will do: order, types, look-ahead, devices."),
        "nodes": ("nodes", "List the nodes and sinks, or show one with its parameters."),
        "schema": ("schema", "Print the JSON Schema of the graph file, for editors."),
        "probe": ("probe", "Say what an input is, without decoding it."),
        "inspect": ("inspect", "Say what a file declares of how it was made: C2PA, metadata, marks."),
        "verify": ("verify", "Check that a run's folder is what the run left, and run a part of it again."),
        "review": ("review", "Test a clip's faces for manipulation, and write a report of it."),
        "eval": ("eval", "Measure a result: tracks, meshes, stabilised video, recognition."),
        "meshes": ("meshes", "Work on meshes from files: take the head's motion off."),
        "gallery": ("gallery", "Enrolled people: enrol, find, correct, forget."),
        "references": ("references", "Make a person file from pictures and clips, for identity checks."),
        "bench": ("bench", "Measure speed and memory: decoding, graphs, nodes."),
        "models": ("models", "List, fetch, verify and import models."),
        "doctor": ("doctor", "Say what this machine can do, and why not."),
    }
)


_FULL = frozenset({errno.ENOSPC, errno.EIO, errno.EDQUOT})
"""What the system says of an output that takes no more: a full disk, a broken one, a quota."""


class LazyGroup(click.Group):
    """Knows its commands by name and imports one only when it is called, so that --help is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table above."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command and take the function of its name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"vidface.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command list of --help, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="vidface")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """vidface: the ffmpeg of faces in video.

    A YAML file wires nodes into a graph; every frame goes through it once, in order.
    """


def main() -> None:
    """Entry point: every error ends as one sentence on stderr and the right exit code."""
    # Stages run side by side already; small matrices on all cores at once waited twenty times as long as they
    # took (reenact.speech on 2 busy cores: 157 ms a frame, 8 ms so). Read by NumPy and SciPy as they load.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _open_closed()
    debug = "--debug" in sys.argv[1:]  # wherever it stands, also behind the command
    if not debug:
        sys.excepthook = _bug
    try:
        code = cli.main([word for word in sys.argv[1:] if word != "--debug"], standalone_mode=False)
    except click.exceptions.Abort:
        _end(ExitCode.INTERRUPTED, "interrupted")
    except click.ClickException as error:
        error.show()
        _end(ExitCode.USAGE, None)
    except KeyboardInterrupt:
        _end(ExitCode.INTERRUPTED, "interrupted; what was written is readable")
    except BrokenPipeError:
        _drop_output()
        _end(ExitCode.FAILED, None)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _drop_output()
        _end(ExitCode.FAILED, f"vidface: the output cannot be written: {error.strerror}")
    except VidfaceError as error:
        if debug:
            traceback.print_exc()
        _end(error.exit_code, f"vidface: {error}")
    sys.exit(code if isinstance(code, int) else ExitCode.DONE)


def _open_closed() -> None:
    """A standard stream that the caller closed (`2>&-`) leads nowhere.

    Else `sys.stderr` is None, and the next file that is opened would stand in its place.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number, which is this
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w" if number else "r", encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, nowhere)


def _drop_output() -> None:
    """What still waits to be written goes nowhere: Python would fail on it once more as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    """What nobody foresaw: still one sentence; Python ends with 1 after it."""
    click.echo(f"vidface: this is a bug in vidface: {kind.__name__}: {error}; --debug shows where", err=True)


def _end(code: ExitCode, sentence: str | None) -> None:
    if sentence:
        click.echo(sentence, err=True)
    sys.exit(int(code))
