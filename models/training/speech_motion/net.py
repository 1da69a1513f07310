"""The network: a window of mel features becomes the expression of jaw and lips."""

from __future__ import annotations

import numpy as np
import torch
from corpus import Clip
from numpy.typing import NDArray
from torch import Tensor, nn

from vidface.vision.mouthshape import Mouth
from vidface.vision.speech import BANDS
from vidface.vision.speechwindow import ROWS

LATENT, WIDE, DROP = 10, 32, 0.3


class SpeechMotion(nn.Module):
    """mel (n, ROWS, BANDS) to expression (n, m): convolutions in time, then LATENT ways of the mouth."""

    def __init__(self, decode: NDArray[np.float64], *, wide: int = WIDE, drop: float = DROP) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(BANDS, wide, 5, stride=2, padding=2), nn.GELU(), nn.Dropout1d(drop / 2),
            nn.Conv1d(wide, wide, 5, stride=2, padding=2), nn.GELU(), nn.Dropout1d(drop / 2),
            nn.Conv1d(wide, wide, 3, stride=2, padding=1), nn.GELU(), nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Sequential(
            nn.Dropout(drop),
            nn.Linear(wide * ROWS // 8, wide),
            nn.GELU(),
            nn.Dropout(drop),
            nn.Linear(wide, LATENT),
        )
        self.register_buffer("decode", torch.from_numpy(decode.astype(np.float32)))

    def forward(self, mel: Tensor) -> Tensor:
        # Less its mean over the window, a band says nothing of the microphone and less of whose voice it is.
        bands = mel.transpose(1, 2)
        said: Tensor = self.head(self.body(bands - bands.mean(2, keepdim=True))) @ self.decode.T
        return said


class Mean(nn.Module):
    """What several networks say on average, widened by a gain about a middle."""

    def __init__(self, members: list[SpeechMotion]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.register_buffer("gain", torch.ones(()))
        self.register_buffer("middle", torch.zeros(len(members[0].decode)))

    def forward(self, mel: Tensor) -> Tensor:
        said = torch.stack([member(mel) for member in self.members]).mean(0)
        return self.middle + self.gain * (said - self.middle)


def directions(clips: list[Clip], mouth: Mouth) -> NDArray[np.float64]:
    """m x LATENT: how mouths move most, each with the size of one standard deviation."""
    moves = np.concatenate([clip.moves[np.isfinite(clip.moves).all(1)] for clip in clips]) @ mouth.lower.T
    values, vectors = np.linalg.eigh(mouth.metric + 1e-9 * np.eye(len(mouth.metric)))
    root = vectors * np.sqrt(np.clip(values, 1e-12, None)) @ vectors.T
    seen = moves @ root
    _, sizes, axes = np.linalg.svd(seen, full_matrices=False)
    scale = sizes[:LATENT] / np.sqrt(len(seen))
    back = np.linalg.lstsq(seen @ axes[:LATENT].T, moves, rcond=None)[0]
    return back.T * scale
