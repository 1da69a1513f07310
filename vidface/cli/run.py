"""`vidface run GRAPH CLIP`."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import Any

import click

from vidface.cli._live import end_on_request, folder_for, live_options, tell
from vidface.cli._numbers import FiniteRange
from vidface.cli._sets import rotate_option, set_option, square_option
from vidface.cli.progress import Progress
from vidface.cli.times import SECONDS

MOST_HOLES = 20


@click.command()
@click.argument("graph", type=click.Path(readable=False))
@click.argument("clip", type=click.Path(readable=False))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder for the outputs [CLIP's name + .vidface]."
)
@click.option("--overwrite", is_flag=True, help="Replace what an earlier run wrote.")
@set_option
@click.option("--outputs", metavar="A,B", help="Write only these outputs of the graph.")
@click.option("--device", help="auto, cpu, cuda, cuda:1 or tensorrt; goes before the graph's.")
@click.option("--from", "start", type=SECONDS, metavar="TIME", help="Begin here: seconds or HH:MM:SS.sss.")
@click.option("--to", "stop", type=SECONDS, metavar="TIME", help="End before this time.")
@click.option("--decoder", type=click.Choice(["pyav", "decord"]), default="pyav", show_default=True)
@click.option(
    "--colorspace", type=click.Choice(["bt601", "bt709", "bt2020"]), help="Where the tags are wrong."
)
@rotate_option
@square_option
@click.option(
    "--rate", type=FiniteRange(min=0, min_open=True), help="Frames a second of a folder of pictures."
)
@click.option(
    "--audio",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Sound of FILE instead of CLIP's; one picture is shown as long as it sounds.",
)
@click.option("--no-audio", is_flag=True, help="Leave the sound out of video outputs.")
@click.option(
    "--format", "table", type=click.Choice(["csv", "parquet"]), help="Write faces as a flat table, too."
)
@click.option(
    "--motion", type=click.Path(path_type=Path), help="Apply this motion file instead of measuring again."
)
@click.option("--consent", metavar="TEXT", help="Who agreed to what; a sentence, or a file that says it.")
@click.option(
    "--sign-cert",
    type=click.Path(path_type=Path),
    envvar="VIDFACE_SIGN_CERT",
    show_envvar=True,
    help="Sign synthetic pictures with this certificate (PEM, chain included) [a test one].",
)
@click.option(
    "--sign-key",
    type=click.Path(path_type=Path),
    envvar="VIDFACE_SIGN_KEY",
    show_envvar=True,
    help="Its private key (PEM; password in VIDFACE_SIGN_PASSWORD); signs run.json, too.",
)
@click.option("--forensic", is_flag=True, help="The same bytes again on this machine: CPU, PyAV, one thread.")
@click.option("--trace", type=click.Path(path_type=Path), help="Write a Chrome/Perfetto trace.")
@click.option(
    "--chunk", type=click.IntRange(1, 256), help="Frames handed over at a time; never changes results."
)
@click.option(
    "--progress", type=click.Choice(["auto", "bar", "json", "none"]), default="auto", show_default=True
)
@live_options
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors, and what the result lacks.")
def run(graph: str, clip: str, out: Path | None, progress: str, quiet: bool, **options: Any) -> None:
    """Run GRAPH over CLIP (a video, a picture, a folder of pictures, or the address of a camera).

    Frames are taken with --from <= time < --to, to the microsecond; --to ends the run even where a file that
    was joined begins its clock anew behind it. The folder OUT gets one file per output of the graph, and
    run.json with the account of the run. A camera (rtsp://..., /dev/video0) is watched until Ctrl-C, or for
    --to seconds.
    """
    from vidface.graph.extend import motion_overrides
    from vidface.graph.plan import load
    from vidface.graph.run import run as run_graph

    folder = out or folder_for(clip)
    outputs = options["outputs"] = _names(options["outputs"])
    overrides, motion = options.pop("overrides"), options.pop("motion")
    if motion is not None:
        draft = load(graph, overrides=overrides, check_models=False)
        overrides = (*overrides, *motion_overrides(draft, motion))
    plan = load(graph, overrides=overrides, outputs=outputs)
    signal.signal(signal.SIGTERM, _interrupt)
    work = run_graph(plan, clip, folder, command=tuple(sys.argv), tell=tell, **options)
    end_on_request(work)
    style = "none" if quiet and progress == "auto" else progress
    bar = Progress(style, work.info, options["start"], options["stop"])
    with work:
        for tick in work:
            bar.update(tick.time)
    bar.done(work.report.ledger.processed)
    _say_holes(work.report.ledger.holes)
    _say_lacks(work.info.extra, work.report.facts)
    if not quiet:
        for note in work.notes:
            tell(note)
        click.echo(work.report.table(), err=True)
        click.echo(f"written to {folder}: {', '.join(_files(work.report.facts))}", err=True)


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def _files(facts: dict[str, dict[str, Any]]) -> list[str]:
    """Names of what was written; a folder of pictures is one name with a count."""
    names = [str(name) for fact in facts.values() for name in fact.get("files", ())]
    folders = Counter(name.split("/")[0] for name in names if "/" in name)
    plain = [name for name in names if "/" not in name]
    return [*plain, *(f"{name}/ ({count} files)" for name, count in folders.items()), "run.json"]


def _say_holes(holes: tuple[Any, ...]) -> None:
    if len(holes) > MOST_HOLES:
        click.echo(f"vidface: {len(holes)} holes, all in run.json; the last {MOST_HOLES}:", err=True)
    for hole in holes[-MOST_HOLES:]:
        count = "frames" if hole.frames is None else f"{hole.frames} frames"
        after = "" if hole.after_index < 0 else f" after frame {hole.after_index}"
        when = "" if hole.time is None else f" near {float(Fraction(hole.time)):.3f} s"
        what = "damage" if hole.frames == 0 else f"missing {count}"
        click.echo(f"vidface: {what}{after}{when}: {hole.cause}", err=True)


def _say_lacks(extra: Mapping[str, Any], outputs: Mapping[str, Mapping[str, Any]]) -> None:
    """What is odd about the input's colours and times, and what the outputs lack of it or have otherwise."""
    if "colours" in extra:
        click.echo(f"vidface: the input's colours are {extra['colours']}", err=True)
    for key, text in extra.items():
        if key.startswith("times_"):
            click.echo(f"vidface: the input's times: {text}", err=True)
    for name, facts in outputs.items():
        for note in facts.get("notes", ()):
            click.echo(f"vidface: {name}: {note}", err=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
