"""How long and how often to ask another system: retry with jitter inside a deadline, and a circuit breaker.

Knows nothing of HTTP, orders or tools.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

Result = TypeVar("Result")


class TryAgain(Exception):
    """The attempt failed in a way that another attempt may mend. `after_seconds` is the other side's own wish."""

    def __init__(self, message: str, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class CircuitOpen(Exception):
    """The other system failed so often lately that it is left alone for a while."""


@dataclass(frozen=True)
class Patience:
    """Bounds of one call, in seconds.

    `attempts` at most, together within `deadline_seconds`; waits grow twofold from `first_wait_seconds`, each drawn
    between zero and its bound ("full jitter"), so that many callers do not come back in step.
    """

    attempts: int = 3
    deadline_seconds: float = 5.0
    first_wait_seconds: float = 0.1
    longest_wait_seconds: float = 2.0


class CircuitBreaker:
    """Opens after `failures` failed calls in a row, and lets one call through after `rest_seconds` to try.

    Shared by the threads of a process; the other processes learn by themselves.
    """

    def __init__(
        self, failures: int = 5, rest_seconds: float = 15.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = failures
        self._rest = rest_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failed = 0
        self._closed_until = 0.0

    def before(self) -> None:
        """Ask whether a call may start. Raises CircuitOpen, which says how many seconds remain."""
        with self._lock:
            if self._failed < self._limit:
                return
            now = self._monotonic()
            if now < self._closed_until:
                raise CircuitOpen(
                    f"left alone after {self._failed} failures; next try in {self._closed_until - now:.0f} s"
                )
            # This caller is the probe. Until it reports, or rests as long again, the others keep waiting.
            self._closed_until = now + self._rest

    def succeeded(self) -> None:
        with self._lock:
            self._failed = 0

    def failed(self) -> None:
        with self._lock:
            self._failed += 1
            if self._failed >= self._limit:
                self._closed_until = self._monotonic() + self._rest


@dataclass(frozen=True)
class Persistent:
    """Calls another system under one breaker and one patience; the hands that move time are passed in for tests."""

    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    patience: Patience = field(default_factory=Patience)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random

    def call(self, attempt: Callable[[float], Result]) -> Result:
        """Return what `attempt` returns; it is handed the seconds that remain and raises TryAgain to be repeated.

        Raises CircuitOpen, the last TryAgain when patience ends, and whatever else `attempt` raises, which counts as
        an answer: the other system is alive.
        """
        self.breaker.before()
        ends = self.monotonic() + self.patience.deadline_seconds
        for number in range(self.patience.attempts):
            try:
                result = attempt(max(0.001, ends - self.monotonic()))
            except TryAgain as failure:
                wait = self._wait_after(failure, number)
                if number + 1 == self.patience.attempts or self.monotonic() + wait >= ends:
                    self.breaker.failed()
                    raise
                self.sleep(wait)
            except BaseException:
                self.breaker.succeeded()
                raise
            else:
                self.breaker.succeeded()
                return result
        raise AssertionError("patience allows at least one attempt")

    def _wait_after(self, failure: TryAgain, number: int) -> float:
        if failure.after_seconds is not None:
            return failure.after_seconds
        bound = min(self.patience.longest_wait_seconds, self.patience.first_wait_seconds * 2.0**number)
        return bound * self.draw()
