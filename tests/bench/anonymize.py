"""How far a hidden face is still the person's, for the recogniser: `python -m tests.bench.anonymize FOLDER`.

FOLDER holds pictures with one face each and `labels.jsonl`, one line a picture: file, box (x1 y1 x2 y2),
points (5 x 2), grey, and `from`, whose first part names the person. Of each person ten pictures are taken,
drawn with a fixed seed, hidden as anonymize.faces does it by default but for the cells, and compared with the
open pictures of the same people and of others.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device, Frame, Planes
from vidface.infer.embedder import Embedder
from vidface.media.pixels import frame_from_rgb
from vidface.media.stills import read_still
from vidface.nodes.anonymize._trails import grown
from vidface.nodes.anonymize.faces import AnonymizeFaces
from vidface.vision.align import TEMPLATES, to_template
from vidface.vision.facecrop import aligned, region_of
from vidface.vision.veil import Mode, Veil, lay, outline_of_box

CASES: tuple[tuple[Mode, int], ...] = (
    ("blur", 3),
    ("blur", 4),
    ("blur", 6),
    ("pixelate", 3),
    ("pixelate", 6),
    ("solid", 1),
    ("mask", 1),
)


class Face(NamedTuple):
    """A picture, and where its face is."""

    frame: Frame
    box: NDArray[np.float64]
    points: NDArray[np.float64]
    person: str


def faces_of(folder: Path, each: int) -> list[Face]:
    """`each` coloured pictures of each person."""
    lines = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    taken: dict[str, list[Face]] = {}
    for place in np.random.default_rng(0).permutation(len(lines)).tolist():
        line = lines[place]
        row = taken.setdefault(str(line["from"]).split("/")[0], [])
        if line["grey"] or len(row) == each:
            continue
        picture = np.asarray(read_still(folder / line["file"]))
        person = str(line["from"]).split("/")[0]
        row.append(Face(frame_from_rgb(picture), np.array(line["box"]), np.array(line["points"]), person))
    return [face for name in sorted(taken) for face in taken[name]]


def vectors(embedder: Embedder, faces: list[Face]) -> NDArray[np.float32]:
    crops = []
    for face in faces:
        scale = embedder.size / TEMPLATES[embedder.template].size
        matrix = to_template(face.points, embedder.template) * scale
        region = region_of(face.frame, matrix, embedder.size)
        if region is None:
            raise SystemExit(f"a face of {face.person} lies outside of its picture")
        crops.append(aligned(region.pixels, region.matrix(matrix), embedder.size))
    return embedder(np.stack(crops)).vectors


def hidden(face: Face, veil: Veil, node: AnonymizeFaces) -> Face:
    box = grown(face.box, node.grow)

    def paint(planes: Planes) -> None:
        lay(planes, veil, box, [outline_of_box(box, node.shape)], face.points)

    return face._replace(frame=face.frame.painted(paint))


def row_of(name: str, scores: NDArray[Any], people: NDArray[Any]) -> str:
    alone = np.eye(len(people), dtype=bool)
    same = (people[:, None] == people) & ~alone
    other = people[:, None] != people
    first = np.where(alone, -2, scores).argmax(axis=1)
    values = [
        scores[same].mean(),
        np.percentile(scores[same], 95),
        scores[other].mean(),
        np.percentile(scores[other], 95),
        (people[first] == people).mean(),
    ]
    return f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=10)
    given = parser.parse_args()
    faces, node = faces_of(given.folder, given.each), AnonymizeFaces()
    people = np.array([face.person for face in faces])
    embedder = Embedder("vidface-embed", Device(), threads=1)
    known = vectors(embedder, faces)
    print(f"{len(set(people.tolist()))} people, {len(faces)} pictures\n")
    print("| hidden by | same person | p95 | strangers | p95 | first hit right |\n|---|---|---|---|---|---|")
    print(row_of("nothing", known @ known.T, people), flush=True)
    for mode, cells in CASES:
        made = vectors(embedder, [hidden(face, Veil(mode, cells, node.colour), node) for face in faces])
        print(row_of(f"{mode}, {cells} cells, against open", made @ known.T, people), flush=True)
        print(row_of(f"{mode}, {cells} cells, against hidden alike", made @ made.T, people), flush=True)
    embedder.close()


if __name__ == "__main__":
    main()
