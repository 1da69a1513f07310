"""An exported graph such that a runtime can join its layers."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import helper


def plain(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without casts of floats to floats, which part what belongs together; means of maps as pools.

    ONNX Runtime keeps convolutions and pools in its own order of channels; before and after every mean it
    would go back to the usual one.
    """
    graph, same = model.graph, dict[str, str]()
    for node in graph.node:
        if node.op_type == "Cast" and helper.get_attribute_value(node.attribute[0]) == onnx.TensorProto.FLOAT:
            same[node.output[0]] = same.get(node.input[0], node.input[0])
    kept = []
    for node in graph.node:
        if node.output[0] in same:
            continue
        for place, name in enumerate(node.input):
            node.input[place] = same.get(name, name)
        if node.op_type == "ReduceMean" and node.name.startswith("/blocks"):
            kept.append(helper.make_node("GlobalAveragePool", node.input[:1], node.output, name=node.name))
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
    return model


def written_plain(path: Path) -> None:
    """The file once more, plain."""
    model = plain(onnx.load(path))
    onnx.checker.check_model(model)
    onnx.save(model, path)
