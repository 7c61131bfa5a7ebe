"""API keys of shops: made, listed, revoked, found by their digest. The keys themselves are never here."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from services.store.ids import new_id
from services.store.pooled import on_connection
from services.store.tables import ApiKeyRow, ShopRow

# Noting the use at most once a minute keeps a busy shop from writing one row all day.
_FIND: LiteralString = """
WITH found AS (
    SELECT id, shop_id FROM api_key WHERE sha256 = %s AND revoked_at IS NULL
), used AS (
    UPDATE api_key SET last_used_at = now() FROM found
    WHERE api_key.id = found.id AND coalesce(last_used_at < now() - interval '1 minute', true)
)
SELECT shop_id, id FROM found
"""


class ApiKey(NamedTuple):
    id: str
    shop_id: str
    name: str
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def finder(pool: AsyncConnectionPool[Any]) -> Callable[[str], Awaitable[tuple[str, str] | None]]:
    """Return a function from a key's SHA-256 (hex) to (shop id, key id), None for unknown and revoked keys."""

    async def find(digest: str) -> tuple[str, str] | None:
        row = await on_connection(pool, lambda connection: _one_row(connection, digest))
        return (row[0], row[1]) if row else None

    return find


async def _one_row(connection: AsyncConnection[Any], digest: str) -> tuple[Any, ...] | None:
    return await (await connection.execute(_FIND, (digest,))).fetchone()


def add_key(session: Session, shop_id: str, name: str, now: datetime, *, prefix: str, digest: str) -> str:  # noqa: PLR0913 - the parts of one row
    """Store a key by its digest in the caller's transaction, and the shop where it is new; return the key's id."""
    shop = insert(ShopRow).values(id=shop_id, name=shop_id, created_at=now).on_conflict_do_nothing()
    session.execute(shop)
    key_id = new_id("key", now)
    session.add(ApiKeyRow(id=key_id, shop_id=shop_id, name=name, prefix=prefix, sha256=digest, created_at=now))
    session.flush()
    return key_id


def list_keys(session: Session, shop_id: str | None = None) -> Sequence[ApiKey]:
    """Return the keys of one shop or of all, oldest first."""
    statement = select(ApiKeyRow).order_by(col(ApiKeyRow.created_at), col(ApiKeyRow.id))
    if shop_id is not None:
        statement = statement.where(col(ApiKeyRow.shop_id) == shop_id)
    rows = session.execute(statement).scalars()
    return [
        ApiKey(row.id, row.shop_id, row.name, row.prefix, row.created_at, row.last_used_at, row.revoked_at)
        for row in rows
    ]


def revoke_key(session: Session, key_id: str, now: datetime) -> bool:
    """Revoke a key; False where there is no such key, or it was revoked before."""
    revoked = session.execute(
        update(ApiKeyRow)
        .where(col(ApiKeyRow.id) == key_id, col(ApiKeyRow.revoked_at).is_(None))
        .values(revoked_at=now)
        .returning(col(ApiKeyRow.id))
    ).scalar_one_or_none()
    return revoked is not None
