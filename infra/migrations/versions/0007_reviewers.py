"""People who review, what they keep, who learned from them, and the columns by which many share one queue."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

APPEND_ONLY = ("quarantine", "label_use", "checkpoint_dataset")
UNFINISHED = sa.text("state <> 'done'")
FILTERS = ("reason", "policy_id", "worst_finding", "checkpoint", "leased_by")


def upgrade() -> None:
    _account()
    _saved_view()
    _quarantine()
    _gold_item()
    _learned()
    _shared_queue()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.drop_index("ix_review_item_done_page", table_name="review_item")
    for name in FILTERS:
        op.drop_index(f"ix_review_item_{name}_next", table_name="review_item")
    _unfinished_index("state <> 'done'")
    for column in ("assigned_to", "given_labels", "wanted_labels", "stage", "purpose"):
        op.drop_column("review_item", column)
    for table in (
        "checkpoint_dataset",
        "label_use",
        "gold_item",
        "quarantine",
        "saved_view",
        "login_failure",
        "account_session",
        "account",
    ):
        op.drop_table(table)


def _account() -> None:
    op.create_table(
        "account",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("shown_name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("daily_cap", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('reviewer', 'adjudicator', 'operator', 'admin')", name=op.f("ck_account_role")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_account")),
    )
    op.create_table(
        "account_session",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("csrf", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.name"], name=op.f("fk_account_session_account")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_account_session")),
    )
    op.create_index(op.f("ix_account_session_account"), "account_session", ["account"], unique=False)
    op.create_table(
        "login_failure",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_failure")),
    )
    op.create_index("ix_login_failure_address", "login_failure", ["address", "at"], unique=False)
    op.create_index("ix_login_failure_name", "login_failure", ["name", "at"], unique=False)


def _saved_view() -> None:
    op.create_table(
        "saved_view",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.name"], name=op.f("fk_saved_view_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("account", "name", name=op.f("uq_saved_view_account_name")),
    )


def _quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('set', 'lift')", name=op.f("ck_quarantine_kind")),
        sa.ForeignKeyConstraint(["account"], ["account.name"], name=op.f("fk_quarantine_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_index("ix_quarantine_account", "quarantine", ["account", "id"], unique=False)


def _gold_item() -> None:
    op.create_table(
        "gold_item",
        sa.Column("review_item_id", sa.String(), nullable=False),
        sa.Column("label_id", sa.String(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name=op.f("fk_gold_item_label_id")),
        sa.ForeignKeyConstraint(["review_item_id"], ["review_item.id"], name=op.f("fk_gold_item_review_item_id")),
        sa.PrimaryKeyConstraint("review_item_id", name=op.f("pk_gold_item")),
    )


def _learned() -> None:
    op.create_table(
        "label_use",
        sa.Column("dataset_digest", sa.String(), nullable=False),
        sa.Column("label_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name=op.f("fk_label_use_label_id")),
        sa.PrimaryKeyConstraint("dataset_digest", "label_id", name=op.f("pk_label_use")),
    )
    op.create_index(op.f("ix_label_use_label_id"), "label_use", ["label_id"], unique=False)
    op.create_table(
        "checkpoint_dataset",
        sa.Column("checkpoint", sa.String(), nullable=False),
        sa.Column("dataset_digest", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("checkpoint", "dataset_digest", name=op.f("pk_checkpoint_dataset")),
    )
    op.create_index(
        op.f("ix_checkpoint_dataset_dataset_digest"), "checkpoint_dataset", ["dataset_digest"], unique=False
    )


def _shared_queue() -> None:
    for column in (
        sa.Column("purpose", sa.String(), server_default="live", nullable=False),
        sa.Column("stage", sa.String(), server_default="label", nullable=False),
        sa.Column("wanted_labels", sa.Integer(), server_default="1", nullable=False),
        sa.Column("given_labels", sa.Integer(), server_default="0", nullable=False),
        sa.Column("assigned_to", sa.String(), nullable=True),
    ):
        op.add_column("review_item", column)
    op.create_check_constraint(
        op.f("ck_review_item_stage"), "review_item", "stage IN ('label', 'adjudicate', 'waiting')"
    )
    op.create_check_constraint(op.f("ck_review_item_purpose"), "review_item", "purpose IN ('live', 'gold')")
    for name in FILTERS:
        op.create_index(
            f"ix_review_item_{name}_next",
            "review_item",
            [name, "priority", "due_at", "id"],
            unique=False,
            postgresql_where=UNFINISHED,
        )
    op.create_index(
        "ix_review_item_done_page",
        "review_item",
        ["done_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'done'"),
    )
    _unfinished_index("state <> 'done' AND purpose = 'live'")


def _unfinished_index(where: str) -> None:
    op.drop_index("uq_review_item_unfinished", table_name="review_item")
    op.create_index(
        "uq_review_item_unfinished", "review_item", ["return_id"], unique=True, postgresql_where=sa.text(where)
    )
