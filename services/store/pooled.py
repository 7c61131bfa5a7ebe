"""Runs asynchronous database work on a pooled connection, and once more where the connection turns out to be dead."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

Value = TypeVar("Value")


async def on_connection(
    pool: AsyncConnectionPool[Any], work: Callable[[AsyncConnection[Any]], Awaitable[Value]]
) -> Value:
    """Return what `work` returns; it must bear being done twice. Raises psycopg.Error and the pool's own errors.

    Connections that a restart of the database broke are replaced when one of them fails: looking at each before its
    use would cost every request a round trip.
    """
    try:
        async with pool.connection() as connection:
            return await work(connection)
    except (PoolTimeout, PoolClosed, TooManyRequests):
        raise  # There was no connection at all: asking again would only double the wait.
    except (psycopg.OperationalError, psycopg.InterfaceError):
        await pool.check()
        async with pool.connection() as connection:
            return await work(connection)
