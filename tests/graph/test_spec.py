"""Graph files: what is read, what is refused, and where the message points."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from vidface.errors import GraphError, UsageError
from vidface.graph import marks, spec
from vidface.graph.plan import load

BROKEN = Path(__file__).resolve().parent.parent / "graphs" / "broken"

GOOD = """
version: 1
nodes:
  detect: {use: detect.face, in: {frame: source}, with: {every: 2}}
outputs: {faces: detect}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "graph.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_broken_graph_is_refused_with_its_message(path: Path) -> None:
    """The first line of every broken graph holds the message that it must give."""
    wanted = path.read_text().splitlines()[0].removeprefix("# ")
    with pytest.raises(GraphError) as caught:
        load(path, check_models=False)
    assert str(caught.value).replace(str(path), path.name) == wanted


def test_a_fault_goes_from_process_to_process_as_it_is() -> None:
    error = GraphError("no such node", file="a.yaml", line=3, column=7)
    for fresh in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (str(fresh), fresh.file, fresh.line) == ("a.yaml:3:7: no such node", "a.yaml", 3)


def test_there_is_a_broken_graph_for_each_kind_of_fault() -> None:
    """The folder did not get lost: a parametrised test over nothing would pass."""
    assert len(list(BROKEN.glob("*.yaml"))) >= 20


def test_set_overrides_a_parameter(tmp_path: Path) -> None:
    plan = load(write(tmp_path, GOOD), overrides=("detect.every=5",), check_models=False)
    assert plan.steps[0].node.model_dump()["every"] == 5
    assert plan.file.overrides == ("detect.every=5",)


def test_set_reaches_the_sink_of_an_output(tmp_path: Path) -> None:
    text = GOOD.replace("{faces: detect}", "{video: source}")
    plan = load(write(tmp_path, text), overrides=("video.crf=30",), check_models=False)
    assert plan.outlets[0].sink.model_dump()["crf"] == 30


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("detect.evry=3", "did you mean 'every'"),
        ("detct.every=3", "did you mean 'detect'"),
        ("detect.every", "wanted node.parameter=value"),
        ("every=3", "wanted node.parameter=value"),
        ("detect.every=[", "cannot be read as a value"),
        ("detect.width=0640", "0640 is 416 to YAML"),
        ("detect.every=2026-13-01", "write '2026-13-01' where it is text"),
    ],
)
def test_bad_overrides_say_what_to_write(tmp_path: Path, override: str, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("[", r"\[")):
        load(write(tmp_path, GOOD), overrides=(override,), check_models=False)


def test_set_finds_a_node_whose_parameters_were_taken_out(tmp_path: Path) -> None:
    """`with:` with nothing behind it is no parameters, with an override and without."""
    text = "version: 1\nnodes:\n  d:\n    use: detect.face\n    in: source\n    with:\noutputs: {faces: d}\n"
    assert load(write(tmp_path, text), check_models=False).steps[0].node.model_dump()["every"] == 1
    plan = load(write(tmp_path, text), overrides=("d.every=5",), check_models=False)
    assert plan.steps[0].node.model_dump()["every"] == 5


def test_set_into_what_is_no_mapping_is_refused_with_its_place(tmp_path: Path) -> None:
    text = GOOD.replace("{every: 2}", "2")
    with pytest.raises(GraphError, match=r"graph\.yaml:4:.*nodes\.detect\.with"):
        load(write(tmp_path, text), overrides=("detect.every=5",), check_models=False)


@pytest.mark.parametrize(
    "text", ["version: 1\nnodes: 5\noutputs: {o: a}", "version: 1\nnodes: {}\noutputs: 7"]
)
def test_set_where_a_section_is_no_mapping_leaves_it_to_the_check(tmp_path: Path, text: str) -> None:
    with pytest.raises(GraphError, match=r"(nodes|outputs): .* but found [57]"):
        load(write(tmp_path, text), overrides=("a.b=1",), check_models=False)


def test_names_that_no_file_can_have_are_refused(tmp_path: Path) -> None:
    text = GOOD.replace("{faces: detect}", f"{{{'f' * 300}: detect}}")
    with pytest.raises(GraphError, match="a letter first, 200 at most"):
        load(write(tmp_path, text), check_models=False)


def test_a_long_chain_may_stand_last_first(tmp_path: Path) -> None:
    """Python goes a thousand calls deep, and a graph may be longer."""
    (tmp_path / "step.py").write_text(
        "from vidface import Frame, Node\n\n\nclass Step(Node):\n"
        "    def process(self, frame: Frame) -> Frame:\n        return frame\n"
    )
    chain = [f"  n{i}: {{use: ./step.py, in: {f'n{i - 1}' if i else 'source'}}}" for i in range(1100)]
    text = "\n".join(["version: 1", "nodes:", *reversed(chain), "outputs: {video: n1099}"])
    plan = load(write(tmp_path, text), check_models=False)
    assert [step.name for step in plan.steps] == [f"n{i}" for i in range(1100)]


def test_a_mapping_of_what_yaml_cannot_say_is_refused_in_a_sentence() -> None:
    """A path is the likely one: it is shown, and how to give it."""
    node = {"use": "recognize.identify", "with": {"gallery": Path("people")}}
    with pytest.raises(GraphError, match=r"holds PosixPath\('people'\) \(PosixPath\): .* a path as text"):
        spec.read({"version": 1, "nodes": {"d": node}, "outputs": {"faces": "d"}})


def test_numbers_that_yaml_counts_as_usual_stay(tmp_path: Path) -> None:
    """A leading 0 that changes nothing, hexadecimal, underscores; and text in quotes."""
    text = GOOD.replace("every: 2", "every: 07, width: 0x280, max_faces: 1_0")
    node = load(write(tmp_path, text), check_models=False).steps[0].node.model_dump()
    assert (node["every"], node["width"], node["max_faces"]) == (7, 640, 10)
    assert marks.parse("a: '1:30'", "a.yaml").data == {"a": "1:30"}


def test_parts_too_deep_in_each_other_are_refused() -> None:
    with pytest.raises(GraphError, match="too deep in each other"):
        marks.parse("[" * 5000, "deep.yaml")


def test_a_graph_may_be_a_mapping() -> None:
    plan = load(
        {"version": 1, "nodes": {"d": {"use": "detect.face", "in": "source"}}, "outputs": {"faces": "d"}},
        check_models=False,
    )
    assert [step.name for step in plan.steps] == ["d"]


def test_missing_folder_and_binary_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="no such file"):
        spec.read(tmp_path / "absent.yaml")
    with pytest.raises(GraphError, match="this is a folder"):
        spec.read(tmp_path)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(bytes(range(128, 256)))
    with pytest.raises(GraphError, match="not text"):
        spec.read(binary)


def test_a_bare_word_is_a_shipped_graph() -> None:
    assert spec.read("track").document.file.endswith("track.yaml")
    with pytest.raises(GraphError, match="no graph of that name; did you mean 'track'"):
        spec.read("trak")


def test_unused_nodes_are_left_out_when_outputs_are_chosen(tmp_path: Path) -> None:
    text = """
version: 1
nodes:
  detect: {use: detect.face, in: {frame: source}}
  track: {use: track.faces, in: {frame: source, faces: detect}}
  draw: {use: draw.boxes, in: {frame: source, faces: track}}
outputs: {video: draw, faces: track}
"""
    plan = load(write(tmp_path, text), outputs=("faces",), check_models=False)
    assert [step.name for step in plan.steps] == ["detect", "track"]
    with pytest.raises(UsageError, match="did you mean 'video'"):
        load(write(tmp_path, text), outputs=("vidoe",), check_models=False)


def test_wrong_types_on_an_edge_are_refused(tmp_path: Path) -> None:
    text = """
version: 1
nodes:
  detect: {use: detect.face, in: {frame: source}}
  draw: {use: draw.boxes, in: {frame: detect, faces: detect}}
outputs: {video: draw}
"""
    with pytest.raises(GraphError, match=r"draw.frame wants Frame, but 'detect' gives Faces"):
        load(write(tmp_path, text), check_models=False)


def test_a_sink_that_the_graph_does_not_name_has_a_name_in_errors() -> None:
    """`faces: detect` is a jsonl; and an output that is called like a node has a form of its own."""
    graph = {
        "version": 1,
        "nodes": {"detect": {"use": "detect.face", "in": "source"}},
        "outputs": {"faces": "detect", "detect": {"use": "table", "in": {"faces": "detect"}}},
    }
    with pytest.raises(GraphError, match=r"jsonl: points: .* but found 'some'"):
        load(graph, overrides=("faces.points=some",), check_models=False)
    with pytest.raises(GraphError, match=r"jsonl has no parameter 'point'"):
        load(graph, overrides=("faces.point=true",), check_models=False)
    said = r"has no parameter 'format'; .*the output of that name has it: --set outputs\.detect\.format="
    with pytest.raises(GraphError, match=said):
        load(graph, overrides=("detect.format=parquet",), check_models=False)
    plan = load(graph, overrides=("outputs.detect.format=parquet",), check_models=False)
    assert [getattr(outlet.sink, "format", None) for outlet in plan.outlets] == [None, "parquet"]
