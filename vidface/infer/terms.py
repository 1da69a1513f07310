"""What a user accepts when fetching weights, held against a model's licence."""

from __future__ import annotations

from typing import Literal

from vidface.errors import UsageError
from vidface.infer.manifest import Licence, Manifest

Terms = Literal["permissive", "research", "any"]


def accepts(terms: Terms, licence: Licence) -> bool:
    """Whether these terms cover the licence: "research" includes "permissive", "any" everything."""
    covered = {
        "permissive": ("permissive",),
        "research": ("permissive", "research"),
        "any": ("permissive", "copyleft", "research", "unknown"),
    }
    return licence.class_ in covered[terms]


def check_terms(manifest: Manifest, terms: Terms, *, allow_unverified: bool = False) -> None:
    """Refuse a model whose licence goes beyond what the user accepts, or that cannot be verified.

    Raises:
        UsageError: names the licence and the option that accepts it.
    """
    licence = manifest.licence
    if not accepts(terms, licence):
        words = {
            "research": "is not for commercial use",
            "copyleft": "obliges you to pass its terms on",
            "unknown": "states no terms of use",
            "permissive": "",
        }[licence.class_]
        option = "research" if licence.class_ == "research" else "any"
        raise UsageError(
            f"{manifest.name} {words} (licence: {licence.id}). If you may use it, run "
            f"`vidface models pull {manifest.name} --license {option}`."
        )
    if not manifest.verifiable and not allow_unverified:
        raise UsageError(
            f"{manifest.name} cannot be verified: its publisher states no digest. "
            "`--allow-unverified` takes it as it comes and remembers its digest from then on."
        )
