"""LivePortrait's networks: appearance, motion, warping with generator, and stitching where there is one."""

from __future__ import annotations

from typing import Final, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device
from vidface.errors import ModelError, ModelMismatchError
from vidface.infer import session
from vidface.infer.contract import Port, prepare
from vidface.infer.session import Model

POINTS: Final = 21
_FLAT: Final = POINTS * 3
_ANGLES: Final = ("pitch", "yaw", "roll")
_BINS: Final = 66


class RawMotion(NamedTuple):
    """What the motion network says of a picture, as it came.

    Attributes:
        pitch, yaw, roll: 66 or 1 numbers. shift: 3. expression, points: 21 x 3. scale: float.
    """

    pitch: NDArray[np.float32]
    yaw: NDArray[np.float32]
    roll: NDArray[np.float32]
    shift: NDArray[np.float32]
    expression: NDArray[np.float32]
    points: NDArray[np.float32]
    scale: float


class LivePortrait:
    """The open networks, each a model of its own with its own manifest.

    Families, as the manifests under models/ state them, told apart in the files by shapes and names:
    liveportrait-appearance takes one picture of 256 px and gives a volume; liveportrait-motion takes the same
    and gives three angles (66 bins or 1 number each, in the order pitch, yaw, roll where their names do not
    say), a shift (3), a scale (1), an expression (63, name with "exp") and points (63; without names the
    expression comes first); liveportrait-warping takes the volume, the points to drive to and the source's
    (in this order where names hold neither "driv" nor "source"), and gives a picture, RGB in [0, 1];
    liveportrait-stitching takes 126 numbers, the source's points and the driven ones, and gives 65: ways of
    the 21 points, then one of all of them.

    Attributes:
        size: side of the picture that goes in, pixels.

    Raises:
        ModelError: one is missing, altered, or of another family.
        ModelMismatchError: a file cannot follow its manifest.
    """

    def __init__(
        self, names: tuple[str, str, str], device: Device, *, stitching: str | None = None, threads: int = 1
    ) -> None:
        self._open: list[Model] = []
        kinds = ("appearance", "motion", "warping")
        self._look, self._move, self._draw = (
            self._load(name, kind, device, threads) for name, kind in zip(names, kinds, strict=True)
        )
        self._stitch = None if stitching is None else self._load(stitching, "stitching", device, threads)
        sides = {model.inputs[0].shape[2] for model in (self._look, self._move)}
        manifest = self._look.manifest
        if manifest is None or len(sides) != 1 or None in sides:
            self._refuse(self._look, f"appearance and motion should take one size, but take {sides}")
        self._spec = manifest.contract.inputs[0]
        self.size = int(sides.pop() or 0)
        self._ports = self._warping_ports()

    def features(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The volume of a source: size x size x 3 RGB in, whatever the warping network takes out."""
        return np.asarray(self._one(self._look, crop)[0])

    def motion(self, crop: NDArray[np.uint8]) -> RawMotion:
        """How the face of a crop moves: size x size x 3 RGB."""
        values = [one.reshape(-1) for one in self._one(self._move, crop)]
        names = [port.name.lower() for port in self._move.outputs]
        lengths = [len(one) for one in values]
        angles = self._angles(names, lengths)
        rest = [place for place in range(len(values)) if place not in angles]
        shift = [place for place in rest if lengths[place] == 3]
        scale = [place for place in rest if lengths[place] == 1]
        flat = [place for place in rest if lengths[place] == _FLAT]
        if (len(shift), len(scale), len(flat)) != (1, 1, 2):
            self._refuse(self._move, f"it gives {dict(zip(names, lengths, strict=True))} numbers")
        bent = next((place for place in flat if "exp" in names[place]), flat[0])
        (own,) = (place for place in flat if place != bent)
        pitch, yaw, roll = (values[place] for place in angles)
        return RawMotion(
            pitch,
            yaw,
            roll,
            shift=values[shift[0]],
            expression=values[bent].reshape(POINTS, 3),
            points=values[own].reshape(POINTS, 3),
            scale=float(values[scale[0]][0]),
        )

    def stitched(self, source: NDArray[np.float64], driven: NDArray[np.float64]) -> NDArray[np.float64]:
        """The driven points (21 x 3) moved so that the borders fit; as they are without that network."""
        if self._stitch is None:
            return driven
        both = np.concatenate([source.ravel(), driven.ravel()])[None].astype(np.float32)
        found = next(iter(self._stitch(both).values())).reshape(-1).astype(np.float64)
        if len(found) != _FLAT + 2:
            self._refuse(self._stitch, f"it should give {_FLAT + 2} numbers, but gave {len(found)}")
        moved = driven + found[:_FLAT].reshape(POINTS, 3)
        moved[:, :2] += found[_FLAT:]
        return moved

    def draw(
        self, features: NDArray[np.float32], source: NDArray[np.float64], driven: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """The picture: side x side x 3 float32 RGB, 0..255; NaN where the network failed."""
        volume, to, origin = self._ports
        feed = {
            volume.name: features,
            to.name: driven[None].astype(np.float32),
            origin.name: source[None].astype(np.float32),
        }
        found = next(iter(self._draw(**feed).values()))
        if found.ndim != 4 or found.shape[:2] != (1, 3) or found.shape[2] != found.shape[3]:
            self._refuse(self._draw, f"it should give 1 x 3 x S x S, but gave {found.shape}")
        return np.clip(np.ascontiguousarray(found[0].transpose(1, 2, 0), np.float32) * 255, 0, 255)

    def close(self) -> None:
        """Give back the sessions' memory."""
        for model in self._open:
            model.close()

    def _load(self, name: str, kind: str, device: Device, threads: int) -> Model:
        model = session.load(name, device, threads=threads)
        self._open.append(model)
        family = model.manifest.family if model.manifest else "unknown"
        if family != f"liveportrait-{kind}":
            raise ModelError(
                f"{name} is a model of the family {family}, but one of liveportrait-{kind} is wanted; "
                "vidface models list --task reenact shows them."
            )
        return model

    def _one(self, model: Model, crop: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        return list(model(prepare(self._spec, crop[None])).values())

    def _angles(self, names: list[str], lengths: list[int]) -> list[int]:
        """Places of pitch, yaw and roll among the motion network's outputs."""
        named = [[at for at, name in enumerate(names) if word in name] for word in _ANGLES]
        if all(len(one) == 1 for one in named):
            return [one[0] for one in named]
        binned = [at for at, length in enumerate(lengths) if length == _BINS]
        if len(binned) != len(_ANGLES):
            self._refuse(self._move, f"no three angles among {dict(zip(names, lengths, strict=True))}")
        return binned

    def _warping_ports(self) -> tuple[Port, Port, Port]:
        """Volume, points to drive to, points of the source."""
        ports = self._draw.inputs
        volumes = [port for port in ports if len(port.shape) == 5]
        points = [port for port in ports if port.shape[1:] == (POINTS, 3)]
        if len(volumes) != 1 or len(points) != 2 or len(ports) != 3:
            self._refuse(self._draw, f"it takes {', '.join(map(str, ports))}")
        if "source" in points[0].name.lower() or "driv" in points[1].name.lower():
            points.reverse()
        return volumes[0], points[0], points[1]

    def _refuse(self, model: Model, fault: str) -> NoReturn:
        raise ModelMismatchError(
            f"{model.name} ({model.path.name}) cannot follow the contract of its manifest: {fault}. "
            "Import the file that the manifest describes."
        )
