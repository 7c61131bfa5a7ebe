"""Shops, orders, returns and what is recorded of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _shop()
    _shop_order()
    _return_request()
    _event()
    _trace()
    _tool_action()
    _journal_transaction()
    _journal_line()


def downgrade() -> None:
    op.drop_table("journal_line")
    op.drop_table("journal_transaction")
    op.drop_table("tool_action")
    op.drop_table("trace")
    op.drop_table("event")
    op.drop_table("return_request")
    op.drop_table("shop_order")
    op.drop_table("shop")


def _shop() -> None:
    op.create_table(
        "shop",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop")),
    )


def _shop_order() -> None:
    op.create_table(
        "shop_order",
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("document", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_shop_order_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "order_id", name=op.f("pk_shop_order")),
    )


def _return_request() -> None:
    op.create_table(
        "return_request",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=True),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("customer_email", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("decision", sa.String(), nullable=True),
        sa.Column("policy_id", sa.String(), nullable=True),
        sa.Column("policy_version", sa.String(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("route", sa.String(), nullable=True),
        sa.Column("route_reason", sa.String(), nullable=True),
        sa.Column("checkpoint", sa.String(), nullable=True),
        sa.Column("trace_id", sa.String(), nullable=True),
        sa.Column("reply", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(status = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_return_request_closed_has_time")
        ),
        sa.CheckConstraint("closed_by IN ('desk', 'reviewer')", name=op.f("ck_return_request_closed_by")),
        sa.CheckConstraint(
            "decision IN ('eligible', 'not_eligible', 'review')", name=op.f("ck_return_request_decision")
        ),
        sa.CheckConstraint(
            "status IN ('received', 'processing', 'in_review', 'closed')", name=op.f("ck_return_request_status")
        ),
        sa.CheckConstraint("length(message) BETWEEN 1 AND 20000", name=op.f("ck_return_request_message_length")),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_return_request_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_return_request")),
    )
    op.create_index("ix_return_request_order", "return_request", ["shop_id", "order_id"], unique=False)
    op.create_index("ix_return_request_page", "return_request", ["received_at", "id"], unique=False)
    op.create_index("ix_return_request_shop_page", "return_request", ["shop_id", "received_at", "id"], unique=False)
    op.create_index("ix_return_request_status_page", "return_request", ["status", "received_at", "id"], unique=False)
    op.create_index(
        "ix_return_request_words",
        "return_request",
        [sa.literal_column("to_tsvector('simple'::regconfig, message::text)")],
        unique=False,
        postgresql_using="gin",
    )


def _event() -> None:
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("return_id", sa.String(), nullable=False),
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["return_id"], ["return_request.id"], name=op.f("fk_event_return_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_return", "event", ["return_id", "id"], unique=False)
    op.create_index("ix_event_shop", "event", ["shop_id", "id"], unique=False)


def _trace() -> None:
    op.create_table(
        "trace",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("return_id", sa.String(), nullable=False),
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("checkpoint", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=True),
        sa.Column("policy_id", sa.String(), nullable=True),
        sa.Column("policy_version", sa.String(), nullable=True),
        sa.Column("policy_digest", sa.String(), nullable=True),
        sa.Column("evidence_digest", sa.String(), nullable=False),
        sa.Column("prompt_digest", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("route_reason", sa.String(), nullable=True),
        sa.Column("ttft_ms", sa.Float(), nullable=False),
        sa.Column("latency_ms", sa.Float(), nullable=False),
        sa.Column("document", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("purpose IN ('live', 'sample', 'shadow')", name=op.f("ck_trace_purpose")),
        sa.CheckConstraint("route IN ('auto_close', 'review')", name=op.f("ck_trace_route")),
        sa.CheckConstraint("verdict IN ('pass', 'block', 'ambiguous')", name=op.f("ck_trace_verdict")),
        sa.ForeignKeyConstraint(["return_id"], ["return_request.id"], name=op.f("fk_trace_return_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trace")),
        sa.UniqueConstraint("return_id", "purpose", "attempt", name=op.f("uq_trace_return_id_purpose_attempt")),
    )
    op.create_index("ix_trace_checkpoint_page", "trace", ["checkpoint", "created_at", "id"], unique=False)
    op.create_index("ix_trace_page", "trace", ["created_at", "id"], unique=False)
    op.create_index("ix_trace_policy_page", "trace", ["policy_id", "created_at", "id"], unique=False)


def _tool_action() -> None:
    op.create_table(
        "tool_action",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("return_id", sa.String(), nullable=False),
        sa.Column("tool", sa.String(), nullable=False),
        sa.Column("args_digest", sa.String(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("result", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("supports", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'succeeded', 'failed', 'awaiting_approval')", name=op.f("ck_tool_action_state")
        ),
        sa.ForeignKeyConstraint(["return_id"], ["return_request.id"], name=op.f("fk_tool_action_return_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tool_action")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_tool_action_idempotency_key")),
        sa.UniqueConstraint("return_id", "tool", "args_digest", name=op.f("uq_tool_action_return_id_tool_args_digest")),
    )
    op.create_index(
        "ix_tool_action_pending",
        "tool_action",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )


def _journal_transaction() -> None:
    op.create_table(
        "journal_transaction",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("return_id", sa.String(), nullable=False),
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('refund', 'store_credit')", name=op.f("ck_journal_transaction_kind")),
        sa.ForeignKeyConstraint(["return_id"], ["return_request.id"], name=op.f("fk_journal_transaction_return_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_transaction")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_journal_transaction_idempotency_key")),
    )
    op.create_index("ix_journal_transaction_order", "journal_transaction", ["shop_id", "order_id", "at"], unique=False)
    op.create_index(op.f("ix_journal_transaction_return_id"), "journal_transaction", ["return_id"], unique=False)


def _journal_line() -> None:
    op.create_table(
        "journal_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("transaction_id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_cents <> 0", name=op.f("ck_journal_line_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["journal_transaction.id"], name=op.f("fk_journal_line_transaction_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_line")),
        sa.UniqueConstraint("transaction_id", "account", name=op.f("uq_journal_line_transaction_id_account")),
    )
