"""Says from a thread that this process lives and what it runs, so that readiness and the operator's page can tell."""

import threading
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from services.store.processes import say_alive, say_gone
from services.store.sessions import Sessions

EVERY_SECONDS = 10.0


class Pulse:
    """A heartbeat of one process. A database that does not answer is told the next time."""

    def __init__(self, opener: Sessions, name: str, kind: str, checkpoint: Callable[[], str | None]) -> None:
        self._sessions = opener
        self._name = name
        self._kind = kind
        self._checkpoint = checkpoint
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
        except SQLAlchemyError:
            return False
        return True

    def _run(self) -> None:
        while True:
            self.beat()
            if self._stop.wait(EVERY_SECONDS):
                return
