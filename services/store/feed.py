"""Reads new events of many returns in one asynchronous query. Writing events is `events`' business."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from services.store.pooled import on_connection

MOST_EVENTS = 2000
"""Of one query; what is left over comes with the next one."""

_AFTER: LiteralString = """
SELECT event.id, event.return_id, event.kind, event.data, event.at
FROM unnest(%s::text[], %s::bigint[]) AS wanted(return_id, after)
JOIN event ON event.return_id = wanted.return_id AND event.id > wanted.after
ORDER BY event.id LIMIT %s
"""


class FeedEvent(NamedTuple):
    id: int
    return_id: str
    kind: str
    data: Mapping[str, Any]
    at: datetime


async def events_of_many(pool: AsyncConnectionPool[Any], after: Mapping[str, int]) -> Sequence[FeedEvent]:
    """Return events of each return with an id above the one given for it, oldest first. Raises psycopg.Error."""

    async def read(connection: AsyncConnection[Any]) -> Sequence[FeedEvent]:
        cursor = await connection.execute(_AFTER, (list(after), list(after.values()), MOST_EVENTS))
        return [FeedEvent(*row) for row in await cursor.fetchall()]

    return await on_connection(pool, read)
