"""Delivers webhooks: turns events into deliveries, sends those that are due, records every attempt.

When to try again stands in each row, never in the broker. How a delivery is signed and sent is `adapters.webhooks`.
"""

import json
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import lru_cache

from infra.logs import get_logger
from infra.queue import TaskName
from infra.settings import Settings
from services.adapters.webhooks import guard_of, headers, next_attempt_at, send
from services.ports import Clock
from services.store.sessions import Sessions
from services.store.webhooks import Due, Tried, claim_due, fan_out, record
from workers.app import task
from workers.wiring import desk

log = get_logger(__name__)

AT_ONCE = 16
"""Deliveries in flight in one process; they wait for receivers, not for the processor."""

LEASE_MARGIN = timedelta(seconds=30)
"""How much longer than an attempt may take a delivery stays with the worker that took it."""


class Courier:
    """Sends deliveries from threads of its own: a slow receiver keeps neither the sweeper nor others waiting."""

    def __init__(self, opener: Sessions, settings: Settings, clock: Clock) -> None:
        self._sessions = opener
        self._clock = clock
        self._guard = guard_of(settings)
        self._seconds = settings.webhook_timeout_seconds
        self._most_attempts = settings.webhook_max_attempts
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook")
        self._flying: set[Future[None]] = set()

    def round(self) -> Sequence[Future[None]]:
        """Note new events as deliveries and start those that are due; return what was started."""
        with self._sessions() as session:
            while fan_out(session, self._clock.now()):
                pass
        self._flying = {flight for flight in self._flying if not flight.done()}
        free = AT_ONCE - len(self._flying)
        if free <= 0:
            return ()
        with self._sessions() as session:
            due = claim_due(session, timedelta(seconds=self._seconds) + LEASE_MARGIN, free)
        started = [self._threads.submit(self._deliver, one) for one in due]
        self._flying.update(started)
        return started

    def close(self) -> None:
        """Wait for what is in flight and take no more."""
        self._threads.shutdown()

    def _deliver(self, due: Due) -> None:
        """Make one attempt and record it. A worker that dies before that leaves the delivery to its lease's end."""
        body = json.dumps(due.payload, ensure_ascii=False, separators=(",", ":")).encode()
        sent_at, started = self._clock.now(), time.perf_counter()
        attempt = send(self._guard, due.url, body, headers(due.secrets, due.id, sent_at, body), self._seconds)
        now = self._clock.now()
        again = None if attempt.delivered else next_attempt_at(due.attempts + 1, now, self._most_attempts)
        took_ms = (time.perf_counter() - started) * 1000
        tried = Tried(sent_at, took_ms, attempt.delivered, attempt.gone, attempt.status, attempt.error, again)
        with self._sessions() as session:
            record(session, due, tried)
        if not attempt.delivered:
            log.warning("webhook not taken", delivery_id=due.id, error=attempt.error, again_at=again)


@lru_cache(maxsize=1)
def courier() -> Courier:
    """Return the courier of this process; made after the worker forked, since threads do not survive a fork."""
    parts = desk()
    return Courier(parts.sessions, parts.settings, parts.clock)


@task(TaskName.WEBHOOKS)
def deliver_webhooks() -> int:
    """Start what is due; return how many deliveries were started."""
    return len(courier().round())
