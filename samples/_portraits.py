"""Two public-domain portraits cut out of their backgrounds, with their measured faces.

Pixel convention: the centre of the top-left pixel is (0.5, 0.5); x to the right, y down.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Points = tuple[tuple[float, float], ...]

MARGIN = 8  # transparent columns on either side, so that a straight border is sampled softly
BODY = 800  # rows of plain coat added below the portrait, so that a small figure does not end in mid-air
STEP = 2.0**-0.5  # ratio between two levels of the pyramid


@dataclass(frozen=True, slots=True)
class Portrait:
    """What was measured once on a source picture, in that picture's pixels.

    `box` and the nose tip are medians over 22 runs (11 sizes from 0.3 to 1.3, each also mirrored) of the
    YuNet detector (yunet_n, OpenCV FaceDetectorYN, score 0.94); the spread over sizes is 1-2 % of the face
    height. Pupils and mouth corners were read by eye in enlarged crops, since the detector's medians lay
    2-7 px beside them. `outline` is a GrabCut of a hand-drawn outline, simplified to 1.3 px. All are frozen
    here so that the truth depends on no model and no random start.
    """

    ident: int
    name: str
    box: tuple[float, float, float, float]
    points: Points
    outline: tuple[tuple[int, int], ...]


# fmt: off
COLLINS = Portrait(
    ident=1,
    name="collins",
    box=(179.7, 62.8, 270.8, 176.4),
    points=((203.3, 101.5), (246.9, 103.0), (224.0, 127.8), (203.2, 139.6), (244.3, 140.8)),
    outline=(
        (162, 52), (157, 57), (153, 68), (156, 101), (168, 115), (172, 125), (181, 133), (183, 145),
        (180, 148), (157, 150), (139, 159), (131, 167), (122, 181), (120, 191), (123, 203), (119, 205),
        (114, 202), (91, 226), (69, 242), (60, 253), (45, 280), (40, 294), (39, 305), (34, 315),
        (26, 342), (26, 366), (19, 390), (20, 420), (24, 432), (23, 460), (26, 484), (29, 493), (36, 501),
        (41, 511), (511, 511), (511, 502), (507, 498), (506, 487), (501, 480), (497, 467), (502, 460),
        (502, 457), (495, 449), (493, 421), (488, 405), (477, 383), (450, 358), (418, 345), (393, 344),
        (381, 345), (370, 349), (365, 348), (360, 342), (361, 329), (357, 322), (356, 302), (352, 287),
        (346, 278), (341, 264), (331, 253), (303, 232), (299, 219), (289, 203), (255, 171), (256, 163),
        (264, 149), (266, 139), (273, 135), (290, 117), (295, 109), (299, 96), (299, 72), (295, 56),
        (288, 43), (274, 30), (248, 18), (227, 16), (214, 21), (205, 21),
    ),
)
HOPPER = Portrait(
    ident=2,
    name="hopper",
    box=(175.8, 119.0, 355.8, 336.0),
    points=((223.2, 188.9), (305.7, 184.9), (268.2, 238.1), (229.3, 281.4), (307.2, 277.3)),
    outline=(
        (218, 31), (209, 44), (196, 50), (181, 64), (176, 73), (175, 83), (155, 102), (150, 104),
        (148, 114), (150, 137), (154, 158), (155, 168), (153, 182), (154, 198), (159, 224), (169, 259),
        (177, 271), (171, 279), (171, 284), (176, 289), (189, 294), (194, 299), (196, 318), (183, 333),
        (167, 343), (132, 354), (121, 360), (97, 363), (81, 368), (60, 380), (52, 382), (46, 389),
        (38, 410), (30, 421), (28, 430), (27, 459), (17, 526), (15, 568), (11, 599), (511, 599),
        (511, 443), (508, 439), (492, 393), (464, 377), (420, 365), (376, 345), (365, 342), (337, 321),
        (332, 315), (332, 311), (342, 304), (352, 291), (351, 279), (364, 251), (367, 228), (370, 222),
        (369, 211), (375, 195), (374, 188), (367, 179), (370, 167), (371, 134), (369, 129), (369, 100),
        (365, 90), (362, 87), (356, 87), (352, 83), (346, 68), (335, 56), (296, 37), (281, 27), (270, 24),
        (249, 23), (238, 25), (226, 31),
    ),
)
# fmt: on


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A portrait as premultiplied RGBA (float32, 0-255), in sizes 1, 1/sqrt(2), 1/2, ... (largest first).

    A pixel of a level is at `(portrait + (MARGIN, 0)) * scales[i]`; both axes have their own exact scale.
    """

    portrait: Portrait
    levels: tuple[Array, ...]
    scales: tuple[tuple[float, float], ...]

    def level_for(self, scale: float) -> int:
        """Index of the smallest level that still has at least `scale` of the source's resolution."""
        fit = [i for i, (sx, _) in enumerate(self.scales) if sx >= scale * 0.98]
        return fit[-1] if fit else 0


def load_picture(portrait: Portrait) -> NDArray[np.uint8]:
    """Read the source picture (RGB uint8) from the installed package that carries it.

    Raises FileNotFoundError if the package no longer ships the picture (nothing is downloaded).
    """
    if portrait is COLLINS:
        import skimage

        path = Path(skimage.__file__).parent / "data" / "astronaut.png"
    else:
        import matplotlib

        path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the portrait that this package used to carry is not there.")
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise FileNotFoundError(f"{path}: is no readable picture.")
    return np.ascontiguousarray(bgr[:, :, ::-1]).astype(np.uint8)


def cut_out(portrait: Portrait) -> Cutout:
    """Cut the person out with a soft edge, add a coat below, and build the pyramid."""
    picture = load_picture(portrait).astype(np.float32)
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.array(portrait.outline, np.int32)], (255,), cv2.LINE_AA)
    mask[-3:] = mask[-4]  # the outline's smoothed lower edge must not be carried into the coat
    mask = np.pad(mask, ((0, BODY), (MARGIN, MARGIN)), mode="edge")
    mask[:, :MARGIN] = 0
    mask[:, -MARGIN:] = 0
    # One pixel is taken off the edge first: the outermost one carries the old background's colour.
    soft = cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3), np.uint8)), (0, 0), 1.3)
    alpha = soft.astype(np.float32)[:, :, None]
    colour = np.concatenate([picture, _coat(picture)])
    colour = np.pad(colour, ((0, 0), (MARGIN, MARGIN), (0, 0)), mode="edge")
    return _pyramid(portrait, np.concatenate([colour * (alpha / 255.0), alpha], axis=2).astype(np.float32))


def _coat(picture: Array) -> Array:
    """Rows that continue the last ones: their colours, ever softer, fading to a dark shade of themselves."""
    last = picture[-6:].mean(axis=0, keepdims=True)
    fine, plain = (cv2.GaussianBlur(last, (0, 0), sigmaX=s, sigmaY=0.01) for s in (12.0, 60.0))
    down = np.linspace(0.0, 1.0, BODY, dtype=np.float32)[:, None, None]
    rows = fine * (1.0 - down) ** 16 + plain * (1.0 - (1.0 - down) ** 16)
    return np.asarray(rows * (1.0 - 0.6 * down), np.float32)


def _pyramid(portrait: Portrait, rgba: Array) -> Cutout:
    height, width = rgba.shape[:2]
    levels, scales = [rgba], [(1.0, 1.0)]
    for i in range(1, 9):
        size = (round(width * STEP**i), round(height * STEP**i))
        levels.append(cv2.resize(rgba, size, interpolation=cv2.INTER_AREA).astype(np.float32))
        scales.append((size[0] / width, size[1] / height))
    return Cutout(portrait, tuple(levels), tuple(scales))
