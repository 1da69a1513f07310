"""vidface with graphs/points.yaml, or with the graph that the fourth argument names."""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.bench._cases import ROOT
from tests.bench.peers._common import peak_mb

PARTS = (
    "graph.run",
    "media.decode",
    "nodes.detect.face",
    "nodes.track.faces",
    "nodes.mesh.face",
    "sinks.jsonl",
    "infer.session",
)


def main() -> None:
    """Run it, keep its file, print what it cost."""
    import vidface

    for name in ("av", "cv2", "onnxruntime", *(f"vidface.{part}" for part in PARTS)):
        importlib.import_module(name)
    clip, out, frames = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    graph = ROOT / "graphs" / f"{sys.argv[4] if len(sys.argv) > 4 else 'points'}.yaml"
    began, used = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "out"
        run = vidface.run(graph, clip, made, outputs=("faces",), stop=frames / 25 - 0.001, device="cpu")
        for _ in run:
            pass
        wall, cpu = time.perf_counter() - began, time.process_time() - used
        out.write_bytes((made / "faces.jsonl").read_bytes())
    rows = [json.loads(line)["faces"] for line in out.read_text(encoding="utf-8").splitlines()]
    cost = {
        "frames": run.report.ledger.processed,
        "faces": sum(len(row) for row in rows),
        "points": max(
            (len(face.get("points") or face["landmarks"]) for row in rows for face in row), default=0
        ),
        "wall_s": wall,
        "cpu_s": cpu,
        "peak_mb": peak_mb(),
        "versions": {"vidface": vidface.__version__},
        "note": "",
    }
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
