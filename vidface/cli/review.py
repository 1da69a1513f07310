"""`vidface review CLIP`, `vidface review note OUT TEXT`, `vidface review report OUT`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from vidface.cli._sets import rotate_option, set_option, square_option
from vidface.cli.progress import Progress
from vidface.cli.times import SECONDS
from vidface.errors import UsageError

if TYPE_CHECKING:
    from vidface.graph.marking import SignWith

_CLIP: Final = "clip"
_NAMED: Final = 5
"""Altered files that are named in an error."""
DECISIONS: Final = ("authentic", "manipulated", "inconclusive")


class ClipOrCommand(click.Group):
    """A group whose first word may be a clip: what is no command's name goes to the hidden command `clip`.

    A clip that is called like a command is written with its folder: ./note.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the hidden command before anything that is not the name of another, or a call for help."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = [_CLIP, *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The three forms."""
        for number, text in enumerate(("CLIP [OPTIONS]", "note OUT TEXT [OPTIONS]", "report OUT [OPTIONS]")):
            formatter.write_usage("vidface review", text, prefix="Usage: " if number == 0 else "       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of `clip`, which is what people mean, and then the other commands."""
        command = self.commands[_CLIP]
        inner = click.Context(command, info_name=_CLIP, parent=ctx)
        rows = [row for param in command.get_params(inner) if (row := param.get_help_record(inner))]
        with formatter.section("Options of CLIP"):
            formatter.write_dl(rows)
        self.format_commands(ctx, formatter)


def signing(command: Callable[..., None]) -> Callable[..., None]:
    """The options by which run.json is signed."""
    key = click.option(
        "--sign-key",
        type=click.Path(path_type=Path),
        envvar="VIDFACE_SIGN_KEY",
        show_envvar=True,
        help="Sign run.json, and with it the report, with this key (PEM; password in VIDFACE_SIGN_PASSWORD).",
    )
    certificate = click.option(
        "--sign-cert",
        type=click.Path(path_type=Path),
        envvar="VIDFACE_SIGN_CERT",
        show_envvar=True,
        help="The key's certificate (PEM), which names the signer.",
    )
    return certificate(key(command))


@click.group(cls=ClipOrCommand)
def review() -> None:
    """Test the faces of CLIP for manipulation, and write a report of it.

    Every test of graphs/review.yaml is made; those that compare with a person want references: a
    file of `vidface references`, pictures and clips, or a folder of them (--references), or a person of a
    gallery (--claims with --gallery). OUT gets report.html, which opens from disk without a network,
    report.json with the same facts, and the files of the run. The run is a forensic one: the CPU, one
    decoder, and every file's hash in run.json, for `vidface verify`.

    `note` appends a reviewer's note or decision to OUT, and `report` writes the report of OUT again, with its
    notes. A clip of that name is written ./note.
    """


@review.command(_CLIP, hidden=True)
@click.argument("clip", type=click.Path())
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder for the report [CLIP's name + .review]."
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier review, unless it has notes.")
@click.option("--claims", metavar="NAME", help="Whom the clip claims to show.")
@click.option("--gallery", type=click.Path(path_type=Path), help="A gallery with NAME in it.")
@click.option(
    "--references",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="References of the person: a person file, a picture, a clip, a folder; may stand several times.",
)
@click.option(
    "--face",
    "faces",
    multiple=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="The face that is claimed to be the person, by its number in an earlier report; may stand several "
    "times. [the one nearest to the references]",
)
@click.option("--from", "start", type=SECONDS, metavar="TIME", help="Begin here: seconds or HH:MM:SS.sss.")
@click.option("--to", "stop", type=SECONDS, metavar="TIME", help="End before this time.")
@rotate_option
@square_option
@set_option
@click.option("--graph", type=click.Path(), help="Another graph than graphs/review.yaml.")
@click.option("--embed", is_flag=True, help="Put the preview video into report.html (up to 64 MiB).")
@click.option(
    "--progress", type=click.Choice(["auto", "bar", "json", "none"]), default="auto", show_default=True
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors, and what the result lacks.")
@signing
def _clip(clip: str, **options: Any) -> None:
    """Review one clip."""
    from vidface.cli._review import Request, made
    from vidface.graph.marking import SignWith

    folder = options.pop("out") or Path(Path(clip).name + ".review")
    quiet, embed, style = options.pop("quiet"), options.pop("embed"), options.pop("progress")
    request = Request(clip, folder, command=tuple(sys.argv), say=_silent if quiet else _say, **options)
    work = made(request)
    bar = Progress("none" if quiet and style == "auto" else style, work.info, request.start, request.stop)
    with work:
        for tick in work:
            bar.update(tick.time)
    bar.done(work.report.ledger.processed)
    if not quiet:
        click.echo(work.report.table(), err=True)
    _write(folder, SignWith(request.sign_cert, request.sign_key), embed=embed, quiet=quiet)
    _say_absent(folder)


@review.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("text")
@click.option("--by", metavar="NAME", help="Who writes it [the login name].")
@click.option(
    "--track", type=click.IntRange(min=1), metavar="N", help="The face that it is about [the clip]."
)
@click.option("--decision", type=click.Choice(DECISIONS), help="What the reviewer decides.")
def note(out: Path, text: str, by: str | None, track: int | None, decision: str | None) -> None:
    """Append a note (and a decision) to the review in OUT; notes are never changed.

    Each note holds the hash of the one before. The report shows it after `vidface review report OUT`.
    """
    from vidface.graph.notes import add_note
    from vidface.review.reading import read_run

    known = {int(row["track"]) for row in read_run(out).tracks}
    if track is not None and track not in known:
        names = ", ".join(map(str, sorted(known))) or "none"
        raise UsageError(f"--track {track}: {out} has no such face; it has {names}")
    written = add_note(out, text, by=by, track=track, decision=decision)
    click.echo(f"noted by {written.by} at {written.when}; {written.hash}")


@review.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--embed", is_flag=True, help="Put the preview video into report.html (up to 64 MiB).")
@click.option(
    "--altered",
    is_flag=True,
    help="Report also a folder that was altered since the run: the report says so, and is not sealed.",
)
@signing
def report(out: Path, embed: bool, altered: bool, sign_key: Path | None, sign_cert: Path | None) -> None:
    """Write the report of the review in OUT again, with all notes so far.

    Files of the run are held against their hashes in run.json first; where one was altered, is missing or was
    put in there is no report without --altered.
    """
    from vidface.graph.marking import SignWith
    from vidface.review.altered import alterations
    from vidface.review.reading import read_run

    read_run(out)
    found = alterations(out)
    if not found:
        _write(out, SignWith(sign_cert, sign_key), embed=embed, quiet=False)
    elif altered:
        _write_unsealed(out, found, embed=embed)
    else:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise UsageError(
            f"{out} is not what the run left: {', '.join(found[:_NAMED])}{more}. Its report would tell of "
            "altered evidence: bring back the files as they were, or say --altered, and the report names them"
        )


def _write(folder: Path, sign: SignWith, *, embed: bool, quiet: bool) -> None:
    from vidface.graph.custody import SIGNATURE, add_files
    from vidface.review.write import write_report

    signer = sign.signer()
    if signer is None and (folder / SIGNATURE).exists():
        raise UsageError(f"{folder} is signed, and its report with it: --sign-key FILE signs the new one")
    page, facts = write_report(folder, embed=embed)
    try:
        add_files(folder, "report", [page.name, facts.name], sign=None if signer is None else signer.sign)
    except UsageError as error:
        click.echo(f"vidface: the report is written, but not sealed: {error}", err=True)
    if not quiet:
        _tell(page, facts)


def _write_unsealed(folder: Path, altered: tuple[str, ...], *, embed: bool) -> None:
    """The report of a folder that is not what the run left: nobody's signature goes on that."""
    from vidface.review.write import write_report

    page, facts = write_report(folder, embed=embed, altered=altered)
    _say("vidface: the report is written, but not sealed: the folder is not what the run left")
    _tell(page, facts)


def _tell(page: Path, facts: Path) -> None:
    click.echo(json.loads(facts.read_text(encoding="utf-8"))["conclusion"])
    click.echo(click.format_filename(page))


def _say_absent(folder: Path) -> None:
    """A face that was named in vain, also to who wants to hear of errors alone."""
    from vidface.graph.custody import read_manifest
    from vidface.review.claimed import absent, absent_sentence

    if lost := absent_sentence(absent(read_manifest(folder))):
        _say(f"vidface: {lost[:1].lower()}{lost[1:]}")


def _say(text: str) -> None:
    click.echo(text, err=True)


def _silent(text: str) -> None:
    """Keep quiet."""
