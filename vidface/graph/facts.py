"""Facts for run.json: what the input, the models and the packages were."""

from __future__ import annotations

import hashlib
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from vidface.data.address import masked
from vidface.data.device import Device
from vidface.data.digest import sha256_of
from vidface.data.source import Source, SourceInfo
from vidface.graph.leavings import PLANNED, planned
from vidface.graph.load_node import names_file
from vidface.graph.plan import Plan
from vidface.graph.settings import Settings
from vidface.version import __version__

PACKAGES = (
    "av",
    "numpy",
    "opencv-python-headless",
    "onnxruntime",
    "onnxruntime-gpu",
    "scipy",
    "torch",
    "pydantic",
    "pyyaml",
    "norfair",
    "decord",
    "usearch",
    "c2pa-python",
    "cryptography",
)


def run_facts(
    plan: Plan, source: Source, clip: Path, settings: Settings, devices: dict[str, Device]
) -> dict[str, Any]:
    """The part of run.json that is known before the first frame."""
    return {
        "command": [masked(word, whole=True) for word in settings.command],
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "graph": {
            "file": plan.file.name,
            "sha256": plan.file.sha256,
            "overrides": list(plan.file.overrides),
            "text": plan.file.text,
            "node_files": node_files(plan),
        },
        "input": input_facts(source.info, clip),
        "from": settings.start,
        "to": settings.stop,
        "settings": settings.to_json(),
        "decoder": source.info.decoder,
        "devices": {name: {"device": str(item), "reason": item.reason} for name, item in devices.items()},
        PLANNED: planned(plan.outlets),
        "models": model_facts(plan, trust_stamp=not settings.forensic),
        "packages": package_facts(),
        "machine": machine_facts(),
    }


def input_facts(info: SourceInfo, clip: Path) -> dict[str, Any]:
    """The container's own words on the input, with exact fractions as text."""
    facts = {key: _plain(value) for key, value in asdict(info).items()}
    facts["path"] = info.name
    facts["bytes"] = clip.stat().st_size if clip.is_file() else None
    return facts


def node_files(plan: Plan) -> dict[str, str]:
    """SHA-256 of the Python files that nodes and sinks of the graph come from, as the graph names them."""
    names = [step.use for step in plan.steps] + [outlet.use for outlet in plan.outlets]
    folder = plan.file.folder or Path()
    return {name: sha256_of(folder / name) for name in names if names_file(name)}


def model_facts(plan: Plan, *, trust_stamp: bool = True) -> list[dict[str, Any]]:
    """Name, hash and licence of every model that the nodes load; see `weights.verify` for the stamp."""
    from vidface.infer import weights

    found = [weights.verify(name, trust_stamp=trust_stamp) for name in plan.models]
    return [
        {
            "name": item.entry.manifest.name,
            "file": item.path.name,
            "bytes": item.size,
            "sha256": item.sha256,
            "files": dict(item.files),
            "verified": item.verified,
            "licence": item.entry.manifest.licence.id,
            "licence_class": item.entry.manifest.licence.class_,
        }
        for item in found
    ]


def package_facts() -> dict[str, str]:
    """Versions of what the numbers depend on; a package that is not installed is left out.

    Of vidface the one of the code that runs: what pip noted of a checkout grows old.
    """
    found = {"python": platform.python_version(), "platform": platform.platform(), "vidface": __version__}
    for name in PACKAGES:
        try:
            found[name] = _version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _version(name: str) -> str:
    """`metadata.version` reads a whole mail for it, long description and all, at 6 ms a package."""
    head = (metadata.distribution(name).read_text("METADATA") or "").partition("\n\n")[0].splitlines()
    stated = next((line for line in head if line.startswith("Version:")), None)
    return metadata.version(name) if stated is None else stated.partition(":")[2].strip()


def machine_facts() -> dict[str, Any]:
    """What else the numbers depend on: decoders and encoders, the processor, vidface's own code."""
    from vidface.media.abilities import libraries

    return {
        "libav": libraries(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "code_sha256": code_digest(),
    }


def processor() -> str:
    """Its name, as the machine states it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    found = {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in reversed(lines)}
    return found.get("model name") or platform.processor() or platform.machine()


def code_digest() -> str:
    """SHA-256 over vidface's Python files: of each its path and its bytes, in the order of the paths."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)
