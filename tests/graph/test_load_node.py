"""Nodes in a user's own file: what is wrong with it is told with its line, and its types travel."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidface.errors import GraphError
from vidface.graph.load_node import Classes
from vidface.graph.plan import Plan, load

HEAD = """from pydantic import Field, field_validator

from vidface import Faces, Frame, Node, Span, Window


"""
PROCESS = """
    def process(self, frame: Frame) -> Faces:
        return Faces.none()
"""
WINDOW = """
    def process(self, frame: Window[Frame]) -> Faces:
        return Faces.none()
"""


def checked(folder: Path, code: str, more: str = "") -> Plan:
    """A graph with the node `mine` of this file."""
    (folder / "own.py").write_text(code)
    path = folder / "graph.yaml"
    path.write_text(
        f"version: 1\nnodes:\n  mine: {{use: ./own.py, in: source{more}}}\noutputs: {{faces: mine}}\n"
    )
    return load(path, check_models=False)


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("class Own(Node):\n    threshold = 5" + PROCESS, 6, "PydanticUserError: A non-annotated attribute"),
        ("class Own(Node):\n    a: int = Field(5, regex='x')" + PROCESS, 7, "PydanticUserError: `regex`"),
        ("class Own(Node):\n    a: 'Nowhere' = 5" + PROCESS, 6, "Own broke: PydanticUserError: `Own` is not"),
        ("DATA = open('/nonexistent/x.txt')", 6, "FileNotFoundError: "),
        ("{}['a']", 6, "this file cannot be loaded: KeyError: 'a'"),
        ("raise RuntimeError", 6, "this file cannot be loaded: RuntimeError"),
        ("raise SystemExit('bye')", 6, "this file cannot be loaded: SystemExit: bye"),
        ("def broken(:", 6, "this file cannot be loaded: SyntaxError: "),
        (
            "class Own(Node):\n    def reach(self):\n        raise RuntimeError('no')" + WINDOW,
            8,
            "Own.reach broke: RuntimeError: no",
        ),
        (
            "class Own(Node):\n    def reach(self):\n        return Span(-3, 0)" + WINDOW,
            8,
            "Own.reach broke: ValueError: a span counts frames",
        ),
        (
            "class Own(Node):\n    def reach(self):\n        return 3" + WINDOW,
            6,
            "must give a Span, but gives 3",
        ),
        (
            "class Own(Node):\n    def models(self):\n        return 'vidface-embed'" + PROCESS,
            6,
            "Own.models must give a tuple of names",
        ),
        (
            "class Own(Node):\n    def moves(self):\n        return self.nothing" + PROCESS,
            8,
            "Own.moves broke: AttributeError: ",
        ),
    ],
)
def test_faults_of_a_node_file_name_the_node_the_file_and_the_line(
    tmp_path: Path, body: str, line: int, words: str
) -> None:
    """They were told as bugs in vidface."""
    with pytest.raises(GraphError) as caught:
        checked(tmp_path, HEAD + body + "\n")
    said = str(caught.value)
    assert words in said
    assert f"mine: {tmp_path}/own.py:{line}: " in said
    assert f"{tmp_path}/graph.yaml:3:" in said
    assert "\n" not in said
    assert "errors.pydantic.dev" not in said


def test_a_validator_that_breaks_is_told(tmp_path: Path) -> None:
    body = """class Own(Node):
    a: int = 5

    @field_validator("a")
    @classmethod
    def look(cls, value):
        raise RuntimeError("no")
"""
    assert checked(tmp_path, HEAD + body + PROCESS).steps
    with pytest.raises(GraphError, match=r"mine: .*own\.py:12: Own broke: RuntimeError: no"):
        checked(tmp_path, HEAD + body + PROCESS, ", with: {a: 6}")


def test_annotations_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    body = "class Own(Node):\n    def process(self, frame: Frame) -> 'Frame.nowhere':\n        return frame\n"
    with pytest.raises(
        GraphError, match=r"mine: Own\.process: its annotations cannot be read: AttributeError"
    ):
        checked(tmp_path, HEAD + body)


CHAIN = """from dataclasses import dataclass

from vidface import Frame, Node
from vidface.node import Sink


@dataclass(frozen=True)
class Blob:
    n: int


class Give(Node):
    def process(self, frame: Frame, before: Blob | None = None) -> Blob:
        return Blob(frame.index + (0 if before is None else before.n))


class Keep(Sink):
    def process(self, blob: Blob) -> None:
        pass
"""


def test_a_type_of_a_file_of_the_users_travels_between_its_nodes_and_sinks(tmp_path: Path) -> None:
    """The file was loaded anew for every `use`: "wants Blob, but 'a' gives Blob"."""
    (tmp_path / "own.py").write_text(CHAIN)
    path = tmp_path / "graph.yaml"
    path.write_text(
        "version: 1\n"
        "nodes:\n"
        "  a: {use: ./own.py, in: {frame: source}}\n"
        f"  b: {{use: {tmp_path}/own.py, in: {{frame: source, before: a}}}}\n"
        "outputs:\n"
        "  kept: {use: ./own.py, in: {blob: b}}\n"
    )
    plan = load(path, check_models=False)
    assert type(plan.steps[0].node) is type(plan.steps[1].node)
    assert [type(outlet.sink).__name__ for outlet in plan.outlets] == ["Keep"]


def test_the_next_graph_loads_a_file_anew(tmp_path: Path) -> None:
    """It may have been changed, in a notebook say."""
    path = tmp_path / "own.py"
    path.write_text(HEAD + "class Own(Node):\n    '''One.'''" + PROCESS)
    first = Classes(tmp_path)
    assert first.node("./own.py") is first.node(str(path))
    assert Classes(tmp_path).node("./own.py") is not first.node("./own.py")


def test_a_file_with_two_nodes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="must hold exactly one public subclass of Node, but holds One, Two"):
        checked(tmp_path, HEAD + f"class One(Node):{PROCESS}\n\nclass Two(Node):{PROCESS}")


def test_a_file_with_a_sink_alone_is_told_to_be_one(tmp_path: Path) -> None:
    code = "from vidface import Frame\nfrom vidface.node import Sink\n\n\nclass End(Sink):\n"
    with pytest.raises(GraphError, match="is a sink; name it under outputs"):
        checked(tmp_path, code + "    def process(self, frame: Frame) -> None:\n        pass\n")
