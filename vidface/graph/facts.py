"""Facts for run.json: what the input, the models and the packages were."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from vidface.data.source import SourceInfo
from vidface.graph.plan import Plan

PACKAGES = (
    "vidface",
    "av",
    "numpy",
    "opencv-python-headless",
    "onnxruntime",
    "onnxruntime-gpu",
    "scipy",
    "torch",
)


def input_facts(info: SourceInfo, clip: Path) -> dict[str, Any]:
    """The container's own words on the input, with exact fractions as text."""
    facts = {key: _plain(value) for key, value in asdict(info).items()}
    facts["path"] = info.name
    facts["bytes"] = clip.stat().st_size if clip.is_file() else None
    return facts


def model_facts(plan: Plan) -> list[dict[str, Any]]:
    """Name, hash and licence of every model that the nodes load."""
    from vidface.infer import weights

    found = [weights.verify(name) for name in plan.models]
    return [
        {
            "name": item.entry.manifest.name,
            "file": item.path.name,
            "bytes": item.size,
            "sha256": item.sha256,
            "verified": item.verified,
            "licence": item.entry.manifest.licence.id,
            "licence_class": item.entry.manifest.licence.class_,
        }
        for item in found
    ]


def package_facts() -> dict[str, str]:
    """Versions of what the numbers depend on; a package that is not installed is left out."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)
