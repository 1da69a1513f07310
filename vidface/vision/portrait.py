"""A portrait drawn with another mesh: the source picture moved, and what it does not show made up for.

Everything happens in a square around the head, cut out as `vidface.vision.headsquare` does. The field of
places is worked out at `FIELD` pixels and enlarged for a finer square, so that hair and skin keep the
sharpness of the picture they are taken from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.vision.facecrop import Region, aligned, scale_of
from vidface.vision.flowaround import Bounds
from vidface.vision.floweyes import Slit, teeth
from vidface.vision.lookshares import shares
from vidface.vision.meshcrop import to_crop
from vidface.vision.meshflow import Known, MeshField, mesh_field, visible
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import EYE_LEFT, EYE_RIGHT, LIPS_INNER
from vidface.vision.motionfit import Person
from vidface.vision.motionput import Face
from vidface.vision.resize import resize
from vidface.vision.rigid import angle_between
from vidface.vision.softedge import softened

Array = NDArray[np.float32]
Matrix = NDArray[np.float64]
Picture = NDArray[np.uint8]

FIELD: Final = 256
_EDGE: Final = 0.06
"""Width of the soft border, in sides of the square."""
_INSIDE_MOUTH: Final = (44.0, 18.0, 17.0)
"""RGB of the dark behind the teeth."""
_SHUT: Final = 0.05
"""Mouths open less than this show no teeth; inter-ocular distances."""


Painter = Callable[[Picture, Array, Array], tuple[Array, Array, Array]]
"""A network: source, places and guides of `FIELD` pixels -> places set right, trust in them, and a change.

See `vidface.infer.portrait`: the source taken at either places, mixed by trust, and what is added.
"""


class Drawn(NamedTuple):
    """What an engine gives.

    Attributes:
        picture: side x side x 3 uint8 RGB.
        alpha: side x side float32, where it may show over what was there: 1, soft to 0 at the border.
    """

    picture: Picture
    alpha: Array


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One picture of the person.

    Attributes:
        picture: side x side x 3 uint8 RGB. mesh: 478 x 3, pixels of it.
        bounds: left, top, right, bottom of the part that is not made up beyond the picture's edge.
    """

    picture: Picture
    mesh: Array
    bounds: Bounds | None = None


class PortraitSource:
    """A person's pictures, cut out, of one size; the first one says where and how the person is at rest.

    Args:
        looks: one or more.
        model: the mesh model.
        person: what is known of the person already; None learns from the looks.

    Raises:
        ValueError: no look, or pictures that are not square and of one size.
    """

    def __init__(self, looks: Sequence[Look], model: MeshModel, person: Person | None = None) -> None:
        sizes = {look.picture.shape for look in looks}
        if len(sizes) != 1 or next(iter(sizes))[0] != next(iter(sizes))[1]:
            raise ValueError(f"a portrait wants square pictures of one size, but got {sorted(sizes)}")
        self.model = model
        if person is None:
            person = Person(model)
            for look in reversed(looks):
                person.read(look.mesh)
        self.face = Face(model, looks[0].mesh, person)
        self.side = int(looks[0].picture.shape[0])
        reads = [person.read(look.mesh, learn=False) for look in looks]
        self.turns = np.stack([read.skull.rotation for read in reads])
        self._person = person
        self.looks = (looks[0], *(_in_light_of(looks[0], look, model) for look in looks[1:]))
        self.seen = tuple(visible(look.mesh, model) for look in looks)
        self.openings = tuple(Slit(look.mesh, LIPS_INNER).opening for look in looks)

    @cached_property
    def mouth(self) -> int:
        """Which look shows most of the mouth's inside."""
        return int(np.argmax(self.openings))

    @property
    def shows_mouth(self) -> bool:
        """Some look shows the inside of the mouth."""
        return self.openings[self.mouth] >= _SHUT

    @cached_property
    def small(self) -> tuple[Picture, ...]:
        """The looks at `FIELD` pixels, as a network takes them."""
        return tuple(resize(look.picture, (FIELD, FIELD)) for look in self.looks)

    def apart(self, target: Any) -> Matrix:
        """n degrees, by how much each look is turned away from a mesh."""
        return np.asarray(angle_between(self.turns, self.turn_of(target)[None]), np.float64)

    def turn_of(self, mesh: Any) -> Matrix:
        """3 x 3, how the skull of a mesh of this person is turned."""
        return self._person.read(mesh, learn=False).skull.rotation


def look_of(pixels: Picture, mesh: Any, matrix: Matrix, side: int) -> Look:
    """A look cut out of a picture; beyond the picture its edge goes on, ever softer."""
    high, wide = pixels.shape[:2]
    return look_in(Region(pixels, 0, 0), (wide, high), mesh=mesh, matrix=matrix, side=side)


def look_in(piece: Region, size: tuple[int, int], *, mesh: Any, matrix: Matrix, side: int) -> Look:
    """A look cut out of a picture of which a piece is at hand.

    Args:
        size: width and height of the whole picture.
        mesh: 478 x 3, pixels of that.
        matrix: 2 x 3 from the whole picture's pixels to the square's.
        side: of the square, pixels.
    """
    cut = np.asarray(aligned(piece.pixels, piece.matrix(matrix), side), np.uint8)
    scale, (left, top) = scale_of(matrix), matrix[:, 2].tolist()
    bounds = inner_bounds(left, top, (size[0] * scale, size[1] * scale), side)
    return Look(softened(cut, bounds), to_crop(mesh, matrix), bounds)


def inner_bounds(left: float, top: float, size: tuple[float, float], side: int) -> Bounds:
    """The part of a square that a picture covers whose top left corner and size are given."""
    ends = (left, top, left + size[0], top + size[1])
    return tuple(float(np.clip(end, 0, side)) for end in ends)  # type: ignore[return-value]


def render(source: PortraitSource, target: Any, painter: Painter | None = None) -> Drawn:
    """The person with another mesh.

    Outside the face that is the first look; inside, other looks take over as far as they are turned more
    like the target and show what the first one does not. Without a painter pictures are moved, no more: the
    inside of the mouth hangs from the upper lip and comes from the look whose mouth is most open, where the
    first one's is shut; what no look shows is dark. A painter sets places right and draws what no picture
    shows, also the inside of a mouth that is shut in all of them: teeth that were seen follow the lips
    better than drawn ones (r .73 against .69 across people).

    Args:
        source: the pictures.
        target: 478 x 3, pixels of the square, finite.
        painter: a network that follows the field; None moves pictures alone.
    """
    mesh = np.asarray(target, np.float32)
    field = field_to(source, 0, mesh)
    first = out = _shown(source, 0, field, painter)
    if len(source.looks) > 1:
        apart = source.apart(mesh)
        nearer: list[int] = np.flatnonzero(apart < apart[0]).tolist()
        there = {look: field_to(source, look, mesh) for look in nearer}
        for look, share in shares(field, there, apart).items():
            taken = _shown(source, look, there[look], painter)
            out = np.asarray(out + (taken - first) * _grown(share, source.side)[..., None], np.float32)
    if painter is None or source.shows_mouth:
        out = _with_mouth(out, field, source, mesh)
    return Drawn(np.clip(out + 0.5, 0, 255).astype(np.uint8), border(source.side))


def field_to(source: PortraitSource, look: int, target: Array) -> MeshField:
    """The field from a look to a target mesh, at `FIELD` pixels; places in those."""
    scale = np.float32(FIELD / source.side)
    here = source.looks[look].mesh * scale
    bounds = source.looks[look].bounds
    inner = None if bounds is None else tuple(float(end * scale) for end in bounds)
    known = Known(source.seen[look], inner)  # type: ignore[arg-type]
    return mesh_field(here, target * scale, model=source.model, size=(FIELD, FIELD), known=known)


def border(side: int) -> Array:
    """Alpha of a square: 1, falling smoothly to 0 within its border."""
    at = np.arange(side, dtype=np.float32) + np.float32(0.5)
    rise = np.clip(np.minimum(at, side - at) / (_EDGE * side), 0, 1)
    rise = rise * rise * (3 - 2 * rise)
    return np.asarray(np.minimum(rise[:, None], rise[None]), np.float32)


def _moved(picture: Picture, places: Array, side: int) -> Array:
    """The picture taken at places (of `FIELD`), float32."""
    if side != FIELD:
        places = cv2.resize(places, (side, side), interpolation=cv2.INTER_LINEAR) * np.float32(side / FIELD)
    return _taken(picture, np.asarray(places, np.float32), cv2.INTER_CUBIC)


def _taken(picture: Picture, places: Array, how: int) -> Array:
    x, y = cv2.split(places - np.float32(0.5))
    return np.asarray(cv2.remap(picture, x, y, how, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _grown(mask: Array, side: int) -> Array:
    if side == len(mask):
        return mask
    return np.asarray(cv2.resize(mask, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def _shown(source: PortraitSource, look: int, field: MeshField, painter: Painter | None) -> Array:
    """A look moved along its field; by a painter, in the same sharpness where that trusts it."""
    picture = source.looks[look].picture
    plain = _moved(picture, field.places, source.side)
    if painter is None:
        return plain
    guides = np.dstack([field.inside, field.seen, field.mouth, field.code])
    places, trust, change = painter(source.small[look], field.places, np.asarray(guides, np.float32))
    plain += (_moved(picture, places, source.side) - plain) * _grown(trust, source.side)[..., None]
    return np.asarray(plain + _grown(change, source.side), np.float32)


def _with_mouth(out: Array, field: MeshField, source: PortraitSource, mesh: Array) -> Array:
    """The inside of the mouth, in place."""
    # A little beyond the edge, for the soft border.
    rows, columns = np.nonzero(cv2.dilate(field.mouth, np.ones((7, 7), np.uint8)))
    if not field.mouth.any():
        return out
    look = 0 if source.openings[0] >= _SHUT else source.mouth
    scale = source.side / FIELD
    grid = (np.column_stack([columns, rows]) + 0.5) * scale
    places, unknown = teeth(grid, source.looks[look].mesh, mesh)
    if source.openings[look] < _SHUT:
        unknown = np.ones_like(unknown)
    top, left = int(rows.min()), int(columns.min())
    patch = np.zeros((int(rows.max()) + 1 - top, int(columns.max()) + 1 - left, 4), np.float32)
    patch[..., :2] = places[0]
    cover = cv2.GaussianBlur(field.mouth, (0, 0), 0.8)[rows, columns]
    patch[rows - top, columns - left] = np.column_stack([places, unknown, cover])
    x, y = round(left * scale), round(top * scale)
    size = round((left + patch.shape[1]) * scale) - x, round((top + patch.shape[0]) * scale) - y
    fine: Any = cv2.resize(patch, size, interpolation=cv2.INTER_LINEAR) if scale != 1 else patch
    inner = _taken(source.looks[look].picture, fine[..., :2], cv2.INTER_CUBIC)
    inner += (_darkness(source) - inner) * fine[..., 2:3]
    region = out[y : y + size[1], x : x + size[0]]
    region += (inner - region) * np.clip(fine[..., 3:], 0, 1)
    return out


def _darkness(source: PortraitSource) -> Array:
    """RGB of a mouth's inside, as dark as the picture is."""
    bright = float(np.clip(_mean_skin(source.looks[0], source.model).mean() / 150, 0.4, 1.3))
    return np.asarray(_INSIDE_MOUTH, np.float32) * np.float32(bright)


def _mean_skin(look: Look, model: MeshModel) -> Array:
    """RGB, the middle of the colours at the mesh's stable points."""
    side = look.picture.shape[0]
    spots = np.clip(look.mesh[np.asarray(model.stable)][:, :2].astype(int), 0, side - 1)
    return np.asarray(np.median(look.picture[spots[:, 1], spots[:, 0]], axis=0), np.float32)


def _in_light_of(first: Look, other: Look, model: MeshModel) -> Look:
    """Another look in the brightness and tint of the first one's skin."""
    gain = np.clip(_mean_skin(first, model) / np.maximum(_mean_skin(other, model), 1), 0.5, 2)
    return Look(np.clip(other.picture * gain + 0.5, 0, 255).astype(np.uint8), other.mesh, other.bounds)


def eyes_shut(look: Look) -> bool:
    """Both eyes are closed, so the picture does not show how they look."""
    return all(Slit(look.mesh, ring).opening < _SHUT for ring in (EYE_RIGHT, EYE_LEFT))
