"""Consent: who agreed that pictures of a person are made; asked for before anything is decoded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidface.errors import GraphError, UsageError, VidfaceError
from vidface.graph.lineage import files_of
from vidface.graph.plan import Plan

_OPTION = "--consent"
_FEWEST_WORDS = 3


@dataclass(frozen=True, slots=True)
class Consent:
    """What was stated.

    Attributes:
        text: the sentence, or the path of the file that holds the statement.
        given_in: "graph" or "command line".
        sha256: of the file; None for a sentence.
        path: where that file lies; None for a sentence.
    """

    text: str
    given_in: str
    sha256: str | None = None
    path: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values for run.json."""
        kind = "statement" if self.sha256 is None else "file"
        facts = {kind: self.text, "given_in": self.given_in}
        return facts if self.sha256 is None else facts | {"sha256": self.sha256}


def consent_of(plan: Plan, given: str | None) -> Consent | None:
    """The consent of the command line or else of the graph file; None where none is stated or needed.

    Raises:
        GraphError: a node needs it and none is stated, or the graph states nothing that could be one.
        UsageError: what was given on the command line cannot be one, or the graph's speaks of other files.
    """
    if given is not None:
        return _read(given, Path(), "command line", lambda text: UsageError(f"{_OPTION}: {text}"))
    document, stated = plan.file.document, plan.file.spec.consent
    if stated is not None:
        _check_same_files(plan)
        folder = plan.file.folder or Path()
        return _read(stated, folder, "graph", lambda text: document.error(f"consent: {text}", ("consent",)))
    for step in plan.steps:
        if step.node.needs_consent:
            raise _missing(plan, step.name, step.use)
    return None


def _check_same_files(plan: Plan) -> None:
    """A consent in a graph speaks of the pictures that the graph names, not of those put in their place.

    Raises:
        UsageError: an override names another file for a node that needs consent.
    """
    needing = tuple(step for step in plan.steps if step.node.needs_consent)
    # A motion is like the input: it drives, and shows nobody.
    named = {item.name for item in files_of(needing) if item.field != "motion"}
    for text in plan.file.overrides:
        if text.partition("=")[0].strip() in named:
            raise UsageError(
                f"--set {text}: the consent in {plan.file.name} speaks of the file that stands there; "
                f"say who agreed for this one with {_OPTION} TEXT"
            )


def _missing(plan: Plan, name: str, use: str) -> GraphError:
    return plan.file.document.error(
        f"{name} ({use}) makes pictures of a person, and nothing says who agreed to that; add the line "
        f'`consent: "who agreed to what, and when"` (or the path of a file that says it) to the top level '
        f"of the graph, or give {_OPTION} TEXT",
        ("nodes", name),
        at_key=True,
    )


def at_home(text: str) -> Path:
    """A path whose leading ~ stands for a user's folder; as it is where there is no such user."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def _read(text: str, folder: Path, given_in: str, error: Any) -> Consent:
    """What names a file (from `folder`) is one; anything else must be a sentence of some words."""
    words = text.split()
    path = folder / at_home(text.strip())
    fault: VidfaceError
    try:
        if words and path.is_file():
            content = path.read_bytes()
            if content.strip():
                return Consent(text.strip(), given_in, hashlib.sha256(content).hexdigest(), path)
            fault = error(f"the file {text.strip()} is empty; it should say who agreed to what")
            raise fault
    except OSError as trouble:
        if len(words) < _FEWEST_WORDS:
            fault = error(f"{text.strip()} cannot be read ({trouble.strerror})")
            raise fault from None
    if len(words) < _FEWEST_WORDS:
        fault = error(
            f"wanted a sentence that says who agreed to what, or the path of a file that says it, "
            f"but found {text!r}, which is no file"
        )
        raise fault
    return Consent(text.strip(), given_in)
