"""Follows events for every open stream of this process with one query: a thousand listeners cost one connection.

Not responsible for the wire format of server-sent events (`events`) or for writing events (flows and store).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from services.store.feed import FeedEvent, events_of_many

EVERY_SECONDS = 0.25
PAUSE_AFTER_ERROR_SECONDS = 2.0
__all__ = ["EventFeed", "FeedEvent", "Subscription"]


class Subscription:
    """One listener: the return it follows, the last event it was given, and those that wait to be taken."""

    def __init__(self, return_id: str, after: int) -> None:
        self.return_id = return_id
        self.after = after
        self._waiting: asyncio.Queue[FeedEvent | None] = asyncio.Queue()

    async def next(self, timeout_seconds: float) -> FeedEvent | None:
        """Return the next event. Raises TimeoutError after a quiet while; None means that the server stops."""
        return await asyncio.wait_for(self._waiting.get(), timeout_seconds)

    def give(self, event: FeedEvent | None) -> None:
        if event is not None:
            self.after = max(self.after, event.id)
        self._waiting.put_nowait(event)


class EventFeed:
    """Polls while there are listeners, and rests while there are none."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._listeners: set[Subscription] = set()
        self._poller: asyncio.Task[None] | None = None
        self._stopping = False

    def __len__(self) -> int:
        return len(self._listeners)

    @asynccontextmanager
    async def listen(self, return_id: str, after: int) -> AsyncIterator[Subscription]:
        """Follow a return's events with an id above `after` for as long as the block lasts."""
        subscription = Subscription(return_id, after)
        self._listeners.add(subscription)
        if self._stopping:
            subscription.give(None)
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            yield subscription
        finally:
            self._listeners.discard(subscription)

    def stop(self) -> None:
        """End all streams, and those that come later at once: the server is about to stop."""
        self._stopping = True
        for listener in self._listeners:
            listener.give(None)

    async def close(self) -> None:
        self.stop()
        if self._poller is not None:
            self._poller.cancel()
            with suppress(asyncio.CancelledError):
                await self._poller

    async def _poll(self) -> None:
        while self._listeners:
            try:
                await self._give_new_events()
            except psycopg.Error:
                # The database is away: streams stay open with their heartbeats and go on where they were.
                await asyncio.sleep(PAUSE_AFTER_ERROR_SECONDS)
            await asyncio.sleep(EVERY_SECONDS)

    async def _give_new_events(self) -> None:
        listeners = list(self._listeners)
        after: dict[str, int] = {}
        for listener in listeners:
            after[listener.return_id] = min(listener.after, after.get(listener.return_id, listener.after))
        events = await events_of_many(self._pool, after)
        for event in events:
            for listener in listeners:
                if listener.return_id == event.return_id and listener.after < event.id:
                    listener.give(event)
