"""`vidface eval deepfake`: the tests of forensics and their verdict on clips of known origin."""

from __future__ import annotations

from pathlib import Path

import click

from vidface.cli._outfile import check_out, make_folder, write_out


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for findings and person files; reused.")
@click.option("--model", default="vidface-verdict", show_default=True, help="The fusion of the tests.")
@click.option(
    "--resamples", type=click.IntRange(min=0), default=1000, show_default=True, help="Of intervals."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write .md or .json, by the ending.")
@click.option("--overwrite", is_flag=True, help="Replace the file of --out.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of Markdown.")
def deepfake(
    manifest: Path,
    *,
    keep: Path | None,
    model: str,
    resamples: int,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Each test and the verdict measured on the clips of MANIFEST, with and without references.

    MANIFEST is a CSV with a header line, lines of JSON (.jsonl), or the manifest.json of
    tests/bench/fakes.py: file (from the manifest's folder), label (real or fake: how the clip was made, the
    same in all its rows); where known claim,
    references (files or folders, `;` between them, or a person file), body and face (persons, for the
    intervals), crf, method and protocol. AUC, EER, balanced accuracy, calibration, and what opinions are
    worth.
    """
    from tempfile import TemporaryDirectory

    from vidface.cli._deepfakereport import deepfake_report
    from vidface.cli._deepfaketext import deepfake_json, deepfake_markdown

    if out is not None:
        check_out(out, (".md", ".json"), overwrite=overwrite)
    if keep is not None:
        make_folder("--keep", keep)
    with TemporaryDirectory() as spare:
        report = deepfake_report(manifest, keep or Path(spare), model=model, resamples=resamples)
    text = "\n".join(deepfake_markdown(report))
    # What is on the terminal is not lost where the file cannot be written.
    click.echo(deepfake_json(report) if as_json else text)
    if out is not None:
        write_out(out, deepfake_json(report) if out.suffix.lower() == ".json" else text + "\n")
