"""API keys: how they look, and a memory of the valid ones. Who may do what is `auth`; keeping them is the store."""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import NamedTuple

KEY_PREFIX = "rdk_"
KNOWN_FOR_SECONDS = 10.0
"""How long a key is trusted without asking the database again; a revoked key works at most that long."""

MOST_KNOWN = 10_000


class Caller(NamedTuple):
    shop_id: str
    key_id: str


def new_key() -> str:
    """Return a fresh key: 256 random bits, so a plain hash protects it and no slow one is needed."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def digest_of_key(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class KeyRing:
    """Remembers valid keys for a few seconds, by digest. Unknown ones are always asked for."""

    def __init__(
        self, find: Callable[[str], Awaitable[tuple[str, str] | None]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._find = find
        self._clock = clock
        self._known: OrderedDict[str, tuple[Caller, float]] = OrderedDict()

    def remembered(self, digest: str) -> Caller | None:
        caller, until = self._known.get(digest, (None, 0.0))
        return caller if self._clock() < until else None

    async def ask(self, digest: str) -> Caller | None:
        found = await self._find(digest)
        if found is None:
            self._known.pop(digest, None)
            return None
        caller = Caller(*found)
        self._known[digest] = (caller, self._clock() + KNOWN_FOR_SECONDS)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return caller
