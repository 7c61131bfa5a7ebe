"""Releases on record, what candidates made of live returns, failures with their owners, and regression cases."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

APPEND_ONLY = ("release", "candidate_run", "regression_case")
JSONB = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
OWNERS = "owner IN ('retrieval', 'sft_data', 'preference_data', 'serving', 'policy', 'gate', 'investigate')"


def upgrade() -> None:
    _release()
    _candidate_run()
    _failure()
    _regression_case()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in ("regression_case", "failure", "candidate_run", "release"):
        op.drop_table(table)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _release() -> None:
    op.create_table(
        "release",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        _text("alias"),
        _text("kind"),
        _text("checkpoint", nullable=True),
        _text("name", nullable=True),
        _text("replaces", nullable=True),
        _text("replaces_name", nullable=True),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("shadow_share", sa.Float(), nullable=False),
        _text("who"),
        _text("why"),
        _text("gate_report_id", nullable=True),
        sa.Column("gate_overridden", sa.Boolean(), nullable=False),
        sa.Column("figures", JSONB, nullable=False),
        _instant("at"),
        sa.CheckConstraint("alias IN ('champion', 'candidate')", name=op.f("ck_release_alias")),
        sa.CheckConstraint(
            "kind IN ('initial', 'promote', 'rollback', 'shadow', 'canary', 'withdraw')", name=op.f("ck_release_kind")
        ),
        sa.CheckConstraint("(kind = 'withdraw') = (checkpoint IS NULL)", name=op.f("ck_release_withdrawn_has_none")),
        sa.CheckConstraint(
            "(alias = 'champion') = (kind IN ('initial', 'promote', 'rollback'))",
            name=op.f("ck_release_kind_of_alias"),
        ),
        sa.CheckConstraint("share BETWEEN 0 AND 1 AND shadow_share BETWEEN 0 AND 1", name=op.f("ck_release_shares")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
    )
    op.create_index("ix_release_alias", "release", ["alias", "id"], unique=False)
    op.create_index("ix_release_checkpoint", "release", ["checkpoint"], unique=False)


def _candidate_run() -> None:
    op.create_table(
        "candidate_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("release_id", sa.BigInteger(), nullable=False),
        _text("mode"),
        _text("return_id"),
        _text("checkpoint"),
        _text("live_trace_id", nullable=True),
        _text("shadow_trace_id", nullable=True),
        sa.Column("same", sa.Boolean(), nullable=True),
        sa.Column("differs", JSONB, nullable=False),
        _text("error", nullable=True),
        _instant("at"),
        sa.CheckConstraint("mode IN ('shadow', 'canary')", name=op.f("ck_candidate_run_mode")),
        sa.CheckConstraint("(error IS NULL) = (same IS NOT NULL)", name=op.f("ck_candidate_run_error_or_comparison")),
        sa.ForeignKeyConstraint(["live_trace_id"], ["trace.id"], name=op.f("fk_candidate_run_live_trace_id")),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_candidate_run_release_id")),
        sa.ForeignKeyConstraint(["return_id"], ["return_request.id"], name=op.f("fk_candidate_run_return_id")),
        sa.ForeignKeyConstraint(["shadow_trace_id"], ["trace.id"], name=op.f("fk_candidate_run_shadow_trace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candidate_run")),
    )
    op.create_index("ix_candidate_run_release", "candidate_run", ["release_id", "id"], unique=False)
    op.create_index(
        "ix_candidate_run_different",
        "candidate_run",
        ["release_id", "id"],
        unique=False,
        postgresql_where=sa.text("NOT same"),
    )
    op.create_index("uq_candidate_run_shadow", "candidate_run", ["release_id", "live_trace_id"], unique=True)


def _failure() -> None:
    op.create_table(
        "failure",
        _text("id"),
        _text("trace_id"),
        _text("return_id"),
        _text("source"),
        _text("label_id", nullable=True),
        _text("cause"),
        _text("detail"),
        _text("owner"),
        _text("action"),
        sa.Column("effort", sa.Integer(), nullable=False),
        _text("cured_by", nullable=True),
        sa.Column("updates_weights", sa.Boolean(), nullable=False),
        _text("expected", nullable=True),
        _text("decided", nullable=True),
        _text("policy_id", nullable=True),
        _text("checkpoint"),
        _text("status"),
        _text("closed_by", nullable=True),
        _text("closed_why"),
        _instant("closed_at", nullable=True),
        _instant("found_at"),
        _instant("routed_at"),
        sa.CheckConstraint(OWNERS, name=op.f("ck_failure_owner")),
        sa.CheckConstraint("status IN ('open', 'regression', 'cured', 'dismissed')", name=op.f("ck_failure_status")),
        sa.CheckConstraint("source IN ('finding', 'label')", name=op.f("ck_failure_source")),
        sa.CheckConstraint("(source = 'label') = (label_id IS NOT NULL)", name=op.f("ck_failure_label_named")),
        sa.CheckConstraint("(status = 'open') = (closed_at IS NULL)", name=op.f("ck_failure_closed_has_time")),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name=op.f("fk_failure_label_id")),
        sa.ForeignKeyConstraint(["return_id"], ["return_request.id"], name=op.f("fk_failure_return_id")),
        sa.ForeignKeyConstraint(["trace_id"], ["trace.id"], name=op.f("fk_failure_trace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failure")),
        sa.UniqueConstraint("trace_id", name=op.f("uq_failure_trace_id")),
    )
    op.create_index(
        "ix_failure_open",
        "failure",
        ["effort", "owner", "found_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_failure_page", "failure", ["found_at", "id"], unique=False)


def _regression_case() -> None:
    op.create_table(
        "regression_case",
        _text("id"),
        _text("failure_id"),
        _text("order_id"),
        _text("evidence_digest"),
        sa.Column("case_document", JSONB, nullable=False),
        _text("added_by"),
        _instant("created_at"),
        sa.ForeignKeyConstraint(["failure_id"], ["failure.id"], name=op.f("fk_regression_case_failure_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regression_case")),
        sa.UniqueConstraint("failure_id", name=op.f("uq_regression_case_failure_id")),
    )
    op.create_index(op.f("ix_regression_case_evidence_digest"), "regression_case", ["evidence_digest"], unique=False)
    op.create_index("ix_regression_case_page", "regression_case", ["created_at", "id"], unique=False)
