"""Whether a run is a review at all: of what was never tested a report would say that nothing was found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from vidface.errors import UsageError
from vidface.graph.spec import GraphFile, read_text

_SINK: Final = "findings"


def check_tests(file: GraphFile, where: str, outputs: tuple[str, ...] | None = None) -> None:
    """See that a graph makes tests and judges faces by them, in the files that a report is made of.

    Args:
        where: what stands before the error: a graph or a folder.
        outputs: the outputs that are written; None: all.

    Raises:
        UsageError: it has no output `findings`, or none `faces` with a verdict.
    """
    written = {name: one for name, one in file.spec.outputs.items() if outputs is None or name in outputs}
    findings, faces = written.get(_SINK), written.get("faces")
    if findings is None or findings.use != _SINK:
        raise UsageError(
            f"{where} is no review: its graph makes no tests (it has no output `findings`), so there is "
            "nothing to report; run `vidface review CLIP`"
        )
    if faces is None or "verdict" not in faces.wires:
        raise UsageError(
            f"{where} is no review: its graph judges no face (it has no output `faces` with a verdict), so "
            "there is nothing to report; run `vidface review CLIP`"
        )


def check_review(folder: Path, manifest: Mapping[str, Any]) -> None:
    """The same of a finished run, by the graph in its run.json.

    Raises:
        UsageError, GraphError: it is no review, or run.json does not say which graph was run.
    """
    graph, settings = manifest.get("graph"), manifest.get("settings")
    if not isinstance(graph, dict) or not isinstance(settings, dict):
        raise UsageError(f"{folder / 'run.json'}: does not say which graph was run; was it edited?")
    only = settings.get("outputs")
    file = read_text(str(graph.get("text")), str(graph.get("file")))
    check_tests(file, str(folder), None if only is None else tuple(only))
