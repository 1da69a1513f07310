"""The process of one camera: takes orders on standard input, sends messages on standard output.

    python -m vidface.media.live._child

All that can hang in FFmpeg hangs here, where it can be killed. It imports nothing but PyAV, and ends when
its standard input does, so it never outlives the program that began it, however that ended.
"""

from __future__ import annotations

import os
import queue
import threading
from io import FileIO
from typing import BinaryIO

from vidface.media.live._demux import watch
from vidface.media.live._player import play
from vidface.media.live.wire import Message, Order, encode


class Post:
    """Where messages go and orders come from.

    Args:
        pipe: of the parent.
    """

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._recalled = threading.Event()

    def send(self, message: Message) -> None:
        """Send at once."""
        self._pipe.write(encode(message))
        self._pipe.flush()

    def recalled(self, wait_s: float = 0.0) -> bool:
        """Another order has come, so the present work is over; wait up to `wait_s` for one."""
        return self._recalled.wait(wait_s) if wait_s > 0 else self._recalled.is_set()

    def order(self) -> Order:
        """Wait for the next order."""
        order = self._orders.get()
        if self._orders.empty():
            self._recalled.clear()
        return order

    def listen(self, pipe: FileIO) -> None:
        """Take orders until the parent is gone, and then go as well, whatever FFmpeg is doing."""
        for line in iter(pipe.readline, b""):
            self._orders.put(Order.of(line))
            self._recalled.set()
        os._exit(0)


def main() -> None:
    """Serve orders until the parent goes."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get among the messages
    post = Post(pipe)
    # Without a buffer: its lock, held by a thread that waits, would keep a failing process from ending.
    orders = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - open as long as the process
    threading.Thread(target=post.listen, args=(orders,), daemon=True).start()
    try:
        while True:
            order = post.order()
            end = watch(order, post) if order.player is None else play(order, post)
            if end is not None:
                post.send(end)
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
