"""Progress of long work: a bar on a terminal, a line a minute elsewhere, and to whoever listens. Stores nothing."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int, int, str], None]
"""Called after every step: (title, done, total, note)."""

_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell `listener` of every step that is made while the block runs."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


class Progress:
    """Counts steps from `done` to `total`; `step` adds one and shows a short note."""

    def __init__(self, title: str, total: int, done: int = 0) -> None:
        self.title, self.total, self.done = title, total, done
        self._first, self._started, self._shown = done, time.monotonic(), 0.0
        self._terminal = sys.stderr.isatty()

    def step(self, note: str = "") -> None:
        self.done += 1
        if (listener := _listener.get()) is not None:
            listener(self.title, self.done, self.total, note)
        now = time.monotonic()
        if now - self._shown < (0.2 if self._terminal else 60.0) and self.done < self.total:
            return
        self._shown = now
        share = self.done / max(1, self.total)
        rate = (now - self._started) / max(1, self.done - self._first)
        left = int(rate * (self.total - self.done))
        bar = "#" * int(share * 24)
        line = f"{self.title} [{bar:<24}] {self.done}/{self.total}  {left // 60}:{left % 60:02d} left  {note}"
        end = "\n" if not self._terminal or self.done >= self.total else ""
        sys.stderr.write(("\r\x1b[2K" if self._terminal else "") + line + end)
        sys.stderr.flush()
