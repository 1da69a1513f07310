"""The faces of one still picture, and their meshes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device, Frame
from vidface.data.mesh import POINTS
from vidface.errors import ModelError
from vidface.infer import session
from vidface.nodes.mesh._network import MeshNetwork
from vidface.vision.boxes import nms
from vidface.vision.detection import Found, decode_yunet, padded_size, to_tensor, vote
from vidface.vision.meshcrop import Matrix, crop_of_landmarks, crop_of_mesh
from vidface.vision.resize import resize

DETECTOR: Final = "vidface-facedet"
MESHER: Final = "vidface-facemesh"
_SIDE: Final = 640
_NMS_IOU: Final = 0.3
_PRESENT: Final = 0.5
_HEADS: Final = tuple(f"{kind}_{step}" for kind in ("cls", "obj", "bbox", "kps") for step in (8, 16, 32))


def meshes_of_still(
    picture: Frame, device: Device, *, detector: str = DETECTOR, mesher: str = MESHER
) -> NDArray[np.float32]:
    """Every face of a picture, the largest first: n x 478 x 3, pixels of the picture.

    Args:
        detector: a model of the family yunet. mesher: one of the task mesh.

    Raises:
        ModelError: a model is missing, altered, or of another kind.
    """
    found = _faces(picture, detector, device)
    network = MeshNetwork(mesher, device)
    try:
        meshes = [mesh for five in found.landmarks if (mesh := _read(network, picture, five)) is not None]
    finally:
        network.close()
    meshes.sort(key=lambda mesh: -float(np.ptp(mesh[:, 1])))
    return np.stack(meshes) if meshes else np.zeros((0, POINTS, 3), np.float32)


def _read(network: MeshNetwork, picture: Frame, five: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Read twice, the second time where the first mesh lies; None where the crop shows no face."""
    crop: Matrix | None = None
    with suppress(ValueError):
        crop = crop_of_landmarks(five, network.size)
        crop = crop_of_mesh(network(picture, [crop]).points[0], network.size)
    if crop is None:
        return None
    read = network(picture, [crop])
    sure = read.presence[0] >= _PRESENT and np.isfinite(read.points[0]).all()
    return read.points[0] if sure else None


def _faces(picture: Frame, name: str, device: Device) -> Found:
    model = session.load(name, device, threads=1)
    try:
        if model.manifest is None or model.manifest.family != "yunet":
            raise ModelError(f"{name} is no detector of the family yunet, which reads still pictures.")
        spec, score = model.manifest.contract.inputs[0], model.manifest.defaults.get("min_score", 0.6)
        wide, high = picture.size
        share = min(1.0, _SIDE / max(wide, high))
        small = max(1, round(wide * share)), max(1, round(high * share))
        pixels: Any = resize(picture.rgb(), small)
        size = padded_size(small, max(spec.multiple, 32))
        ordered = pixels[..., ::-1] if spec.channels == "bgr" else pixels
        tensor = to_tensor([ordered], size, divide=spec.divide, mean=spec.mean, std=spec.std)
        outputs = model(tensor)
    finally:
        model.close()
    (candidates,) = decode_yunet([outputs[head] for head in _HEADS], size, float(score))
    best = vote(candidates.pick(nms(candidates.boxes, candidates.scores, _NMS_IOU)), candidates)
    return best.moved((wide / small[0], high / small[1]))
