"""Values beside faces have the rows of those faces: what is refused, and what must go on loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vidface.data import Faces
from vidface.errors import GraphError
from vidface.graph.load_node import node_class, shipped
from vidface.graph.plan import Plan, load
from vidface.graph.ports import signature_of

GRAPHS = sorted((Path(__file__).parents[2] / "graphs").glob("*.yaml"))

DETECT = {"use": "detect.face", "in": {"frame": "source"}}
TRACK = {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}}
EMBED = {"use": "recognize.embed", "in": {"frame": "source", "faces": "detect"}}
IDENTIFY = {"use": "recognize.identify", "in": {"frame": "source", "faces": "track", "embeddings": "embed"}}

OWN = '''
"""A node of somebody who has not read about rows."""

from vidface.data import Embeddings, Faces
from vidface.node import Node


class Own(Node):
    """Something with faces."""

    {fact}

    def process(self, {ports}) -> {gives}:
        return faces
'''


def loaded(nodes: dict[str, Any], **outputs: Any) -> Plan:
    return load({"version": 1, "nodes": nodes, "outputs": outputs}, check_models=False)


def own(folder: Path, ports: str, gives: str, fact: str = "") -> dict[str, Any]:
    """A node in a file, as `use:`."""
    path = folder / "own.py"
    path.write_text(OWN.format(ports=ports, gives=gives, fact=fact))
    return {"use": str(path)}


def identified(faces: str, embedded: str) -> dict[str, Any]:
    """Nodes of which `identify` gets some faces and vectors of others."""
    embed = EMBED | {"in": {"frame": "source", "faces": embedded}}
    identify = IDENTIFY | {"in": {"frame": "source", "faces": faces, "embeddings": "embed"}}
    return {"detect": DETECT, "track": TRACK, "embed": embed, "identify": identify}


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda path: path.stem)
def test_every_shipped_graph_loads(graph: Path) -> None:
    """None of them wires rows of other faces, a picture of other pixels, or two outputs to one file."""
    assert load(graph, check_models=False).outlets


def test_every_shipped_node_says_whether_it_keeps_the_rows_of_its_faces() -> None:
    """Where Faces go in and come out nothing else tells it, and of rows not known nothing is refused."""
    silent = []
    for name in shipped("vidface.nodes"):
        kind = node_class(name)
        signature = signature_of(kind)
        takes = any(issubclass(port.value, Faces) for port in signature.inputs)
        gives = any(issubclass(value, Faces) for value in signature.outputs.values())
        if takes and gives and kind.keeps_rows is None:
            silent.append(name)
    assert not silent


def test_vectors_of_a_detector_beside_tracked_faces_are_refused() -> None:
    """A detector orders by score and a tracker by number: the names would land on other people."""
    with pytest.raises(GraphError, match=r"identify.embeddings wants a row for every face of 'track'"):
        loaded(identified("track", "detect"), faces="track")


@pytest.mark.parametrize("faces", ["mesh.faces", "steady.faces", "relink"])
def test_nodes_that_keep_rows_may_stand_between(faces: str) -> None:
    """What was measured on tracked faces belongs to the same faces refined, steadied or renumbered, too."""
    nodes = identified(faces, "track") | {
        "mesh": {"use": "mesh.face", "in": {"frame": "source", "faces": "track"}},
        "steady": {"use": "stabilize.landmarks", "in": {"frame": "source", "faces": "mesh.faces"}},
        "relink": {
            "use": "recognize.relink",
            "in": {"frame": "source", "faces": "track", "embeddings": "embed"},
        },
    }
    assert loaded(nodes, faces={"use": "jsonl", "in": {"faces": faces, "identity": "identify"}})


def test_rows_follow_values_that_are_made_of_values() -> None:
    """A pose has the rows of the faces that its mesh was measured on, though it never sees them."""
    nodes = {
        "detect": DETECT,
        "track": TRACK,
        "mesh": {"use": "mesh.face", "in": {"frame": "source", "faces": "detect"}},
        "pose": {"use": "mesh.pose", "in": {"mesh": "mesh.mesh"}},
    }
    with pytest.raises(GraphError, match=r"faces.pose wants a row .* 'pose' has rows of 'detect'"):
        loaded(nodes, faces={"use": "table", "in": {"faces": "track", "pose": "pose"}})
    assert loaded(nodes, faces={"use": "table", "in": {"faces": "mesh.faces", "pose": "pose"}})


def test_the_report_of_covers_belongs_to_the_covers() -> None:
    """anonymize.faces has rows of its own, and what it measures has those."""
    nodes = {
        "detect": DETECT,
        "track": TRACK,
        "hide": {"use": "anonymize.faces", "in": {"frame": "source", "faces": "track"}},
    }
    assert loaded(nodes, faces={"use": "jsonl", "in": {"faces": "hide.covers", "measures": "hide.report"}})
    with pytest.raises(GraphError, match=r"faces.measures wants a row .* rows of 'hide.covers'"):
        loaded(nodes, faces={"use": "jsonl", "in": {"faces": "track", "measures": "hide.report"}})


def test_a_foreign_node_that_says_nothing_refuses_nothing(tmp_path: Path) -> None:
    """Faces out of a node of somebody's own may have the rows of those that went in, or not."""
    nodes = identified("mine", "track")
    nodes["mine"] = own(tmp_path, "faces: Faces", "Faces") | {"in": {"faces": "track"}}
    assert loaded(nodes, faces={"use": "jsonl", "in": {"faces": "mine", "identity": "identify"}})


@pytest.mark.parametrize(("keeps", "refused"), [("True", False), ("False", True)])
def test_a_foreign_node_may_say_it(tmp_path: Path, keeps: str, *, refused: bool) -> None:
    """With `keeps_rows` its faces count as those that went in, or as others."""
    nodes = identified("mine", "track")
    use = own(tmp_path, "faces: Faces", "Faces", f"keeps_rows = {keeps}")
    nodes["mine"] = use | {"in": {"faces": "track"}}
    if not refused:
        assert loaded(nodes, faces="mine")
        return
    with pytest.raises(GraphError, match=r"wants a row for every face of 'mine'"):
        loaded(nodes, faces="mine")


def test_a_foreign_node_of_several_faces_matches_them_itself(tmp_path: Path) -> None:
    """With two ports of Faces nobody but the node knows whose rows a value has, unless `rows_of` tells."""
    wires = {"in": {"faces": "track", "others": "detect", "embeddings": "embed"}}
    ports = "faces: Faces, others: Faces, embeddings: Embeddings"
    nodes = {"detect": DETECT, "track": TRACK, "embed": EMBED}
    assert loaded(nodes | {"mine": own(tmp_path, ports, "Faces") | wires}, faces="mine")
    others = own(tmp_path, ports, "Faces", 'rows_of = {"embeddings": "others"}')
    assert loaded(nodes | {"mine": others | wires}, faces="mine")
    wrong = own(tmp_path, ports, "Faces", 'rows_of = {"embeddings": "faces"}')
    with pytest.raises(GraphError, match=r"mine.embeddings wants a row for every face of 'track'"):
        loaded(nodes | {"mine": wrong | wires}, faces="mine")
    # A port of its own may be taken out, where a node matches the rows by what they hold.
    free = own(tmp_path, "faces: Faces, embeddings: Embeddings", "Faces", 'rows_of = {"embeddings": ""}')
    alone = {"in": {"faces": "track", "embeddings": "embed"}}
    assert loaded(nodes | {"mine": free | alone}, faces="mine")
