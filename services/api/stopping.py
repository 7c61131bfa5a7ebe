"""Learns of a stop signal before the server does, so that endless answers can end instead of being cut off."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def told_of_stop(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` in the running loop when a stop signal comes, and then the handler that was there, for the block.

    A server waits for open answers before it ends the application, and a stream of events is always open. Where
    Python allows no handlers (outside of the main thread), the server's own time limit has to do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}

    def tell(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)
        previous = before[signal.Signals(number)]
        if callable(previous):
            previous(number, frame)

    for number, previous in before.items():
        if callable(previous):
            signal.signal(number, tell)
    try:
        yield
    finally:
        for number, previous in before.items():
            if callable(previous):
                signal.signal(number, previous)
