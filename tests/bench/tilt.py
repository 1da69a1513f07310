"""How much of its identity a tilted face keeps, with the detector's landmarks and with those of a mesh.

    python -m tests.bench.tilt PICTURES... > tests/bench/results/tilt.md

Each picture (one face, room around it) is laid on grey, turned about its middle and shrunk, looked at by
detect.face, and embedded by recognize.embed with and without `upright`. Told: the cosine to the vector of
the same picture upright and at its full size. This measures alignment, not recognition.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data import Device, Faces, Frame
from vidface.media.pixels import AvPixels
from vidface.node import Batch
from vidface.nodes.detect.face import DetectFace
from vidface.nodes.recognize.embed import RecognizeEmbed

SIDES, DEGREES = (100, 48, 24), (0, 15, 30, 45, 60)


class Looker:
    """A detector and two embedders, one of which asks a mesh."""

    def __init__(self) -> None:
        self._detect = DetectFace(min_face_px=8)
        self._embed = {"detector": RecognizeEmbed(upright=""), "mesh": RecognizeEmbed()}
        for node in (self._detect, *self._embed.values()):
            node.open(Device())

    def __call__(self, picture: NDArray[np.uint8]) -> tuple[float, dict[str, NDArray[np.float32]]] | None:
        """Height of the tallest face and its vectors; None where none is found."""
        frame = frame_of(picture)
        self._detect.reset()
        (found,) = self._detect.process(Batch([frame]))
        if not len(found):
            return None
        faces: Faces = found.pick([int(found.heights.argmax())])
        vectors = {
            k: node.process(Batch([frame]), Batch([faces]))[0].vectors[0] for k, node in self._embed.items()
        }
        return float(faces.heights[0]), vectors


def frame_of(picture: NDArray[np.uint8]) -> Frame:
    """A frame that shows the RGB picture."""
    return Frame(0, 0, Fraction(1, 25), AvPixels(av.VideoFrame.from_ndarray(picture, "rgb24")))


def laid(path: Path) -> NDArray[np.uint8]:
    """The picture in the middle of grey, RGB."""
    stored = cv2.imread(str(path))
    if stored is None:
        raise SystemExit(f"{path} is damaged or no picture")
    picture = cv2.cvtColor(stored, cv2.COLOR_BGR2RGB)
    side = round(1.6 * max(picture.shape[:2]))
    canvas = np.full((side, side, 3), 127, np.uint8)
    top, left = ((side - length) // 2 for length in picture.shape[:2])
    canvas[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return canvas


def seen(canvas: NDArray[np.uint8], degrees: float, scale: float) -> NDArray[np.uint8]:
    """Turned clockwise, then shrunk."""
    side = len(canvas)
    way = cv2.getRotationMatrix2D((side / 2 - 0.5, side / 2 - 0.5), -degrees, 1.0)
    whole = cv2.warpAffine(canvas, way, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path, nargs="+")
    look, rows = Looker(), defaultdict(list)
    for path in parser.parse_args().pictures:
        canvas = laid(path)
        if (own := look(canvas)) is None:
            continue
        for side in SIDES:
            for degrees in DEGREES:
                found = look(seen(canvas, degrees, min(1.0, side / own[0])))
                cosines = None if found is None else {k: float(v @ own[1][k]) for k, v in found[1].items()}
                rows[side, degrees].append(cosines)
    print(
        "| height of the face, px | tilt, degrees | found | detector's landmarks: mean (least) | a mesh's |"
    )
    print("|---|---|---|---|---|")
    for (side, degrees), cells in rows.items():
        kept = [one for one in cells if one is not None]
        told = [[one[k] for one in kept] for k in ("detector", "mesh")]
        shown = " | ".join(f"{np.mean(one):.3f} ({min(one):.2f})" for one in told) if kept else "- | -"
        print(f"| {side} | {degrees} | {len(kept)} of {len(cells)} | {shown} |")


if __name__ == "__main__":
    main()
