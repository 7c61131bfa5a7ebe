"""Rate limits: token buckets kept in the Redis server, or in this process while that server does not answer.

A process leases tokens in small lots, so that most requests cost no round trip. Who is limited, and at which rate, is
the caller's business.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, Protocol

import redis.asyncio
from redis.exceptions import RedisError

BUCKET_PREFIX = "rd:rate:"
SERVER_PATIENCE_SECONDS = 0.25
"""How long a request waits for the Redis server before the local bucket stands in."""

SERVER_PAUSE_SECONDS = 5.0
"""How long the server is then left alone."""

LOT_SECONDS = 0.1
"""A lot is what a tenth of a second allows, so little is lost with a process that ends."""

MOST_BUCKETS = 10_000

# KEYS[1] bucket; ARGV rate (tokens a second), burst, wanted. Returns granted tokens, and milliseconds to wait where 0.
_SCRIPT = """
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(held[1]) or burst
local at = tonumber(held[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * rate / 1000)
local granted = math.min(wanted, math.floor(tokens))
tokens = tokens - granted
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
local wait = 0
if granted == 0 then wait = math.ceil((1 - tokens) / rate * 1000) end
return {granted, wait}
"""


class Rate(NamedTuple):
    """`per_second` tokens come in, up to `burst` are kept."""

    per_second: float
    burst: int


class Grant(NamedTuple):
    tokens: int
    wait_seconds: float


class Bucket(Protocol):
    async def take(self, name: str, rate: Rate, wanted: int) -> Grant: ...


class LocalBuckets:
    """Token buckets in this process. The least recently used ones are forgotten, which fills them up again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def take(self, name: str, rate: Rate, wanted: int) -> Grant:
        now = self._clock()
        tokens, at = self._held.pop(name, (float(rate.burst), now))
        tokens = min(float(rate.burst), tokens + max(0.0, now - at) * rate.per_second)
        granted = min(wanted, int(tokens + 1e-9))  # Adding fractions falls short of a whole by a hair.
        self._held[name] = (tokens - granted, now)
        if len(self._held) > MOST_BUCKETS:
            self._held.popitem(last=False)
        return Grant(granted, 0.0 if granted else (1 - tokens) / rate.per_second)


class ServerBuckets:
    """Token buckets in the Redis server, shared by all processes. Raises redis.RedisError and TimeoutError."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._script = client.register_script(_SCRIPT)

    async def take(self, name: str, rate: Rate, wanted: int) -> Grant:
        granted, wait = await self._script(keys=[BUCKET_PREFIX + name], args=[rate.per_second, rate.burst, wanted])
        return Grant(int(granted), int(wait) / 1000)


class RateLimiter:
    """Grants requests their tokens, from lots leased of the server where it is up and of this process where not."""

    def __init__(self, server: ServerBuckets | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._local = LocalBuckets(clock)
        self._lots: OrderedDict[str, int] = OrderedDict()
        self._server_again_at = 0.0

    async def wait_seconds(self, name: str, rate: Rate, cost: int = 1) -> float:
        """Take `cost` tokens and return 0, or take none and return the seconds until it is worth asking again."""
        left = self._lots.get(name, 0)
        if left < cost:
            lot = max(1, int(rate.per_second * LOT_SECONDS))
            grant = await self._lease(name, rate, min(cost - left + lot, rate.burst))
            left += grant.tokens
            if left < cost:
                self._keep(name, left)
                return max(grant.wait_seconds, (cost - left) / rate.per_second)
        self._keep(name, left - cost)
        return 0.0

    def _keep(self, name: str, tokens: int) -> None:
        self._lots[name] = tokens
        self._lots.move_to_end(name)
        if len(self._lots) > MOST_BUCKETS:
            self._lots.popitem(last=False)

    async def _lease(self, name: str, rate: Rate, wanted: int) -> Grant:
        if self._server is not None and self._clock() >= self._server_again_at:
            try:
                return await self._server.take(name, rate, wanted)
            except (RedisError, OSError, TimeoutError):
                self._server_again_at = self._clock() + SERVER_PAUSE_SECONDS
        return await self._local.take(name, rate, wanted)


def retry_after(wait_seconds: float) -> str:
    """Return the value of Retry-After: whole seconds, at least one."""
    return str(max(1, math.ceil(wait_seconds)))
