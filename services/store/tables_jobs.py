"""Tables of work in flight: jobs, the outbox, idempotency keys, and the processes that say they live."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from services.store.tables_columns import counter, document, instant, one_of

JOB_STATES = ("ready", "running", "done", "failed", "quarantined")


class JobRow(SQLModel, table=True):
    """One piece of work, owned by the database. The broker only says that a row may be worth a look.

    `attempt` counts starts, `crashes` those that ended without a word. Every write of a worker carries `lease_token`,
    so one that was thought dead can no longer change anything.
    """

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("kind", "subject_id"),
        one_of("state", JOB_STATES),
        CheckConstraint("(state = 'running') = (lease_token IS NOT NULL)", name="running_has_lease"),
        CheckConstraint("(lease_token IS NULL) = (lease_until IS NULL)", name="lease_has_end"),
        Index("ix_job_ready", "due_at", postgresql_where=text("state = 'ready'")),
        Index("ix_job_running", "lease_until", postgresql_where=text("state = 'running'")),
        Index("ix_job_state_page", "state", "created_at", "id"),
    )

    id: str = Field(primary_key=True)
    kind: str
    subject_id: str
    shop_id: str | None = None
    state: str = "ready"
    lease_token: str | None = None
    lease_until: datetime | None = instant(default=None)
    heartbeat_at: datetime | None = instant(default=None)
    worker: str | None = None
    attempt: int = 0
    crashes: int = 0
    last_error: str | None = None
    due_at: datetime = instant()
    poked_at: datetime | None = instant(default=None)
    """When the broker was last told; the sweeper waits a little before it says so again."""
    created_at: datetime = instant()
    finished_at: datetime | None = instant(default=None)


class OutboxRow(SQLModel, table=True):
    """Something to tell the world about a committed change. `topic` says to whom, `subject_id` about what.

    `job.ready`: the broker, subject is a job. `return.event`: the shop's webhooks, subject is an event.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        one_of("topic", ("job.ready", "return.event")),
        Index("ix_outbox_unsent", "id", postgresql_where=text("sent_at IS NULL")),
    )

    id: int | None = counter()
    topic: str
    subject_id: str
    created_at: datetime = instant()
    sent_at: datetime | None = instant(default=None)


class IdempotencyKeyRow(SQLModel, table=True):
    """The first answer to a key, kept for a day and replayed to whoever sends the same key and body again."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        one_of("state", ("in_progress", "done")),
        CheckConstraint("length(key) BETWEEN 1 AND 255", name="key_length"),
        CheckConstraint("(state = 'done') = (status_code IS NOT NULL)", name="done_has_answer"),
        Index("ix_idempotency_key_expires_at", "expires_at"),
    )

    shop_id: str = Field(primary_key=True, foreign_key="shop.id")
    route: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: str
    state: str = "in_progress"
    status_code: int | None = None
    body: dict[str, Any] | None = document(default=None)
    created_at: datetime = instant()
    expires_at: datetime = instant()


class ProcessRow(SQLModel, table=True):
    """A worker process that said it lives, what it runs, and when it last took up work."""

    __tablename__ = "process"

    name: str = Field(primary_key=True)
    kind: str
    checkpoint: str | None = None
    started_at: datetime = instant()
    seen_at: datetime = instant()
