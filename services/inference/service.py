"""The engine on a thread of its own, shared by many: each caller waits only for its own requests.

Callers that arrive while others run join the next step, so a lone request never waits for a batch to fill. Admission
is bounded: when too many wait, the caller is told so and the job stays with the database, which owns it.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Self

from services.inference.engine import Engine
from services.inference.request import GenerationRequest, GenerationResult


class EngineBusy(Exception):
    """More requests wait than the service admits; try again later."""


class EngineStopped(Exception):
    """The engine's thread has ended, by `close` or by an error, which is the cause."""


@dataclass(frozen=True)
class ServiceLoad:
    """How much is under way: running and waiting requests, and the age of the oldest that waits, in seconds."""

    running: int
    waiting: int
    oldest_waiting_seconds: float


class EngineService:
    """`generate` may be called from any thread; it has the signature of `Engine.generate`. Use as a context."""

    def __init__(self, engine: Engine, max_waiting: int = 256) -> None:
        self._engine, self._max_waiting = engine, max_waiting
        self._arrived: deque[tuple[GenerationRequest, Future[GenerationResult], float]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def generate(self, requests: Iterable[GenerationRequest]) -> list[GenerationResult]:
        """Run the requests beside whatever else runs; return their results in order.

        Raises EngineBusy where too many wait, EngineStopped where the thread is gone, ValueError as `check` does.
        """
        batch: list[tuple[GenerationRequest, Future[GenerationResult], float]] = []
        for request in requests:
            self._engine.check(request)
            batch.append((request, Future(), time.monotonic()))
        with self._changed:
            if self._closing:
                raise EngineStopped("the engine has been closed") from self._failure
            waiting = len(self._arrived) + self._engine.load[1]
            if waiting and waiting + len(batch) > self._max_waiting:
                raise EngineBusy(f"{waiting} requests wait already; at most {self._max_waiting} may")
            self._arrived.extend(batch)
            self._changed.notify()
        return [future.result() for _, future, _ in batch]

    def load(self) -> ServiceLoad:
        with self._changed:
            running, waiting = self._engine.load
            oldest = self._arrived[0][2] if self._arrived else self._engine.oldest_waiting
            age = time.monotonic() - oldest if oldest is not None else 0.0
            return ServiceLoad(running, waiting + len(self._arrived), age)

    def close(self) -> None:
        """Let the step in flight end, then stop; whoever still waits gets EngineStopped."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _run(self) -> None:
        waiters: dict[int, Future[GenerationResult]] = {}
        try:
            while self._take(waiters):
                for ticket, result in self._engine.step():
                    waiters.pop(ticket).set_result(result)
        except BaseException as error:
            # Nobody would see a thread die: the error goes to every waiting caller before it ends the thread.
            self._failure = error
            raise
        finally:
            self._abandon(waiters)

    def _take(self, waiters: dict[int, Future[GenerationResult]]) -> bool:
        """Hand what arrived to the engine; sleep while there is nothing to do. False when it is time to stop."""
        with self._changed:
            while not (self._closing or self._arrived or waiters):
                self._changed.wait()
            if self._closing:
                return False
            while self._arrived:
                request, future, arrived = self._arrived.popleft()
                waiters[self._engine.submit(request, arrived)] = future
        return True

    def _abandon(self, waiters: dict[int, Future[GenerationResult]]) -> None:
        with self._changed:
            self._closing = True
            left = [*waiters.values(), *(future for _, future, _ in self._arrived)]
            self._arrived.clear()
        for future in left:
            stopped = EngineStopped("the engine stopped before this request ended")
            stopped.__cause__ = self._failure
            future.set_exception(stopped)
