"""What the review pages work with: flow, store, tools and settings, put together once a process. Holds no rule.

The tool ledger needs providers, which only the composition root knows: it is handed in as a function of the database.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import Request

from infra.settings import Environment, Settings
from services.domain.reading import LexicalClaimReader
from services.flows.review import Review
from services.store.ledger import ToolLedger
from services.store.review_desk import Patience, ReviewRecords
from services.store.sessions import Sessions

MakeLedger = Callable[[Settings, Sessions], ToolLedger]
FACETS_SECONDS = 5.0


class UtcClock:
    """Implements `ports.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class ReviewParts:
    """Everything the handlers use."""

    settings: Settings
    sessions: Sessions
    records: ReviewRecords
    review: Review
    make_ledger: MakeLedger | None
    clock: UtcClock = field(default_factory=UtcClock)
    _ledger: ToolLedger | None = None
    _facets: tuple[datetime, Any] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def tools(self) -> ToolLedger | None:
        """Return the tool ledger, None where this process cannot run tools."""
        with self._lock:
            if self._ledger is None and self.make_ledger is not None:
                self._ledger = self.make_ledger(self.settings, self.sessions)
            return self._ledger

    def cached_facets(self, read: Callable[[], Any]) -> Any:
        """Return the counts beside the filters, at most some seconds old: counting all is the dearest part."""
        now = self.clock.now()
        if self._facets is None or (now - self._facets[0]).total_seconds() > FACETS_SECONDS:
            self._facets = (now, read())
        return self._facets[1]

    @property
    def secure_cookies(self) -> bool:
        return self.settings.environment is Environment.PRODUCTION or self.settings.base_url.startswith("https://")

    @property
    def secret(self) -> bytes:
        return self.settings.secret_key.get_secret_value().encode()


def parts_of(request: Request) -> ReviewParts:
    """Return the parts of this process, built at the first request from what the API opened."""
    state = request.app.state
    parts: ReviewParts | None = getattr(state, "review_parts", None)
    if parts is None:
        parts = build(state.resources.settings, state.resources.sessions, state.review_ledger)
        state.review_parts = parts
    return parts


def build(settings: Settings, sessions: Sessions, make_ledger: MakeLedger | None) -> ReviewParts:
    clock = UtcClock()
    patience = Patience(
        lease=timedelta(seconds=settings.review_claim_seconds),
        undo=timedelta(seconds=settings.undo_window_seconds),
        wait=timedelta(hours=settings.review_wait_hours),
    )
    records = ReviewRecords(sessions, clock, patience)
    review = Review(records, LexicalClaimReader(), overlap_share=settings.review_overlap_share)
    return ReviewParts(settings, sessions, records, review, make_ledger)
