"""Bring size and sha256 in models/NAME/manifest.yaml up to date with the weights beside it.

    python models/training/write_manifest.py vidface-facedet

Only those two values change; comments and the rest of the text stay. Where an export left facts.json
beside the weights, its digest must agree, so that a stale file is noticed.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from vidface.infer.digest import measure
from vidface.infer.manifest import WeightFile, parse_manifest, read_manifest

MODELS = Path(__file__).resolve().parent.parent


def renew(folder: Path) -> str:
    """Rewrite the manifest in the folder; returns the new sha256.

    Raises:
        ValueError: the manifest names several files, or facts.json tells of another file.
    """
    path = folder / "manifest.yaml"
    files = read_manifest(path).files
    if len(files) != 1:
        raise ValueError(f"{path} names {len(files)} files; this script keeps manifests of one")
    digest = measure(folder / files[0].name, WeightFile(name=files[0].name))
    facts = folder / "facts.json"
    if facts.is_file():
        told = json.loads(facts.read_text(encoding="utf-8"))["sha256"]
        if told != digest.sha256:
            raise ValueError(
                f"{facts} tells of a file with sha256 {told}, but {files[0].name} has {digest.sha256}"
            )
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"^(\s+(?:- )?size:) .*$", rf"\1 {digest.size}", text, count=1, flags=re.MULTILINE)
    text = re.sub(r"^(\s+(?:- )?sha256:) .*$", rf"\1 {digest.sha256}", text, count=1, flags=re.MULTILINE)
    found = parse_manifest(text, origin=str(path)).files[0]
    if (found.size, found.sha256) != (digest.size, digest.sha256):
        raise ValueError(f"{path} holds no `size:` and `sha256:` line to fill in")
    path.write_text(text, encoding="utf-8")
    return digest.sha256


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="+", help="folders under models/")
    for name in parser.parse_args().names:
        print(name, renew(MODELS / name))


if __name__ == "__main__":
    main()
