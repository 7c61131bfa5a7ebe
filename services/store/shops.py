"""Shops, and whether a key is known. What a key may do is the API's business."""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from services.store.tables import ApiKeyRow, ShopRow


def ensure_shop(session: Session, shop_id: str, name: str, now: datetime) -> None:
    """Add the shop where there is none of that id."""
    session.execute(insert(ShopRow).values(id=shop_id, name=name, created_at=now).on_conflict_do_nothing())


def has_key(session: Session, digest: str) -> bool:
    """Say whether a key of this SHA-256 (hex) is known and not revoked."""
    found = exists().where(col(ApiKeyRow.sha256) == digest, col(ApiKeyRow.revoked_at).is_(None))
    return bool(session.execute(select(found)).scalar_one())
