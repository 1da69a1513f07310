"""The direction of imports, the size of files and functions, and what may stand where."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "vidface"
FILES = sorted(PACKAGE.rglob("*.py"))

BASE = {"errors", "data", "version"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "version": set(),
    "data": BASE,
    "node": BASE,
    "vision": BASE | {"vision"},
    "infer": BASE | {"infer"},
    "media": BASE | {"media", "vision"},
    "nodes": BASE | {"node", "vision", "infer", "gallery"},
    "gallery": BASE | {"vision", "gallery"},
    "eval": BASE | {"eval", "vision"},
    "events": BASE | {"events"},
    "sinks": BASE | {"node", "vision", "media", "sinks"},
    "graph": BASE | {"node", "vision", "infer", "media", "graph"},
    "bench": BASE | {"infer", "media", "graph", "bench"},
    "review": BASE
    | {"node", "vision", "infer", "media", "nodes", "sinks", "graph", "eval", "gallery", "review"},
    "web": BASE | {"web"},
    "watch": BASE
    | {"node", "vision", "infer", "media", "nodes", "sinks", "graph", "events", "web", "gallery", "watch"},
    "cli": BASE
    | {"node", "vision", "infer", "media", "nodes", "sinks", "graph", "cli", "eval", "gallery", "review"}
    | {"bench", "watch", "web"},
    "__init__": BASE | {"graph", "node"},
    "__main__": {"cli"},
}
"""Part of the package -> parts that it may import; a node may also use private modules of its own folder."""

ONLY_HERE = {
    "av": {"media"},
    "onnxruntime": {"infer"},
    "decord": {"media"},
    "norfair": {"nodes"},
    "torch": {"data", "vision", "infer", "media"},  # pictures on a card; nodes work through these
    "usearch": {"gallery"},
    "c2pa": {"media"},
    "cryptography": {"media"},
    "paho": {"events"},
    "fastapi": {"web"},
    "starlette": {"web"},
    "uvicorn": {"web"},
    "prometheus_client": {"web"},
}
"""Heavy library -> the parts that may import it."""

SHORT_SPAN = 45
LONG_FILE = 300


OPENED_BY_NODES = {"vidface.media.stills"}
"""What a node may take from `media`: pictures that the user names in a field, read in `open`."""


def part_of(path: Path) -> str:
    """`vidface/media/decode.py` -> "media"."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "vidface":
                yield from ((node.lineno, f"vidface.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    """No module imports a part to its right, nodes do not import each other, heavy libraries stay at home."""
    part = part_of(path)
    wrong = []
    for line, name in imports(path):
        top = name.split(".")[0]
        if top == "vidface":
            target = [*name.split("."), "__init__"][1]
            target = (
                target if (PACKAGE / target).is_dir() or (PACKAGE / f"{target}.py").exists() else "__init__"
            )
            own = part == "nodes" and name.rsplit(".", 1)[-1].startswith("_")
            still = part == "nodes" and name in OPENED_BY_NODES
            if target not in MAY_IMPORT[part] and not own and not still:
                wrong.append(f"{path.name}:{line} imports {name}")
        elif part not in ONLY_HERE.get(top, {part}):
            wrong.append(f"{path.name}:{line} imports {name}")
    assert not wrong


def test_every_part_has_a_rule() -> None:
    """A new folder must say what it may import."""
    assert {part_of(path) for path in FILES} <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONG_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= SHORT_SPAN, f"{path.name}:{node.lineno} {node.name} has {length} lines"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_global_no_print_no_stub(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        place = f"{path.name}:{getattr(node, 'lineno', 0)}"
        assert not isinstance(node, ast.Global), place
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print" or part_of(path) == "cli", place
        if isinstance(node, ast.Raise):
            assert "NotImplementedError" not in ast.dump(node), place


def broad(what: ast.expr | None) -> bool:
    """What an `except` catches is everything, by itself or among others."""
    named = what.elts if isinstance(what, ast.Tuple) else [what]
    return any(one is None or getattr(one, "id", "") in ("Exception", "BaseException") for one in named)


def test_broad_except_stands_only_where_foreign_code_runs() -> None:
    """One `except Exception` in the guard; `except BaseException` only where it is raised again elsewhere."""
    found = {
        str(path.relative_to(PACKAGE))
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and broad(node.type)
    }
    assert found <= {
        "graph/guard.py",
        "graph/engine.py",
        "graph/feed.py",
        "graph/writer.py",
        "graph/run.py",
        "media/live/source.py",
        "watch/lane.py",
    }


@pytest.mark.parametrize("what", ["import vidface", "import vidface.cli; vidface.cli.cli(['--help'])"])
def test_import_is_light(what: str) -> None:
    """`import vidface` and `--help` do not pull in torch, cv2, av, scipy or onnxruntime."""
    heavy = ["torch", "cv2", "onnxruntime", "av", "scipy", "norfair", "decord"]
    told = f"atexit.register(lambda: print([m for m in {heavy!r} if m in sys.modules]))"
    code = f"import sys, atexit\n{told}\n{what}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[]"


def test_public_things_are_described() -> None:
    """Every public class and function of the package has a docstring."""
    bare = []
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if tree.body and not ast.get_docstring(tree):
            bare.append(str(path.relative_to(PACKAGE)))
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node):
                bare.append(f"{path.relative_to(PACKAGE)}:{node.name}")
    assert not bare


def test_nothing_committed_names_the_workshop() -> None:
    """No package registry host and no path of somebody's machine in the package, the graphs or the models."""
    root = PACKAGE.parent
    bad = re.compile(r"/work/|\.\./shared|pypi\.org|/root/|/home/\w")
    folders = ("vidface", "graphs", "models", "samples", "tests")
    texts = [
        p for f in folders for p in (root / f).rglob("*") if p.suffix in (".py", ".md", ".yaml", ".json")
    ]
    assert not [str(p) for p in texts if p.name != "test_architecture.py" and bad.search(p.read_text())]
