"""Pictures that a gallery keeps: packed, saying how they are aligned; and made crops for any embedder.

A picture is a JPEG with a comment that names its template, so that it can be told after the gallery went
over to another embedder, and in an export. Without one (older galleries) it is taken for arcface112.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data import Faces
from vidface.errors import InputError
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.recognize._upright import Upright
from vidface.vision.align import TEMPLATES, similarity, to_template

_BOX: Final = np.array([(17.0, 11.0), (97.0, 116.0)])
"""Where a face lies in a crop of the template arcface112; the median of 240 faces."""
_QUALITY: Final = 95
_START, _COMMENT = b"\xff\xd8", b"\xff\xfe"
_SAYS: Final = b"vidface template: "


def packed(crop: NDArray[np.uint8], template: str) -> bytes:
    """RGB, aligned to that template -> JPEG that says so; a second embedding hardly notices.

    Raises:
        InputError: it could not be packed.
    """
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    if not done:
        raise InputError("a face could not be packed as JPEG")
    words = _SAYS + template.encode()
    comment = _COMMENT + (len(words) + 2).to_bytes(2, "big") + words
    return _START + comment + data.tobytes()[len(_START) :]


def template_of(picture: bytes) -> str:
    """The template that a kept picture is aligned to."""
    start = len(_START) + len(_COMMENT) + 2
    if not picture[len(_START) :].startswith(_COMMENT) or not picture[start:].startswith(_SAYS):
        return "arcface112"
    end = len(_START) + len(_COMMENT) + int.from_bytes(picture[start - 2 : start], "big")
    said = picture[start + len(_SAYS) : end].decode(errors="replace")
    return said if said in TEMPLATES else "arcface112"


def crop_of_kept(picture: bytes, upright: Upright, *, template: str, size: int) -> NDArray[np.uint8]:
    """A kept picture -> size x size x 3 uint8 RGB of an embedder's template.

    A picture that was cut out by landmarks that did not follow the tilt shows the face tilted: it is cut out
    of the picture once more, and what lies beyond goes missing. It has nearly the vector that the whole
    picture would give (`tests/bench/results/tilt.md`).

    Raises:
        InputError: the picture is damaged.
    """
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError("a picture stored in the gallery is damaged; import an export instead")
    rgb, kept = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8), template_of(picture)
    marks, box, shape = _laid(kept, rgb.shape[0])
    natural = frame_from_rgb(np.asarray(cv2.resize(rgb, shape, interpolation=cv2.INTER_AREA), np.uint8))
    (five,) = upright(natural, Faces.of(box.reshape(1, 4), landmarks=marks[None]), [0])
    if kept == template and np.array_equal(five, marks):
        return np.asarray(cv2.resize(rgb, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
    return natural.crop(to_template(five, template, size), (size, size))


def _laid(kept: str, side: int) -> tuple[NDArray[np.float32], NDArray[np.float64], tuple[int, int]]:
    """Five points and box of a face of a picture of that template and side, unstretched; its size then."""
    known = TEMPLATES[kept]
    shape = np.round(side / np.array(known.stretch)).astype(int)
    marks = known.points * shape / known.size
    way = similarity(TEMPLATES["arcface112"].points, marks)
    return marks.astype(np.float32), _BOX @ way[:, :2].T + way[:, 2], (int(shape[0]), int(shape[1]))
