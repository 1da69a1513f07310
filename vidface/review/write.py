"""Writing a report: report.html and report.json in the run's folder, the same each time."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from vidface.review.facts import report_facts
from vidface.review.made import check_review
from vidface.review.page import page
from vidface.review.reading import Material, read_run
from vidface.sinks._files import write_private

PAGE: Final = "report.html"
FACTS: Final = "report.json"
EMBED_MOST: Final = 64 << 20
"""Bytes of a preview that may be put into the page."""


def write_report(folder: Path, *, embed: bool = False, altered: Sequence[str] = ()) -> tuple[Path, Path]:
    """Write (again) the report of a run's folder.

    Names and notes that are no text (bytes of a file name, surrogates) are told by their codes.

    Args:
        embed: put the preview into the page instead of naming the file beside it.
        altered: what of the folder is not what the run left, for the report to say; see `alterations`.

    Returns:
        Paths of the page and of the facts.

    Raises:
        UsageError: the folder holds no run, or one that is no review.
        OutputError: a file cannot be written.
    """
    run = replace(read_run(folder), altered=tuple(altered))
    check_review(folder, run.manifest)
    facts = report_facts(run)
    text = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False)
    # Of a lone surrogate "backslashreplace" makes the escape that JSON has for it: nothing is lost.
    write_private(folder / FACTS, text.encode(errors="backslashreplace") + b"\n")
    shown = facts | {"preview": _played(facts["preview"], run, embed=embed)}
    write_private(folder / PAGE, page(shown, run).encode(errors="backslashreplace"))
    return folder / PAGE, folder / FACTS


def _played(preview: dict[str, Any] | None, run: Material, *, embed: bool) -> dict[str, Any] | None:
    """The preview with what the page plays: a name beside it, or the file itself."""
    if preview is None:
        return None
    path = (run.folder / preview["file"]).resolve()
    if not path.is_relative_to(run.folder.resolve()):
        return None
    source = "./" + urllib.parse.quote(preview["file"])
    if embed and path.is_file() and path.stat().st_size <= EMBED_MOST:
        source = "data:video/mp4;base64," + base64.b64encode(path.read_bytes()).decode()
    return preview | {"source": source}
