"""Review items and labels."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _review_item()
    _label()


def downgrade() -> None:
    op.drop_table("label")
    op.drop_table("review_item")


def _review_item() -> None:
    op.create_table(
        "review_item",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("return_id", sa.String(), nullable=False),
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("trace_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=True),
        sa.Column("policy_id", sa.String(), nullable=True),
        sa.Column("checkpoint", sa.String(), nullable=True),
        sa.Column("worst_finding", sa.String(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("leased_by", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name=op.f("ck_review_item_done_has_time")),
        sa.CheckConstraint(
            "(state = 'leased') = (lease_token IS NOT NULL)", name=op.f("ck_review_item_leased_has_token")
        ),
        sa.CheckConstraint("state IN ('open', 'leased', 'done')", name=op.f("ck_review_item_state")),
        sa.ForeignKeyConstraint(["return_id"], ["return_request.id"], name=op.f("fk_review_item_return_id")),
        sa.ForeignKeyConstraint(["trace_id"], ["trace.id"], name=op.f("fk_review_item_trace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_item")),
    )
    op.create_index(
        "ix_review_item_next",
        "review_item",
        ["priority", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("state <> 'done'"),
    )
    op.create_index("ix_review_item_reason_page", "review_item", ["reason", "state", "created_at", "id"], unique=False)
    op.create_index("ix_review_item_return", "review_item", ["return_id"], unique=False)
    op.create_index("ix_review_item_state_page", "review_item", ["state", "created_at", "id"], unique=False)
    op.create_index(
        "uq_review_item_unfinished",
        "review_item",
        ["return_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'done'"),
    )


def _label() -> None:
    op.create_table(
        "label",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("review_item_id", sa.String(), nullable=False),
        sa.Column("return_id", sa.String(), nullable=False),
        sa.Column("trace_id", sa.String(), nullable=True),
        sa.Column("reviewer", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("undoes", sa.String(), nullable=True),
        sa.Column("guideline_version", sa.String(), nullable=True),
        sa.Column("document", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(kind = 'undo') = (undoes IS NOT NULL)", name=op.f("ck_label_undo_names_label")),
        sa.CheckConstraint(
            "kind IN ('approve', 'correct', 'prefer', 'reject', 'skip', 'escalate', 'needs_information', 'undo')",
            name=op.f("ck_label_kind"),
        ),
        sa.ForeignKeyConstraint(["return_id"], ["return_request.id"], name=op.f("fk_label_return_id")),
        sa.ForeignKeyConstraint(["review_item_id"], ["review_item.id"], name=op.f("fk_label_review_item_id")),
        sa.ForeignKeyConstraint(["trace_id"], ["trace.id"], name=op.f("fk_label_trace_id")),
        sa.ForeignKeyConstraint(["undoes"], ["label.id"], name=op.f("fk_label_undoes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label")),
        sa.UniqueConstraint("undoes", name=op.f("uq_label_undoes")),
    )
    op.create_index("ix_label_item", "label", ["review_item_id"], unique=False)
    op.create_index("ix_label_page", "label", ["created_at", "id"], unique=False)
    op.create_index("ix_label_reviewer_page", "label", ["reviewer", "created_at", "id"], unique=False)
