"""How the verdict of a run was weighed, and its measured errors: read from the model that made it."""

from __future__ import annotations

import json
from typing import Any, Final

from vidface.data.digest import readable_sha256

_FILE: Final = "fusion.json"


def verdict_card(manifest: dict[str, Any]) -> dict[str, Any]:
    """The fusion that the run used, as shipped: kinds with weights, thresholds, facts on its data.

    Empty where no such fusion is installed, or only one with another digest: what is shown must be what
    was used.
    """
    from vidface.infer.weights import shipped_folder

    for model in manifest.get("models") or ():
        path = shipped_folder() / str(model.get("name")) / _FILE
        if model.get("file") != _FILE or path.parent.parent != shipped_folder():
            continue
        if path.is_file() and readable_sha256(path) == model.get("sha256"):
            found = json.loads(path.read_text(encoding="utf-8"))
            return {"name": model["name"], "sha256": model["sha256"], **found}
    return {}
