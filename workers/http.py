"""Composes the HTTP application that `workers.serve` runs: the queue API, the pages, and the nudge to the workers.

Holds no endpoint.
"""

import threading
from collections.abc import Callable, Sequence

from fastapi import FastAPI

from infra.queue import LOCAL_BROKER, Poker, TaskName
from infra.settings import Settings, get_settings
from review_ui.app import extend
from review_ui.operating import Operations
from services.api.app import create_app
from services.store.ledger import ToolLedger
from services.store.sessions import Sessions
from workers.failure_desk import FailureDesk
from workers.releasing import Releasing
from workers.wiring import SystemClock, make_orders, make_tools

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
    """Return what adds the reviewers' and operators' pages. Tools run through the ledger that triage uses."""
    return [lambda app: extend(app, reviewers_ledger, operators_verbs)]


def operators_verbs(settings: Settings, opener: Sessions) -> Operations:
    """Return what operators set in motion, on this process's own database sessions."""
    clock = SystemClock()
    return Operations(Releasing(settings, opener, clock), FailureDesk(settings, opener, clock))


def reviewers_ledger(settings: Settings, opener: Sessions) -> ToolLedger:
    """Return the tool ledger on this process's own database sessions."""
    clock = SystemClock()
    provider = make_tools(settings, opener, make_orders(settings, opener), clock)
    return ToolLedger(opener, provider, clock, name="http" if settings.tool_provider_url else "local")
