"""`vidface eval reenact`: a face animated by a clip, compared with the truth or with source and driver."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from vidface.cli._outfile import check_out, make_folder, write_out
from vidface.errors import UsageError

METHODS: Final = ("static", "affine", "warp", "network")
DRIVES: Final = ("relative", "absolute", "mesh")


@click.command()
@click.argument("clips", nargs=-1, required=True, metavar="CLIP...", type=click.Path())
@click.option("--source", type=click.Path(), metavar="PICTURE|CLIP", help="Another person, whom CLIPs drive.")
@click.option(
    "--source-frame",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Frame of the source; the first from there on with a face is taken.",
)
@click.option(
    "--method", "methods", type=click.Choice(METHODS), multiple=True, help="Only these [all at hand]."
)
@click.option(
    "--drive",
    type=click.Choice(DRIVES),
    default="relative",
    show_default=True,
    help="Motion against the driver's first frame, or as it is; mesh: its very meshes (no --source).",
)
@click.option("--embedder", default="vidface-embed", show_default=True, help="Judge of identity: a model.")
@click.option("--independent", metavar="MODEL|FILE", help="Another judge: a model, or an ONNX file.")
@click.option("--frames", type=click.IntRange(min=10), default=100, show_default=True, help="Of each clip.")
@click.option(
    "--every", type=click.IntRange(min=1), default=1, show_default=True, help="Take one in so many."
)
@click.option(
    "--pictures", "sheets", type=click.Path(path_type=Path), help="Folder for a sheet of each clip (PNG)."
)
@click.option(
    "--videos", "films", type=click.Path(path_type=Path), help="Folder for methods side by side (mp4)."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write .md or .json, by the ending.")
@click.option("--overwrite", is_flag=True, help="Replace the file of --out.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of Markdown.")
def reenact(clips: tuple[str, ...], out: Path | None, overwrite: bool, as_json: bool, **options: Any) -> None:
    """Reenactment measured: each CLIP drives its own first face, or that of --source.

    Driven by itself, a clip is its own truth: L1, PSNR, SSIM, landmarks (AKD). Always: identity (CSIM), pose,
    expression, and how far eyes and mouth follow. A source that stands still and one that is moved by an
    affine map stand in the same table. Pictures and videos written here are marked as synthetic.
    """
    from vidface.cli._reenactreport import ReenactOptions, reenact_json, reenact_markdown, reenact_report

    if options["drive"] == "mesh" and options["source"] is not None:
        raise UsageError("--drive mesh would put the driver's face on --source; take relative or absolute")
    if out is not None:
        check_out(out, (".md", ".json"), overwrite=overwrite)
    for option, folder in (("--pictures", options["sheets"]), ("--videos", options["films"])):
        if folder is not None:
            make_folder(option, folder)
    options["methods"] = tuple(dict.fromkeys(options["methods"]))
    report = reenact_report(clips, ReenactOptions(**options))
    text = "\n".join(reenact_markdown(report))
    # What is on the terminal is not lost where the file cannot be written.
    click.echo(reenact_json(report) if as_json else text)
    if out is not None:
        write_out(out, reenact_json(report) if out.suffix.lower() == ".json" else text + "\n")
