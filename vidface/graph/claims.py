"""Claims: no two outputs write one file, and none writes one that the run keeps for itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from vidface.graph.custody import CHAIN, MANIFEST, NOTES, SIGNATURE
from vidface.graph.spec import GraphFile

if TYPE_CHECKING:
    from vidface.graph.plan import Outlet

_KEPT: Final = frozenset({CHAIN, MANIFEST, NOTES, SIGNATURE, "report.html", "report.json"})
"""What stands in a run's folder besides its outputs; the report comes with `vidface review`."""


def check_files(file: GraphFile, outlets: Iterable[Outlet]) -> None:
    """Check that every output writes files of its own.

    Raises:
        GraphError: it would write over another output's file, or over one that the run keeps.
    """
    claims: dict[str, Outlet] = {}
    for outlet in outlets:
        for name in outlet.sink.files(outlet.name):
            other = claims.setdefault(name, outlet)
            place = ("outputs", outlet.name)
            if name in _KEPT:
                text = f"the output {outlet.name!r} would write {name}, which a run keeps for itself"
                raise file.document.error(f"{text}; give it another name", place, at_key=True)
            if other is not outlet:
                text = f"the outputs {other.name!r} and {outlet.name!r} would both write {name}"
                raise file.document.error(f"{text}; give one of them another name", place, at_key=True)
