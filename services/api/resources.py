"""What one API process holds open: settings, database, Redis server, limiter, writer and feed. Made by `app`, once."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import redis.asyncio
from fastapi import Request
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import Engine

from infra.database import DatabaseNotConfigured, engine_from, sqlalchemy_url
from infra.settings import Settings
from services.api.feed import EventFeed
from services.api.keyring import KeyRing
from services.api.rate import SERVER_PATIENCE_SECONDS, Rate, RateLimiter, ServerBuckets
from services.api.writer import IntakeWriter
from services.store.api_keys import finder
from services.store.sessions import Sessions, sessions


@dataclass
class Resources:
    """Shared by all requests of the process. `pool` serves the asynchronous paths, `sessions` everything else."""

    settings: Settings
    engine: Engine
    sessions: Sessions
    pool: AsyncConnectionPool[Any]
    broker: redis.asyncio.Redis | None
    limiter: RateLimiter
    rate: Rate
    keys: KeyRing
    writer: IntakeWriter
    feed: EventFeed
    poke: Callable[[], None]

    @property
    def key_lifetime(self) -> timedelta:
        """How long the answer to an Idempotency-Key is kept."""
        return timedelta(hours=self.settings.idempotency_retention_hours)


def resources_of(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


@asynccontextmanager
async def open_resources(settings: Settings, poke: Callable[[], None]) -> AsyncIterator[Resources]:
    """Open everything for as long as the block lasts. A database or Redis server that is down does not stop the start.

    Raises DatabaseNotConfigured.
    """
    engine = engine_from(settings, application_name="returns-desk-api")
    async with AsyncExitStack() as stack:
        stack.callback(engine.dispose)
        pool = new_pool(settings)
        await pool.open(wait=False)
        stack.push_async_callback(pool.close, timeout=5)
        broker = _new_redis(settings)
        if broker is not None:
            stack.push_async_callback(broker.aclose)
        rate = Rate(settings.rate_limit_requests_per_minute / 60, settings.rate_limit_burst_requests)
        feed = EventFeed(pool)
        stack.push_async_callback(feed.close)
        yield Resources(
            settings=settings,
            engine=engine,
            sessions=sessions(engine),
            pool=pool,
            broker=broker,
            limiter=RateLimiter(ServerBuckets(broker) if broker is not None else None),
            rate=rate,
            keys=KeyRing(finder(pool)),
            writer=IntakeWriter(pool, check_orders=settings.order_source_url is None),
            feed=feed,
            poke=poke,
        )


def new_pool(settings: Settings) -> AsyncConnectionPool[Any]:
    """Return a closed pool of autocommit connections whose plans are made once, not once a request.

    Raises DatabaseNotConfigured.
    """
    if settings.database_url is None:
        raise DatabaseNotConfigured("no database: run `returns-desk up` in another terminal, or set DATABASE_URL")
    url = sqlalchemy_url(settings.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = [
        f"-c statement_timeout={int(settings.database_statement_timeout_seconds * 1000)}",
        f"-c lock_timeout={int(settings.database_lock_timeout_seconds * 1000)}",
        # Without this the intake statement is planned anew for every request, which costs more than running it.
        "-c plan_cache_mode=force_generic_plan",
        "-c timezone=UTC",
    ]
    return AsyncConnectionPool(
        url,
        min_size=2,
        max_size=max(2, settings.database_pool_size),
        timeout=settings.database_connect_timeout_seconds,
        max_waiting=1000,
        reconnect_timeout=30,
        open=False,
        kwargs={
            "autocommit": True,
            "prepare_threshold": 1,
            "connect_timeout": settings.database_connect_timeout_seconds,
            "application_name": "returns-desk-api",
            "options": " ".join(options),
        },
    )


def _new_redis(settings: Settings) -> redis.asyncio.Redis | None:
    if settings.redis_url is None:
        return None
    return redis.asyncio.Redis.from_url(
        settings.redis_url.replace("valkey://", "redis://"),
        socket_timeout=SERVER_PATIENCE_SECONDS,
        socket_connect_timeout=SERVER_PATIENCE_SECONDS,
        retry=None,
    )
