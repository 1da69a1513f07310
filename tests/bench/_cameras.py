"""Cameras for benchmarks: a long small clip with faces, and real RTSP servers that serve it."""

from __future__ import annotations

import signal
import socket
import subprocess
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("_gstserver.py")


def camera_clip(sample: Path, folder: Path, *, size: tuple[int, int], rate: int, seconds: int) -> Path:
    """The sample scaled, at `rate` frames a second, a key frame every 2 s, repeated by copying packets."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"camera_{size[1]}p{rate}_{seconds}.mp4"
    if path.is_file():
        return path
    base = folder / f"camera_{size[1]}p{rate}.mp4"
    if not base.is_file():
        _encode(sample, base, size, rate)
    _repeat(base, path, rate=rate, seconds=seconds)
    return path


def _encode(sample: Path, path: Path, size: tuple[int, int], rate: int) -> None:
    options = {"preset": "veryfast", "g": str(2 * rate), "bf": "0", "crf": "23"}
    with av.open(str(sample)) as source, av.open(str(path), "w") as sink:
        out = sink.add_stream("libx264", rate=rate, options=options)
        out.width, out.height = size
        out.pix_fmt = "yuv420p"
        out.codec_context.thread_count = (
            1  # two slices a picture: GStreamer makes two pictures of a key frame
        )
        due = 0
        for frame in source.decode(video=0):
            if frame.time * rate + 1e-6 < due:
                continue
            small = frame.reformat(*size, format="yuv420p")
            small.pts, small.time_base = due, Fraction(1, rate)
            sink.mux(out.encode(small))
            due += 1
        sink.mux(out.encode())


def _repeat(base: Path, path: Path, *, rate: int, seconds: int) -> None:
    draft = path.with_suffix(".draft.mp4")
    with av.open(str(draft), "w") as sink:
        out, shown = None, 0
        while shown < seconds * rate:
            with av.open(str(base)) as source:
                stream = source.streams.video[0]
                out = out or sink.add_stream_from_template(stream)
                for packet in source.demux(stream):
                    if not packet.size or packet.time_base is None:
                        continue
                    packet.pts = packet.dts = round(Fraction(shown, rate) / packet.time_base)
                    packet.stream = out
                    sink.mux(packet)
                    shown += 1
    draft.replace(path)


def free_port() -> int:
    """A port of loopback that nobody uses at present."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])


@dataclass
class Camera:
    """An RTSP server of its own process, which can be killed, stalled and started again."""

    clip: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"rtsp://127.0.0.1:{self.port}/cam"

    def start(self) -> None:
        """Serve; returns once it listens."""
        command = [SYSTEM_PYTHON, str(SERVER), str(self.clip), str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if self._process.stdout is None or self._process.stdout.readline() != b"ready\n":
            raise RuntimeError("the RTSP server did not start: gir1.2-gst-rtsp-server-1.0, python3-gi")

    def stall(self) -> None:
        """Its process stops, and its connections stay."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        """After `stall`."""
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """As if its plug were pulled."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
