"""Tables of the product loop: shops, orders, returns, their events, traces, tool actions and the refund journal."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from services.domain.actions import ActionStatus
from services.domain.decision import Outcome
from services.domain.returns import ReturnStatus
from services.domain.trace import RouteName
from services.domain.verdict import Verdict
from services.store.tables_columns import counter, document, instant, one_of


class ShopRow(SQLModel, table=True):
    __tablename__ = "shop"

    id: str = Field(primary_key=True)
    name: str
    created_at: datetime = instant()


class ShopOrderRow(SQLModel, table=True):
    """One order of the local order source; `document` is the whole `ShopOrder`."""

    __tablename__ = "shop_order"

    shop_id: str = Field(primary_key=True, foreign_key="shop.id")
    order_id: str = Field(primary_key=True)
    document: dict[str, Any] = document()
    updated_at: datetime = instant()


class ReturnRow(SQLModel, table=True):
    """A request and its latest outcome. The outcome columns repeat the trace's, so that lists filter without JSON."""

    __tablename__ = "return_request"
    __table_args__ = (
        one_of("status", ReturnStatus),
        one_of("decision", Outcome),
        CheckConstraint("length(message) BETWEEN 1 AND 20000", name="message_length"),
        CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="closed_has_time"),
        one_of("closed_by", ("desk", "reviewer")),
        Index("ix_return_request_page", "received_at", "id"),
        Index("ix_return_request_shop_page", "shop_id", "received_at", "id"),
        Index("ix_return_request_status_page", "status", "received_at", "id"),
        Index("ix_return_request_order", "shop_id", "order_id"),
        Index(
            "ix_return_request_words", text("to_tsvector('simple'::regconfig, message::text)"), postgresql_using="gin"
        ),
    )

    id: str = Field(primary_key=True)
    shop_id: str = Field(foreign_key="shop.id")
    order_id: str
    item: str | None = None
    message: str
    customer_email: str | None = None
    status: str = ReturnStatus.RECEIVED.value
    received_at: datetime = instant()
    updated_at: datetime = instant()
    closed_at: datetime | None = instant(default=None)
    closed_by: str | None = None
    """Who let the reply out: `desk` by itself, or `reviewer`."""
    reason: str | None = None
    decision: str | None = None
    policy_id: str | None = None
    policy_version: str | None = None
    verdict: str | None = None
    route: str | None = None
    route_reason: str | None = None
    checkpoint: str | None = None
    trace_id: str | None = None
    reply: str | None = None
    """The text that went to the customer; null until something did."""


class EventRow(SQLModel, table=True):
    """What happened to a return, in order. Append-only; server-sent events and webhooks read it."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_return", "return_id", "id"), Index("ix_event_shop", "shop_id", "id"))

    id: int | None = counter()
    return_id: str = Field(foreign_key="return_request.id")
    shop_id: str
    kind: str
    data: dict[str, Any] = document(default=dict)
    at: datetime = instant()


class TraceRow(SQLModel, table=True):
    """All that the judge saw in one run. `document` is the whole `Trace`; the columns are what lists filter by."""

    __tablename__ = "trace"
    __table_args__ = (
        UniqueConstraint("return_id", "purpose", "attempt"),
        one_of("purpose", ("live", "sample", "shadow")),
        one_of("verdict", Verdict),
        one_of("route", RouteName),
        Index("ix_trace_page", "created_at", "id"),
        Index("ix_trace_checkpoint_page", "checkpoint", "created_at", "id"),
        Index("ix_trace_policy_page", "policy_id", "created_at", "id"),
    )

    id: str = Field(primary_key=True)
    return_id: str = Field(foreign_key="return_request.id")
    shop_id: str
    purpose: str = "live"
    """`live` decided the return; `sample` is a second opinion asked for by a reviewer; `shadow` a candidate's."""
    attempt: int
    schema_version: int
    checkpoint: str
    decision: str | None = None
    policy_id: str | None = None
    policy_version: str | None = None
    policy_digest: str | None = None
    evidence_digest: str
    prompt_digest: str
    verdict: str
    route: str
    route_reason: str | None = None
    ttft_ms: float = 0.0
    latency_ms: float = 0.0
    document: dict[str, Any] = document()
    created_at: datetime = instant()


class ToolActionRow(SQLModel, table=True):
    """The ledger: inserted before the outward call, finished after it. One row an effect, whatever is retried."""

    __tablename__ = "tool_action"
    __table_args__ = (
        UniqueConstraint("return_id", "tool", "args_digest"),
        UniqueConstraint("idempotency_key"),
        one_of("state", (s for s in ActionStatus if s != ActionStatus.DRY_RUN)),
        Index("ix_tool_action_pending", "created_at", postgresql_where=text("state = 'pending'")),
    )

    id: str = Field(primary_key=True)
    return_id: str = Field(foreign_key="return_request.id")
    tool: str
    args_digest: str
    idempotency_key: str
    state: str
    arguments: dict[str, Any] = document(default=dict)
    result: dict[str, Any] = document(default=dict)
    supports: list[str] = document(default=list)
    error: str | None = None
    provider: str
    attempts: int = 0
    actor: str = "desk"
    """`desk`, or the reviewer who ran or approved it."""
    created_at: datetime = instant()
    finished_at: datetime | None = instant(default=None)


class JournalTransactionRow(SQLModel, table=True):
    """One movement of money, named by the key of the action that caused it. Append-only."""

    __tablename__ = "journal_transaction"
    __table_args__ = (
        one_of("kind", ("refund", "store_credit")),
        Index("ix_journal_transaction_order", "shop_id", "order_id", "at"),
    )

    id: str = Field(primary_key=True)
    idempotency_key: str = Field(unique=True)
    return_id: str = Field(foreign_key="return_request.id", index=True)
    shop_id: str
    order_id: str
    kind: str
    currency: str
    at: datetime = instant()


class JournalLineRow(SQLModel, table=True):
    """One side of a movement: positive debits the account, negative credits it; a transaction's lines sum to zero."""

    __tablename__ = "journal_line"
    __table_args__ = (
        UniqueConstraint("transaction_id", "account"),
        CheckConstraint("amount_cents <> 0", name="amount_not_zero"),
    )

    id: int | None = counter()
    transaction_id: str = Field(foreign_key="journal_transaction.id")
    account: str
    amount_cents: int = Field(sa_type=BigInteger)
