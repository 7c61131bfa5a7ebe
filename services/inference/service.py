"""One engine, many callers: whoever waits runs the steps, and each waits only for its own requests.

No thread of its own, so nothing to close: the first caller leads, runs steps for everybody until its own requests have
ended, and hands over to another who still waits. Callers that arrive meanwhile join the next step, so a lone request
never waits for a batch to fill. Admission is bounded: when too many wait, the caller is told so and the job stays with
the database, which owns it.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

from services.inference.engine import Engine
from services.inference.request import GenerationRequest, GenerationResult
from services.ports import DeciderUnavailable

_TURN = threading.Lock()
"""One step at a time in a process: two engines at once (champion and candidate) would fight for the same cores."""


class EngineBusy(DeciderUnavailable):
    """More requests wait than the service admits; try again later."""


class EngineFailed(DeciderUnavailable):
    """A step failed while this request was under way; the cause says why, and nobody can say whose fault it was."""


@dataclass(frozen=True)
class ServiceLoad:
    """How much is under way: running and waiting requests, and the age of the oldest that waits, in seconds."""

    running: int
    waiting: int
    oldest_waiting_seconds: float


class EngineService:
    """`generate` may be called from any thread; it has the signature of `Engine.generate`."""

    def __init__(self, engine: Engine, max_waiting: int = 256) -> None:
        self._engine, self._max_waiting = engine, max_waiting
        self._arrived: deque[tuple[GenerationRequest, Future[GenerationResult], float]] = deque()
        self._under_way: dict[int, Future[GenerationResult]] = {}
        self._changed = threading.Condition()
        self._led = False

    def generate(self, requests: Iterable[GenerationRequest]) -> list[GenerationResult]:
        """Run the requests beside whatever else runs; return their results in order.

        Raises EngineBusy where too many wait, EngineFailed where a step broke, ValueError as `check` does.
        """
        batch: list[tuple[GenerationRequest, Future[GenerationResult], float]] = []
        for request in requests:
            self._engine.check(request)
            batch.append((request, Future(), time.monotonic()))
        with self._changed:
            waiting = len(self._arrived) + self._engine.load[1]
            if waiting and waiting + len(batch) > self._max_waiting:
                raise EngineBusy(f"{waiting} requests wait already; at most {self._max_waiting} may")
            self._arrived.extend(batch)
        mine = [future for _, future, _ in batch]
        while self._wait_or_lead(mine):
            # What breaks a step is told to everybody through their futures, this caller among them.
            with suppress(Exception):
                self._lead(mine)
        return [future.result() for future in mine]

    def load(self) -> ServiceLoad:
        with self._changed:
            running, waiting = self._engine.load
            oldest = self._arrived[0][2] if self._arrived else self._engine.oldest_waiting
            age = time.monotonic() - oldest if oldest is not None else 0.0
            return ServiceLoad(running, waiting + len(self._arrived), age)

    def _wait_or_lead(self, mine: list[Future[GenerationResult]]) -> bool:
        """Wait while another leads; False once all of `mine` have ended, True when it is this caller's turn to lead."""
        with self._changed:
            while self._led and not _ended(mine):
                self._changed.wait()
            if _ended(mine):
                return False
            self._led = True
            return True

    def _lead(self, mine: list[Future[GenerationResult]]) -> None:
        """Run steps for everybody until `mine` have ended."""
        try:
            while not _ended(mine):
                with self._changed:
                    while self._arrived:
                        request, future, arrived = self._arrived.popleft()
                        self._under_way[self._engine.submit(request, arrived)] = future
                with _TURN:
                    finished = self._engine.step()
                if finished:
                    with self._changed:
                        for ticket, result in finished:
                            self._under_way.pop(ticket).set_result(result)
                        self._changed.notify_all()
        except BaseException as error:
            # Whatever broke the step, everybody would wait for ever for results that nobody makes.
            self._fail_all(error)
            raise
        finally:
            with self._changed:
                self._led = False
                self._changed.notify_all()

    def _fail_all(self, error: BaseException) -> None:
        with self._changed:
            self._engine.drop_all()
            for future in self._under_way.values():
                failed = EngineFailed(f"the engine's step failed: {error}")
                failed.__cause__ = error
                future.set_exception(failed)
            self._under_way.clear()


def _ended(futures: list[Future[GenerationResult]]) -> bool:
    return all(future.done() for future in futures)
