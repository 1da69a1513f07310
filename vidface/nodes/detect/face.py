"""detect.face: where the faces of a frame are, with a model like YuNet, SCRFD or RetinaFace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from vidface.data import Device, Faces, Frame
from vidface.data.card import Card
from vidface.errors import FrameError, ModelError, UsageError
from vidface.infer import session
from vidface.infer.manifest import Input
from vidface.node import FOREVER, Batch, Node
from vidface.nodes.detect._cadence import Cadence
from vidface.nodes.detect._heads import reader
from vidface.vision.detection import (
    STRIDES,
    Decoder,
    Found,
    faces_among,
    join,
    numbers_in,
    padded_size,
    to_tensor,
)
from vidface.vision.resize import resize
from vidface.vision.tiles import Pass, Tile, cut_off, merge, plan

_DEFAULT_SCORE: Final = 0.6
_CUDA_BATCH: Final = 8


class _View(NamedTuple):
    """A piece of a frame as the network will see it."""

    number: int
    frame: Frame
    whole: Pass
    tile: Tile
    picture: Any  # h x w x 3 in host memory, or a tensor of 3 x h x w on the card


class DetectFace(Node):
    """Find faces: box, score and five landmarks each, best score first.

    The frame is shrunk until its longer side has `width` pixels (a frame below half of that is
    doubled), so 16:9 at 640 costs 640 x 384 cells whichever way up it is. The network runs once per
    frame on the CPU, where batches gain nothing, and in batches of a fixed length on CUDA: what is
    found never depends on how frames are grouped. Boxes lower than the model's own least height
    (`min_network_px` of its manifest, in pixels of the shrunk picture) are left out: there, lit windows
    and leaves count as faces. To find smaller faces, raise `width` or use `tiles`.
    """

    model: str = Field("vidface-facedet", description="A model of the family yunet, scrfd or retinaface.")
    min_score: float | None = Field(
        None, gt=0, le=1, description="Detection score from which on a face counts; else the model's own."
    )
    width: int = Field(
        640, ge=64, le=8192, description="Pixels of the longer side of the picture that the network sees."
    )
    min_face_px: float = Field(
        0, ge=0, description="Faces less tall than this are left out; pixels of the full-size frame."
    )
    nms_iou: float = Field(0.3, gt=0, lt=1, description="Boxes that overlap more than this are one face.")
    vote: bool = Field(
        True, description="Average each face's box and landmarks over all that the network says of it."
    )
    every: int = Field(1, ge=1, description="Look at one frame in so many, and at the first after each cut.")
    tiles: Literal["off", "auto"] | Annotated[int, Field(ge=2, le=8)] = Field(
        "off",
        description="Also look at the frame in pieces: 'auto' as fine as min_face_px asks for "
        "(16 if not set), or so many tiles along the longer side.",
    )
    max_faces: int | None = Field(None, ge=1, description="Keep only so many, the best scores.")

    memory = FOREVER
    eases = True

    _model: session.Model
    _card: Card | None
    _input: Input
    _decode: Decoder
    _order: tuple[str, ...]
    _batch: int
    _fixed: tuple[int, int] | None
    _score: float
    _least_px: float
    _cadence: Cadence
    _odd: int

    @field_validator("tiles", mode="before")
    @classmethod
    def _yaml_off(cls, value: Any) -> Any:
        """YAML reads a bare `off` as false."""
        return "off" if value is False else value

    def models(self) -> tuple[str, ...]:
        return (self.model,)

    def open(self, device: Device) -> None:
        """Load the model.

        Raises:
            ModelError: it is missing, altered, or of a family that this node cannot read.
            UsageError: its input is of a fixed size that is smaller than `width`.
        """
        model = session.load(self.model, device, threads=1)
        manifest = model.manifest
        if manifest is None:
            raise ModelError(f"detect.face: {self.model} has no manifest, so its family is not known.")
        self._decode, self._order = reader(model, manifest.family)
        self._input = manifest.contract.inputs[0]
        batch, _, height, width = model.inputs[0].shape
        # Many exports declare a free batch axis that their last layers cannot follow.
        # A pool makes the batches itself.
        alone = device.kind == "cpu" or device.pool is not None or self._input.shape[0] == 1
        self._batch = batch or (1 if alone else _CUDA_BATCH)
        self._fixed = (width, height) if width and height else None
        if self._fixed and min(self._fixed) < self.width:
            raise UsageError(
                f"detect.face: {self.model} takes pictures of {width} x {height} pixels only, "
                f"but width is {self.width}; set width to {min(self._fixed)} or less."
            )
        self._score = self.min_score or float(manifest.defaults.get("min_score", _DEFAULT_SCORE))
        self._least_px = float(manifest.defaults.get("min_network_px", 0))
        self._model = model
        self._card = device.card
        self._cadence = Cadence(self.every)
        self._odd = 0

    def reset(self) -> None:
        self._cadence.reset()

    def ease(self, factor: int) -> None:
        self._cadence.ease(factor)

    def spared(self) -> int:
        return self._cadence.spared

    def facts(self) -> dict[str, Any]:
        """Detections that were no numbers, where there were any, with a note."""
        if not self._odd:
            return {}
        note = (
            f"{self._odd} detections of {self.model} were no numbers (NaN or infinite) and were left out, so "
            "faces may be missing: try --device cpu, or another model"
        )
        return {"no_numbers": self._odd, "notes": [note]}

    def close(self) -> None:
        self._model.close()

    def process(self, frame: Batch[Frame]) -> Batch[Faces]:
        """Faces of each frame; `Faces.none(looked=False)` for those that the cadence passes over.

        A frame that cannot be served gets a FrameError in its place, and the others their faces.
        """
        due = [place for place, one in enumerate(frame) if self._cadence.due(one.index)]
        seen = dict(zip(due, self._look([frame[i] for i in due]), strict=True))
        passed_over = Faces.none(looked=False)
        return Batch(seen.get(i, passed_over) for i in range(len(frame)))

    def _look(self, frames: list[Frame]) -> list[Any]:
        """Faces, or the FrameError, of each frame."""
        parts: list[list[tuple[Found, NDArray[np.bool_]]]] = [[] for _ in frames]
        faults: dict[int, FrameError] = {}
        waiting: dict[tuple[tuple[int, int], bool], list[_View]] = {}
        for number, frame in enumerate(frames):
            try:
                views = list(self._views(number, frame))
            except FrameError as error:
                faults[number] = error
                continue
            self._line_up(views, waiting, parts)
            views = []  # the next frame's large forms are made without this one's
        for (size, _), group in waiting.items():
            self._run(group, size, parts)
        return [faults.get(n) or self._faces(frame, parts[n]) for n, frame in enumerate(frames)]

    def _line_up(
        self,
        views: list[_View],
        waiting: dict[tuple[tuple[int, int], bool], list[_View]],
        parts: list[list[tuple[Found, NDArray[np.bool_]]]],
    ) -> None:
        """Add a frame's pieces to the groups of their size, and run those that are full.

        Nothing is left of the frame's large forms afterwards but in groups that wait.
        """
        for view in views:
            size = self._fixed or padded_size((view.tile.width, view.tile.height), self._multiple)
            place = (size, isinstance(view.picture, np.ndarray))
            group = waiting.setdefault(place, [])
            group.append(view)
            if len(group) == self._batch:
                self._run(waiting.pop(place), size, parts)

    def _views(self, number: int, frame: Frame) -> Iterator[_View]:
        if min(frame.size) < 1:
            raise FrameError(f"detect.face: frame {frame.index} has no pixels (its size is {frame.size}).")
        rgb, there = self._input.channels == "rgb", frame.on_card(self._card)
        form: Any = frame.rgb if rgb else frame.bgr
        if there is not None:
            form = there.card_rgb if rgb else there.card_bgr
        for whole in plan(frame.size, width=self.width, min_face_px=self.min_face_px, tiling=self.tiles):
            picture = form(whole.width)
            if there is not None:
                yield from _on_card(number, frame, whole, (there.card, picture))
                continue
            # Of a very narrow frame even one pixel of width is too much in proportion.
            if abs(picture.shape[0] - whole.height) > 1:
                picture = resize(picture, (whole.width, whole.height))
            seen = whole._replace(width=picture.shape[1], height=picture.shape[0])
            for tile in seen.tiles():
                piece = picture[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
                yield _View(number, frame, seen, tile, piece)

    def _run(
        self,
        group: list[_View],
        size: tuple[int, int],
        parts: list[list[tuple[Found, NDArray[np.bool_]]]],
    ) -> None:
        """Run the network on pictures of one size and add what it finds to the lists of their frames."""
        how = self._input
        pictures = [view.picture for view in group]
        if self._card is not None and not isinstance(pictures[0], np.ndarray):
            from vidface.vision.tensorwarp import batch_of

            with self._card.lane():
                tensor: Any = batch_of(
                    pictures, size, divide=how.divide, mean=how.mean, std=how.std, length=self._batch
                )
        else:
            tensor = to_tensor(pictures, size, divide=how.divide, mean=how.mean, std=how.std)
        if len(tensor) < self._batch:
            spare = np.zeros((self._batch - len(tensor), *tensor.shape[1:]), np.float32)
            tensor = np.concatenate([tensor, spare])
        outputs = self._model(tensor)
        found = self._decode([outputs[name] for name in self._order], size, self._score)
        for view, candidates in zip(group, found, strict=False):
            self._odd += int((~numbers_in(candidates)).sum())
            best = faces_among(candidates, self.nms_iou, voting=self.vote)
            best = best.pick(best.boxes[:, 3] - best.boxes[:, 1] >= self._least_px)
            cut = cut_off(best, view.tile, view.whole)
            scale = (view.frame.size[0] / view.whole.width, view.frame.size[1] / view.whole.height)
            parts[view.number].append((best.moved(scale, (view.tile.x, view.tile.y)), cut))

    def _faces(self, frame: Frame, parts: list[tuple[Found, NDArray[np.bool_]]]) -> Faces:
        """Merge what the pieces of a frame show, and leave out what was not asked for."""
        found = join([part for part, _ in parts])
        if len(parts) > 1:
            found = merge(found, np.concatenate([cut for _, cut in parts]), self.nms_iou)
        centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
        # In the padding there is nobody.
        inside = ((centres >= 0) & (centres <= np.asarray(frame.size, np.float32))).all(1)
        tall = found.boxes[:, 3] - found.boxes[:, 1] >= self.min_face_px
        found = found.pick(np.flatnonzero(inside & tall)[: self.max_faces])
        return Faces.of(found.boxes, scores=found.scores, landmarks=found.landmarks)

    @property
    def _multiple(self) -> int:
        return max(self._input.multiple, STRIDES[-1])


def _on_card(number: int, frame: Frame, whole: Pass, form: tuple[Card, Any]) -> Iterator[_View]:
    """The pieces of a form that lies on a card."""
    card, picture = form
    if abs(int(picture.shape[1]) - whole.height) > 1:
        from vidface.vision import tensorwarp

        with card.lane():
            size = (whole.width, whole.height)
            picture = tensorwarp.whole(tensorwarp.scaled(picture.float(), size))
    seen = whole._replace(width=int(picture.shape[2]), height=int(picture.shape[1]))
    for tile in seen.tiles():
        piece = picture[:, tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        yield _View(number, frame, seen, tile, piece)
