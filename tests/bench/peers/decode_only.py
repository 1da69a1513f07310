"""Decoding alone with PyAV: what no program that reads the clip with FFmpeg can be faster than."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time

from tests.bench.peers._common import peak_mb
from vidface.media.benchclip import decoded_frames


def main() -> None:
    """Decode as many frames as asked for, print what it cost."""
    began, used = time.perf_counter(), time.process_time()
    count = decoded_frames(sys.argv[1], int(sys.argv[3]))
    cost = {
        "frames": count,
        "faces": 0,
        "points": 0,
        "wall_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - used,
        "peak_mb": peak_mb(),
        "versions": {"av": importlib.metadata.version("av")},
        "note": "nobody looks",
    }
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
