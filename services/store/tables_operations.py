"""Tables of operating the desk: alerts and who was told of them, and what worker processes hold in memory."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, text
from sqlmodel import Field, SQLModel

from services.domain.alerts import AlertKind
from services.store.tables_columns import document, instant, one_of


class AlertRow(SQLModel, table=True):
    """One episode of something that an operator must know: from when it was first seen until it was over."""

    __tablename__ = "alert"
    __table_args__ = (
        one_of("kind", AlertKind),
        CheckConstraint("(acknowledged_at IS NULL) = (acknowledged_by IS NULL)", name="acknowledged_by_someone"),
        Index("uq_alert_open", "kind", "subject", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_alert_page", "raised_at", "id"),
    )

    id: str = Field(primary_key=True)
    kind: str
    subject: str
    """What it is about: a night, a gate report, or `desk`."""
    said: str
    """One sentence with the numbers of when it was last seen."""
    detail: dict[str, Any] = document(default=dict)
    raised_at: datetime = instant()
    seen_at: datetime = instant()
    ended_at: datetime | None = instant(default=None)
    acknowledged_at: datetime | None = instant(default=None)
    acknowledged_by: str | None = None
    note: str | None = None


class AlertNoticeRow(SQLModel, table=True):
    """One message about one alert over one channel, tried until it is taken or patience ends."""

    __tablename__ = "alert_notice"
    __table_args__ = (
        one_of("channel", ("webhook", "mail")),
        one_of("state", ("pending", "delivered", "failed")),
        Index("uq_alert_notice_once", "alert_id", "channel", "recipient", unique=True),
        Index("ix_alert_notice_due", "next_at", postgresql_where=text("state = 'pending'")),
    )

    id: str = Field(primary_key=True)
    alert_id: str = Field(foreign_key="alert.id")
    channel: str
    recipient: str
    """An e-mail address; for the webhook its host, since an address may hold a secret."""
    state: str = "pending"
    attempts: int = 0
    next_at: datetime = instant()
    lease_until: datetime | None = instant(default=None)
    last_error: str | None = None
    created_at: datetime = instant()
    delivered_at: datetime | None = instant(default=None)


class ProcessSampleRow(SQLModel, table=True):
    """What a worker process held in memory at a moment; kept for some weeks."""

    __tablename__ = "process_sample"
    __table_args__ = (Index("ix_process_sample_at", "at"),)

    process: str = Field(primary_key=True)
    at: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    kind: str
    resident_bytes: int = Field(sa_type=BigInteger)
    cache_bytes: int | None = Field(default=None, sa_type=BigInteger)
    """Keys and values of shared beginnings that the engine keeps; None where the decider has no such cache."""
