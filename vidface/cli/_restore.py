"""`vidface eval restore`: clean clips made bad, restored, and compared with what they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from vidface.cli._numbers import FiniteRange
from vidface.cli._outfile import check_out, make_folder, write_out

LEVELS: Final = ("mild", "medium", "heavy")
METHODS: Final = ("bicubic", "lanczos+unsharp", "opencv-denoise", "vidface")


@click.command()
@click.argument("clips", nargs=-1, required=True, metavar="CLIP...", type=click.Path())
@click.option("--level", type=click.Choice(LEVELS), default="medium", show_default=True, help="How bad.")
@click.option("--graph", default="restore", show_default=True, help="Graph behind the method vidface.")
@click.option("--set", "overrides", multiple=True, metavar="NODE.PARAM=VALUE", help="Parameter of the graph.")
@click.option(
    "--method",
    "methods",
    type=click.Choice(METHODS),
    multiple=True,
    help="Only bicubic and these, repeated [all].",
)
@click.option("--embedder", default="vidface-embed", show_default=True, help="Judge of identity: a model.")
@click.option("--independent", metavar="MODEL|FILE", help="Another judge: a model, or an ONNX file.")
@click.option(
    "--reference",
    "references",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A picture of a person in the clips, for the identity guard; repeat for several.",
)
@click.option("--frames", type=click.IntRange(min=3), default=100, show_default=True, help="Of each clip.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the noise.")
@click.option("--fit", is_flag=True, help="Shrink clips first until a face's crop has 256 px.")
@click.option(
    "--least-px",
    type=FiniteRange(min=16),
    default=128,
    show_default=True,
    help="Leave out faces whose crop shows fewer pixels a side.",
)
@click.option(
    "--pictures",
    "sheets",
    type=click.Path(path_type=Path),
    help="Folder for a picture of each clip: methods in their order side by side, the clean clip last.",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write .json or .csv, by the ending.")
@click.option("--overwrite", is_flag=True, help="Replace the file of --out.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of tables.")
def restore(clips: tuple[str, ...], out: Path | None, overwrite: bool, as_json: bool, **options: Any) -> None:
    """Restoration measured: degrade clean CLIPs, restore them, compare with what they were.

    Baselines stand in the same table. PSNR (equal pictures count 100 dB), SSIM, identity (IDS) with one or
    two embedders, landmarks (AKD, TLME), warp error, flicker and jitter, for each folder and over all.
    """
    from vidface.cli._restorereport import RestoreOptions, restore_report
    from vidface.cli._restoretext import restore_csv, restore_json, restore_text

    if out is not None:
        check_out(out, (".json", ".csv"), overwrite=overwrite)
    if options["sheets"] is not None:
        make_folder("--pictures", options["sheets"])
    options["methods"] = tuple(dict.fromkeys(options["methods"])) or METHODS
    report = restore_report(clips, RestoreOptions(**options))
    # What is on the terminal is not lost where the file cannot be written.
    click.echo(restore_json(report) if as_json else "\n".join(restore_text(report)))
    if out is not None:
        write_out(out, restore_csv(report) if out.suffix.lower() == ".csv" else restore_json(report))
