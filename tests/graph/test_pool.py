"""Runs beside each other that share model sessions: what each sees is its own, and equal to a run alone."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidface import run
from vidface.errors import UsageError
from vidface.infer.pool import Pool

GRAPH: dict[str, Any] = {
    "version": 1,
    "device": "cpu",
    "nodes": {
        "detect": {"use": "detect.face", "in": "source", "with": {"width": 320}},
        "embed": {"use": "recognize.embed", "in": {"frame": "source", "faces": "detect"}},
    },
    "outputs": {
        "faces": "detect",
        "people": {"use": "embeddings", "in": {"faces": "detect", "embeddings": "embed"}},
    },
}


Look = Callable[[], object]


def values(clip: Path, look: Look = int, **options: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Boxes and vectors of each frame; has a look while its sessions are open."""
    found = []
    with run(GRAPH, clip, start=1.0, stop=1.5, **options) as work:
        for tick in work:
            found.append((tick["detect"].boxes, tick["embed"].vectors))
            look()
    return found


def test_four_runs_at_once_see_what_each_sees_alone(samples: Path) -> None:
    """Two clips of other pictures, twice each, on one slot, so that calls wait and are run together."""
    clips = [samples / "two_people.mp4", samples / "walk_vfr.mkv"] * 2
    alone = [values(clip) for clip in clips[:2]] * 2
    pool = Pool(slots=1, rows=4)
    found: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in clips]
    looks: list[list[dict[str, Any]]] = []
    together = threading.Barrier(4, timeout=120)

    def work(place: int) -> None:
        begun: list[int] = []

        def look() -> None:
            if not begun:
                begun.append(together.wait())
            looks.append(pool.facts())

        with pool.lane(f"lane {place}") as lane:
            found[place] = values(clips[place], look, pool=lane)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(alone, found, strict=True):
        assert len(one) == len(other) >= 10
        for (boxes, vectors), (shared_boxes, shared_vectors) in zip(one, other, strict=True):
            np.testing.assert_allclose(shared_boxes, boxes, atol=0.05)
            np.testing.assert_allclose(shared_vectors, vectors, atol=1e-3)
    assert pool.facts() == []
    assert [len(facts) for facts in looks] == [3] * len(looks)  # detector, mesh, embedder
    assert all(row["kept_apart"] is None for facts in looks for row in facts)
    assert sum(row["calls_run_together"] for row in looks[-1]) > 0


def test_a_forensic_run_shares_nothing(samples: Path) -> None:
    with Pool().lane("door") as lane, pytest.raises(UsageError, match="shares no sessions"):
        run(GRAPH, samples / "two_people.mp4", forensic=True, pool=lane)


def test_frames_before_a_camera_leave_nothing_to_the_garbage_collector(samples: Path, tmp_path: Path) -> None:
    """graphs/watch.yaml with shared sessions: no ring of references holds a picture, or what was fed.

    The collector looks through what is old once in minutes: a ring of 3 MB a frame was 200 MB of memory.
    """
    graph = Path(__file__).parents[2] / "graphs" / "watch.yaml"
    clip = samples / "two_people.mp4"
    with Pool().lane("door") as lane, run(graph, clip, tmp_path / "out", start=1.0, pool=lane) as work:
        try:
            for number, _ in enumerate(work):
                if number == 5:
                    gc.collect()
                    gc.set_debug(gc.DEBUG_SAVEALL)
                if number == 20:
                    break
            gc.collect()
            held = _bytes_held(gc.garbage)
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
    assert held < 10_000


def _bytes_held(garbage: list[Any]) -> int:
    """Of arrays that garbage refers to, itself or through dicts and lists."""
    found: dict[int, np.ndarray] = {}
    near = list(garbage)
    for _ in range(3):
        near = [one for one in gc.get_referents(*near) if isinstance(one, np.ndarray | dict | list | tuple)]
        found |= {id(one): one for one in near if isinstance(one, np.ndarray)}
    return sum(one.nbytes for one in found.values())
