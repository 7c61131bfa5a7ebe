"""Tables of who may call and who is told: API keys, webhooks, the audit log, and published policy versions."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from services.store.tables_columns import counter, document, instant, one_of


class ApiKeyRow(SQLModel, table=True):
    """A shop's key. Only its SHA-256 is kept; `prefix` is what a person recognises it by."""

    __tablename__ = "api_key"

    id: str = Field(primary_key=True)
    shop_id: str = Field(foreign_key="shop.id", index=True)
    name: str
    prefix: str
    sha256: str = Field(unique=True)
    created_at: datetime = instant()
    last_used_at: datetime | None = instant(default=None)
    revoked_at: datetime | None = instant(default=None)


class WebhookEndpointRow(SQLModel, table=True):
    """Where a shop wants to be told. `previous_secret` signs beside `secret` until `previous_until`, for rotation."""

    __tablename__ = "webhook_endpoint"

    id: str = Field(primary_key=True)
    shop_id: str = Field(foreign_key="shop.id", index=True)
    url: str
    secret: str
    previous_secret: str | None = None
    previous_until: datetime | None = instant(default=None)
    kinds: list[str] = document(default=list)
    """Event kinds to send; empty means all."""
    enabled: bool = True
    disabled_reason: str | None = None
    created_at: datetime = instant()


class WebhookDeliveryRow(SQLModel, table=True):
    """One event for one endpoint: sent until it is taken, or until patience ends; replayed on request."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id"),
        one_of("state", ("pending", "delivered", "failed")),
        Index("ix_webhook_delivery_due", "next_at", postgresql_where=text("state = 'pending'")),
        Index("ix_webhook_delivery_page", "endpoint_id", "created_at", "id"),
    )

    id: str = Field(primary_key=True)
    endpoint_id: str = Field(foreign_key="webhook_endpoint.id")
    event_id: int = Field(foreign_key="event.id", sa_type=BigInteger)
    shop_id: str
    payload: dict[str, Any] = document()
    state: str = "pending"
    attempts: int = 0
    next_at: datetime = instant()
    lease_until: datetime | None = instant(default=None)
    last_status: int | None = None
    last_error: str | None = None
    created_at: datetime = instant()
    delivered_at: datetime | None = instant(default=None)


class WebhookAttemptRow(SQLModel, table=True):
    """One attempt at a delivery and how it went. Append-only; a delivery's columns repeat the last one."""

    __tablename__ = "webhook_attempt"

    id: int | None = counter()
    delivery_id: str = Field(foreign_key="webhook_delivery.id", index=True)
    number: int
    at: datetime = instant()
    status: int | None = None
    error: str | None = None
    took_ms: float


class AuditRow(SQLModel, table=True):
    """Who did what, each row sealed with the hash of the one before. Append-only."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_subject", "subject", "id"),)

    id: int | None = counter()
    at: datetime = instant()
    actor: str
    action: str
    subject: str
    detail: dict[str, Any] = document(default=dict)
    previous_hash: str
    hash: str = Field(unique=True)


class PolicyVersionRow(SQLModel, table=True):
    """A policy version as first seen: a later start with another text under the same name is refused."""

    __tablename__ = "policy_version"

    policy_id: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    digest: str
    effective_from: date | None = None
    document: dict[str, Any] = document()
    first_seen_at: datetime = instant()
