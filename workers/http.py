"""Composes the HTTP application that `workers.serve` runs: the queue API, the pages, and the nudge to the workers.

Holds no endpoint. Pages of packages that are not there are left out.
"""

import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec

from fastapi import FastAPI

from infra.queue import LOCAL_BROKER, Poker, TaskName
from infra.settings import Settings, get_settings
from services.api.app import create_app

PAGES = ("review_ui.app",)
"""Modules whose `extend(app)` adds pages to the server."""

MOST_AT_ONCE = 4


class Nudge:
    """Tells the workers, from a thread of its own, that something was stored; never blocks and never raises.

    Nudges that come while one is being sent are sent together: a worker that wakes takes all there is.
    """

    def __init__(self, poker: Poker) -> None:
        self._poker = poker
        self._waiting = threading.Semaphore(0)
        threading.Thread(target=self._tell, name="nudge", daemon=True).start()

    def __call__(self) -> None:
        self._waiting.release()

    def _tell(self) -> None:
        while True:
            self._waiting.acquire()
            count = 1
            while self._waiting.acquire(blocking=False):
                count += 1
            for _ in range(min(count, MOST_AT_ONCE)):
                self._poker.send(TaskName.TRIAGE)


def make_app() -> FastAPI:
    """Return the application for a server. Reads the settings; connects when it starts to serve."""
    settings = get_settings()
    return create_app(settings, poke=make_nudge(settings), extend=pages())


def make_nudge(settings: Settings) -> Callable[[], None]:
    return Nudge(Poker(settings.redis_url or LOCAL_BROKER))


def pages() -> Sequence[Callable[[FastAPI], None]]:
    """Return what adds the pages of each package that is installed."""
    return [import_module(name).extend for name in PAGES if find_spec(name) is not None]
