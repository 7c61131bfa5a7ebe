"""Says from a thread that this process lives and what it runs, so that readiness and the operator's page can tell."""

import threading
from collections.abc import Callable

import psutil
from sqlalchemy.exc import SQLAlchemyError

from services.store.processes import note_memory, say_alive, say_gone
from services.store.sessions import Sessions

EVERY_SECONDS = 10.0
SAMPLED_EVERY = 6
"""Beats between two notes of the memory in use: a minute."""


class Pulse:
    """A heartbeat of one process; its memory once a minute. A database that does not answer is told the next time."""

    def __init__(
        self,
        opener: Sessions,
        name: str,
        kind: str,
        checkpoint: Callable[[], str | None],
        cache_bytes: Callable[[], int] | None = None,
    ) -> None:
        self._sessions = opener
        self._name = name
        self._kind = kind
        self._checkpoint = checkpoint
        self._cache_bytes = cache_bytes
        self._beats = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop, and take the process off the list where the database answers."""
        self._stop.set()
        self._thread.join(timeout=2)
        try:
            with self._sessions() as session:
                say_gone(session, self._name)
        except SQLAlchemyError:
            return

    def beat(self) -> bool:
        """Beat once; say whether the database took it."""
        try:
            with self._sessions() as session:
                say_alive(session, self._name, self._kind, self._checkpoint())
                if self._beats % SAMPLED_EVERY == 0:
                    resident = psutil.Process().memory_info().rss
                    note_memory(session, self._name, self._kind, resident, self._cached())
        except SQLAlchemyError:
            return False
        self._beats += 1
        return True

    def _cached(self) -> int | None:
        return self._cache_bytes() if self._cache_bytes is not None else None

    def _run(self) -> None:
        while True:
            self.beat()
            if self._stop.wait(EVERY_SECONDS):
                return
