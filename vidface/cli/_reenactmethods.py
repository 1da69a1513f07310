"""`vidface eval reenact`, the methods: a source picture and a mesh to take on, a picture that has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.errors import ModelMissingError
from vidface.infer import weights
from vidface.infer.devices import resolve
from vidface.infer.portrait import PortraitNetwork
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import five_of_mesh
from vidface.vision.portrait import Look, PortraitSource
from vidface.vision.portrait import render as draw

NETWORK: Final = "vidface-portrait"
Picture = NDArray[np.uint8]
Mesh = NDArray[np.float32]
Render = Callable[[Mesh], Picture]
"""478 x 3 in pixels of the source picture -> the source person with that mesh, of the same size."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The picture that is to move.

    Attributes:
        picture: h x w x 3 uint8 RGB. mesh: 478 x 3, pixels of it.
        model: the mesh model.
    """

    picture: Picture
    mesh: Mesh
    model: MeshModel


class Method(NamedTuple):
    """One way to animate a picture.

    Attributes:
        about: what it does, for the report.
        open: what can be prepared once a source goes here; gives what is called once a frame.
        model: that it loads; where its weights are not at hand, it is left out unless asked for.
    """

    about: str
    open: Callable[[Source], Render]
    model: str | None = None


def static(source: Source) -> Render:
    """The picture as it is, whatever the driver does."""
    return lambda _: source.picture


def affine(source: Source) -> Render:
    """The whole picture under the affine map that takes its five landmarks to the target's, least squares."""
    five = five_of_mesh(source.mesh)
    here = np.column_stack([five - 0.5, np.ones(5)])

    def render(mesh: Mesh) -> Picture:
        way = np.linalg.lstsq(here, five_of_mesh(mesh) - 0.5, rcond=None)[0].T
        size = source.picture.shape[1::-1]
        moved = cv2.warpAffine(
            source.picture, way, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(moved, np.uint8)

    return render


def warp(source: Source) -> Render:
    """The mesh's own motion: reenact.portrait with `engine: warp`."""
    portrait = PortraitSource([Look(source.picture, source.mesh)], source.model)
    return lambda mesh: draw(portrait, mesh).picture


def network(source: Source) -> Render:
    """The same with `engine: network`: it sets the motion right and fills what the picture does not show.

    Raises:
        ModelError: the network is missing or altered.
    """
    portrait = PortraitSource([Look(source.picture, source.mesh)], source.model)
    painter = PortraitNetwork(NETWORK, resolve("auto"), threads=2)
    return lambda mesh: draw(portrait, mesh, painter).picture


def at_hand() -> tuple[str, ...]:
    """Names of the methods whose weights are here."""
    return tuple(name for name, method in METHODS.items() if method.model is None or _here(method.model))


def _here(model: str) -> bool:
    try:
        weights.find(model)
    except ModelMissingError:
        return False
    return True


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "static": Method("the source picture as it is", static),
        "affine": Method("the whole picture, affine by five landmarks", affine),
        "warp": Method("reenact.portrait without a network: the picture moved by its mesh", warp),
        "network": Method(f"the portrait network {NETWORK}", network, NETWORK),
    }
)
"""Name -> method; a new one is one line here."""
