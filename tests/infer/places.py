"""Writes manifests for tests."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

from vidface.infer.manifest import Manifest


def facts(name: str, /, **changes: Any) -> dict[str, Any]:
    """The fields of a small, sound manifest, with changes on top."""
    return {
        "name": name,
        "title": "A model for tests",
        "task": "detect",
        "family": "double",
        "licence": {"id": "MIT", "class": "permissive"},
        "files": [{"name": "model.onnx"}],
        "contract": {
            "inputs": [{"shape": ["N", 3, "H", "W"], "layout": "NCHW", "channels": "rgb"}],
            "outputs": [{"shape": ["N", 3, "H", "W"], "meaning": "twice the input"}],
        },
        "source": "made up",
        **changes,
    }


def put(folder: Path, name: str, /, *, data: bytes | None = None, **changes: Any) -> Manifest:
    """Write the manifest folder/NAME/manifest.yaml; `data` fills in size and sha256 of its file."""
    fields = facts(name, **changes)
    if data is not None:
        fields["files"][0] |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    place = folder / name
    place.mkdir(parents=True)
    (place / "manifest.yaml").write_text(yaml.safe_dump(fields, sort_keys=False), encoding="utf-8")
    return Manifest.model_validate(fields)


def restorer(folder: Path, name: str, data: bytes, /, **changes: Any) -> Manifest:
    """Write manifest and weights of a model for the task restore, pictures in [-1, 1]."""
    contract: dict[str, Any] = {
        "inputs": [
            {
                "shape": ["N", 3, "H", "W"],
                "layout": "NCHW",
                "channels": "rgb",
                "divide": 127.5,
                "mean": [1.0],
                "template": "ffhq512",
            }
        ],
        "outputs": [{"shape": ["N", 3, "H", "W"], "meaning": "restored face", "range": [-1.0, 1.0]}],
    }
    fields = {"task": "restore", "family": "made", "contract": contract} | changes
    made = put(folder, name, data=data, **fields)
    (folder / name / "model.onnx").write_bytes(data)
    return made
