"""Marking: whatever a run makes says that it was made, by what, from what, and with whose consent."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidface.data.digest import readable_sha256
from vidface.data.provenance import Ingredient, Provenance
from vidface.errors import UsageError
from vidface.graph.consent import Consent, consent_of
from vidface.graph.folder import RunFolder
from vidface.graph.lineage import FileField, files_of, hiders_of, makers_of, provenance_of
from vidface.graph.plan import Plan

if TYPE_CHECKING:
    from vidface.media.certificate import Identity
    from vidface.media.signature import Signer

PASSWORD = "VIDFACE_SIGN_PASSWORD"
"""Environment variable with the password of an encrypted key: a command line is seen by others."""


@dataclass(frozen=True, slots=True)
class SignWith:
    """The user's key and its certificate (PEM files); run.json can be signed without a certificate."""

    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if self.certificate is not None and self.key is None:
            raise UsageError("--sign-cert and --sign-key belong together, but --sign-key is not given")

    def signer(self) -> Signer | None:
        """Who signs run.json; None where nobody does.

        Raises:
            UsageError: the key cannot be read, or is not that of the certificate.
        """
        from vidface.media.signature import signer_of

        if self.key is None:
            return None
        return signer_of(self.key, self.certificate, password=os.environ.get(PASSWORD))

    def identity(self) -> Identity:
        """The user's, or a new test one.

        Raises:
            UsageError: C2PA cannot sign with it, or c2pa-python is not installed.
        """
        from vidface.media.certificate import made_identity, own_identity
        from vidface.media.credentials import check_identity, library

        library()
        if self.key is None:
            return made_identity()
        if self.certificate is None:
            raise UsageError(
                "synthetic pictures are signed with a certificate, but --sign-cert is not given: "
                "--sign-cert and --sign-key belong together"
            )
        found = own_identity(self.certificate, self.key, password=os.environ.get(PASSWORD))
        check_identity(found)
        return found


class Marking:
    """What a run says of what it makes; made, with all checks, before anything is decoded.

    Args:
        writes: the run writes files; else only consent is asked for.
        forensic: also tell the SHA-256 before signing: a signature is never the same twice.

    Raises:
        GraphError: no consent where one is needed.
        UsageError: the files could not be signed.
    """

    def __init__(
        self, plan: Plan, *, consent: str | None, sign: SignWith, writes: bool, forensic: bool = False
    ) -> None:
        self._forensic = forensic
        self.consent: Consent | None = consent_of(plan, consent)
        self._plan = plan
        self._made: dict[str, Provenance] = {}
        self._identity: Identity | None = None
        self._sources = (
            [(item, readable_sha256(item.path)) for item in files_of(plan.steps)] if writes else []
        )
        if writes and any(step.node.generates for step in plan.steps):
            self._made = _provenances(plan)
        if self._made:
            self._identity = sign.identity()

    def provenance(self, output: str) -> Provenance | None:
        """Of an output's pictures; None where they are not synthetic."""
        return self._made.get(output)

    def hidden_by(self, output: str) -> tuple[str, ...]:
        """Nodes that hid people in an output's pictures."""
        outlet = next(item for item in self._plan.outlets if item.name == output)
        return hiders_of(self._plan, outlet)

    def facts(self, clip: str) -> dict[str, Any]:
        """For run.json: consent, sources, driver, who signs."""
        return {
            "consent": None if self.consent is None else self.consent.to_json(),
            "sources": [_source_facts(item, digest) for item, digest in self._sources],
            "driver": {"name": _short(clip), "sha256": None},
            "signed_by": None if self._identity is None else self._identity.to_json(),
        }

    def sign(
        self,
        output: str,
        facts: dict[str, Any],
        *,
        folder: Path,
        inputs: Callable[[], tuple[Ingredient, ...]],
    ) -> dict[str, Any]:
        """Sign the finished pictures and videos of an output; the output's facts with what was done.

        Args:
            inputs: gives the run's input and sound as ingredients; asked only where something is signed.

        Raises:
            OutputError: a file could not be signed; it is complete all the same.
        """
        made = self._made.get(output)
        if made is None or self._identity is None:
            return facts
        from vidface.media import credentials

        paths = [folder / str(name) for name in facts.get("files", ())]
        paths = [path for path in paths if credentials.signable(path)]
        if not paths:
            return facts
        made = made.made_from(self._ingredients(output, made, inputs()))
        before: dict[str, str | None] = {}
        manifests: dict[str, str] = {}
        beside: list[str] = []
        for path in paths:
            name = path.relative_to(folder).as_posix()
            if self._forensic:
                before[name] = readable_sha256(path)
            signed = credentials.sign(path, made, self._identity)
            manifests[name] = signed.manifest
            if signed.manifest != credentials.IN_FILE:
                beside.append(credentials.sidecar(path).relative_to(folder).as_posix())
        files = [*facts["files"], *beside]
        facts = facts | {"files": files, "provenance": made.to_json(), "manifests": manifests}
        return facts | {"unsigned_sha256": before} if self._forensic else facts

    def _ingredients(
        self, output: str, made: Provenance, inputs: tuple[Ingredient, ...]
    ) -> tuple[Ingredient, ...]:
        """Driver, sound, and the files that generating nodes of this output name."""
        outlet = next(item for item in self._plan.outlets if item.name == output)
        used = {step.name for step in makers_of(self._plan, outlet) if step.node.generates}
        files = [
            Ingredient(item.path.name, "input", item.name, digest, item.path if item.path.is_file() else None)
            for item, digest in self._sources
            if item.step.name in used
        ]
        return (*_as_parts(inputs, created=made.created), *files)


def driver(clip: Path, name: str, sha256: str | None) -> Ingredient:
    """The run's input as an ingredient; `clip` may be an address or a folder."""
    return Ingredient(_short(name), "parent", "driver", sha256, clip if clip.is_file() else None)


def _short(name: str) -> str:
    """Last part of a path or address, without what an address asks for (which may be a password)."""
    return Path(name.partition("?")[0] if "://" in name else name).name or name


def _as_parts(inputs: tuple[Ingredient, ...], *, created: bool) -> list[Ingredient]:
    """The input is what was changed, or only steered what was made."""
    return [
        Ingredient(item.name, "input" if created else item.role, item.used_as, item.sha256, item.path)
        for item in inputs
    ]


def _provenances(plan: Plan) -> dict[str, Provenance]:
    from vidface.infer import weights

    models: Mapping[str, str] = {name: weights.verify(name).sha256 for name in plan.models}
    found = {outlet.name: provenance_of(plan, outlet, models) for outlet in plan.outlets}
    return {name: made for name, made in found.items() if made is not None}


def _source_facts(item: FileField, digest: str | None) -> dict[str, Any]:
    return {
        "node": item.step.name,
        "use": item.step.use,
        "field": item.field,
        "name": item.path.name,
        "path": str(item.path),
        "sha256": digest,
    }


def inputs_of(
    folder: RunFolder, clip: Path, name: str, heard: dict[str, Any] | None
) -> tuple[Ingredient, ...]:
    """What went into the run: its input, and the sound that stands in for the input's."""
    own = driver(clip, name, folder.input_sha256())
    if heard is None:
        return (own,)
    path = Path(heard["path"])
    return (own, Ingredient(path.name, "input", "audio", heard["sha256"], path))
