"""Match detections with reference faces and sum up recall, precision, AP and landmark error."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from teacher import overlaps

Float = NDArray[np.float32]
SIZES = {
    "tiny <16": (0.0, 16.0),
    "small 16-32": (16.0, 32.0),
    "medium 32-96": (32.0, 96.0),
    "large >96": (96.0, 1e9),
}


@dataclass(slots=True)
class Tally:
    """Matches: detections (score, height, hit) and references (height, score of the match or 0, error)."""

    detections: list[tuple[float, float, bool]] = field(default_factory=list)
    references: list[tuple[float, float, float]] = field(default_factory=list)

    def add(self, found: Float, wanted: Float) -> None:
        """Greedy matching by falling score at IoU >= 0.5; `found` may hold low scores for AP."""
        ious = overlaps(found, wanted)
        partner = np.full(len(wanted), -1)
        for index in np.argsort(-found[:, 14], kind="stable"):
            free = np.where(partner < 0, ious[index], 0)
            best = int(free.argmax()) if len(wanted) else -1
            hit = best >= 0 and bool(free[best] >= 0.5)
            height = wanted[best, 3] - wanted[best, 1] if hit else found[index, 3] - found[index, 1]
            if hit:
                partner[best] = index
            self.detections.append((float(found[index, 14]), float(height), hit))
        for index, face in enumerate(wanted):
            match = found[partner[index]] if partner[index] >= 0 else None
            score = float(match[14]) if match is not None else 0.0
            error = landmark_error(match, face) if match is not None else float("nan")
            self.references.append((float(face[3] - face[1]), score, error))

    def merge(self, other: Tally) -> None:
        """Take in another tally's rows."""
        self.detections += other.detections
        self.references += other.references

    def summary(self, threshold: float, size: tuple[float, float] = (0.0, 1e9)) -> dict[str, float]:
        """Recall, precision, AP at IoU 0.5 (all-point), mean landmark error in % of inter-ocular distance."""
        found = np.array(self.detections, float).reshape(-1, 3)
        wanted = np.array(self.references, float).reshape(-1, 3)
        found = found[(found[:, 1] >= size[0]) & (found[:, 1] < size[1])]
        wanted = wanted[(wanted[:, 0] >= size[0]) & (wanted[:, 0] < size[1])]
        sure = found[found[:, 0] >= threshold]
        matched = wanted[wanted[:, 1] >= threshold]
        out = {"faces": len(wanted), "found": len(sure)}
        out["recall"] = len(matched) / len(wanted) if len(wanted) else float("nan")
        out["precision"] = float(sure[:, 2].mean()) if len(sure) else float("nan")
        out["landmark_error_pct"] = float(matched[:, 2].mean()) if len(matched) else float("nan")
        out["landmark_error_median_pct"] = float(np.median(matched[:, 2])) if len(matched) else float("nan")
        out["ap"] = average_precision(found, len(wanted))
        return {key: round(value, 4) for key, value in out.items()}


def landmark_error(found: Float, wanted: Float) -> float:
    """Mean distance of five points over the reference's inter-ocular distance, in percent."""
    points, truth = found[4:14].reshape(5, 2), wanted[4:14].reshape(5, 2)
    eyes = float(np.hypot(*(truth[0] - truth[1])))
    return 100 * float(np.hypot(*(points - truth).T).mean()) / max(eyes, 1e-3)


def average_precision(found: NDArray[np.float64], wanted: int) -> float:
    """Area under the precision-recall curve with the all-point (monotone) precision."""
    if not wanted:
        return float("nan")
    hits = found[np.argsort(-found[:, 0], kind="stable"), 2]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * hits).sum() / wanted)
