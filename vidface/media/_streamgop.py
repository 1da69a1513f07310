"""Types of pictures: how far key frames are apart, and how large and how coarse each type is coded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from vidface.data.plain import plain
from vidface.media._streamread import Picture, Reading

_DECIMALS: Final = 3


@dataclass(frozen=True, slots=True)
class KeyFrames:
    """Where a decoder can begin.

    Attributes:
        count: how many there are.
        spacing: distances between neighbours, in pictures as they are stored.
        usual: the most common distance; 0 with fewer than two key frames.
        longest: the longest, which is the encoder's limit where it is reached often.
        regular: all distances are the same.
        early: key frames that come before the usual distance is over, as at scene cuts.
    """

    count: int
    spacing: tuple[int, ...]
    usual: int
    longest: int
    regular: bool
    early: int

    def row(self) -> dict[str, Any]:
        """A plain dict, ready for JSON; the first 200 distances."""
        return {
            "count": self.count,
            "usual": self.usual,
            "longest": self.longest,
            "regular": self.regular,
            "early": self.early,
            "spacing": list(self.spacing[:200]),
        }


@dataclass(frozen=True, slots=True)
class Type:
    """The pictures of one type among those that were decoded; NaN where not known.

    Attributes:
        count: how many.
        bytes_median, bytes_most: of a picture.
        qp_mean, qp_low, qp_high: mean, least and highest of the pictures' mean quantisers.
        intra: mean share of area predicted from the picture itself.
    """

    count: int
    bytes_median: float
    bytes_most: float
    qp_mean: float
    qp_low: float
    qp_high: float
    intra: float

    def row(self) -> dict[str, Any]:
        """A plain dict, ready for JSON; null where not known."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: plain(value, _DECIMALS) for name, value in values.items()} | {"count": self.count}


def key_frames(reading: Reading) -> KeyFrames:
    """Distances between the key frames of all packets."""
    places = [i for i, one in enumerate(reading.packets) if one.key]
    gaps = np.diff(places) if len(places) > 1 else np.zeros(0, np.int64)
    if not len(gaps):
        return KeyFrames(len(places), (), 0, 0, regular=True, early=0)
    values, counts = np.unique(gaps, return_counts=True)
    # Of distances that are as common the longest is the rule, the others its exceptions.
    usual = int(values[len(values) - 1 - int(counts[::-1].argmax())])
    return KeyFrames(
        count=len(places),
        spacing=tuple(int(gap) for gap in gaps),
        usual=usual,
        longest=int(gaps.max()),
        regular=len(values) == 1,
        early=int((gaps < usual).sum()),
    )


def sizes_of(reading: Reading) -> list[float]:
    """Bytes of each decoded picture; NaN where its packet cannot be told."""
    by_time = {one.pts: float(one.size) for one in reading.packets if one.pts is not None}
    if by_time:
        return [np.nan if one.pts is None else by_time.get(one.pts, np.nan) for one in reading.pictures]
    # Bare streams state no times: without B pictures they are shown as they are stored.
    if any(one.kind == "B" for one in reading.pictures) or len(reading.packets) < len(reading.pictures):
        return [np.nan] * len(reading.pictures)
    return [float(one.size) for one in reading.packets[: len(reading.pictures)]]


def types_of(reading: Reading) -> dict[str, Type]:
    """Type -> what its pictures are like, I before P before B."""
    sizes = sizes_of(reading)
    found = {}
    for kind in ("I", "P", "B", "?"):
        rows = [(one, size) for one, size in zip(reading.pictures, sizes, strict=True) if one.kind == kind]
        if rows:
            found[kind] = _type([one for one, _ in rows], [size for _, size in rows])
    return found


def _type(pictures: list[Picture], sizes: list[float]) -> Type:
    qp = _known([one.qp for one in pictures])
    size, intra = _known(sizes), _known([one.intra for one in pictures])
    nan = float("nan")
    return Type(
        count=len(pictures),
        bytes_median=float(np.median(size)) if len(size) else nan,
        bytes_most=float(size.max()) if len(size) else nan,
        qp_mean=float(qp.mean()) if len(qp) else nan,
        qp_low=float(qp.min()) if len(qp) else nan,
        qp_high=float(qp.max()) if len(qp) else nan,
        intra=float(intra.mean()) if len(intra) else nan,
    )


def _known(values: list[float]) -> Any:
    array = np.array(values, np.float64)
    return array[np.isfinite(array)]
