"""The model loop on record: nights, their stages and what they said, datasets, checkpoints and gate reports."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

APPEND_ONLY = ("night_log", "dataset", "checkpoint", "gate_report")
JSONB = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
NIGHT_STATUS = "status IN ('running', 'shipped', 'blocked', 'skipped', 'rehearsed', 'failed')"
STAGE_STATUS = "status IN ('waiting', 'running', 'done', 'skipped', 'failed')"


def upgrade() -> None:
    _night()
    _night_stage()
    _night_log()
    _dataset()
    _checkpoint()
    _gate_report()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in ("gate_report", "checkpoint", "dataset", "night_log", "night_stage", "night"):
        op.drop_table(table)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _night() -> None:
    op.create_table(
        "night",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        _instant("started_at"),
        _instant("finished_at", nullable=True),
        _instant("cutoff"),
        sa.Column("plan", JSONB, nullable=False),
        sa.Column("champion", sa.String(), nullable=True),
        sa.Column("candidate", sa.String(), nullable=True),
        sa.Column("dataset_digest", sa.String(), nullable=True),
        sa.Column("gate_report_id", sa.String(), nullable=True),
        sa.Column("left_out", JSONB, nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.CheckConstraint(NIGHT_STATUS, name=op.f("ck_night_status")),
        sa.CheckConstraint("(status = 'running') = (finished_at IS NULL)", name=op.f("ck_night_finished_has_time")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_night")),
    )
    op.create_index("ix_night_page", "night", ["started_at", "id"], unique=False)


def _night_stage() -> None:
    op.create_table(
        "night_stage",
        sa.Column("night_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _instant("started_at", nullable=True),
        _instant("finished_at", nullable=True),
        _instant("seen_at", nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("figures", JSONB, nullable=False),
        sa.Column("curve", JSONB, nullable=False),
        sa.CheckConstraint(STAGE_STATUS, name=op.f("ck_night_stage_status")),
        sa.ForeignKeyConstraint(["night_id"], ["night.id"], name=op.f("fk_night_stage_night_id")),
        sa.PrimaryKeyConstraint("night_id", "name", name=op.f("pk_night_stage")),
        sa.UniqueConstraint("night_id", "place", name=op.f("uq_night_stage_night_id_place")),
    )


def _night_log() -> None:
    op.create_table(
        "night_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("night_id", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        _instant("at"),
        sa.Column("line", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["night_id"], ["night.id"], name=op.f("fk_night_log_night_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_night_log")),
    )
    op.create_index("ix_night_log_night", "night_log", ["night_id", "id"], unique=False)


def _dataset() -> None:
    op.create_table(
        "dataset",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("night_id", sa.String(), nullable=True),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("labels", sa.Integer(), nullable=False),
        sa.Column("counts", JSONB, nullable=False),
        sa.Column("rules", JSONB, nullable=False),
        _instant("created_at"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_dataset")),
    )
    op.create_index("ix_dataset_page", "dataset", ["created_at", "digest"], unique=False)


def _checkpoint() -> None:
    op.create_table(
        "checkpoint",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=True),
        sa.Column("dataset_digest", sa.String(), nullable=True),
        sa.Column("night_id", sa.String(), nullable=True),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("card", JSONB, nullable=False),
        _instant("created_at"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_checkpoint")),
    )
    op.create_index(op.f("ix_checkpoint_dataset_digest"), "checkpoint", ["dataset_digest"], unique=False)
    op.create_index("ix_checkpoint_page", "checkpoint", ["created_at", "digest"], unique=False)


def _gate_report() -> None:
    op.create_table(
        "gate_report",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("night_id", sa.String(), nullable=True),
        sa.Column("candidate", sa.String(), nullable=False),
        sa.Column("champion", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("document", JSONB, nullable=False),
        _instant("created_at"),
        sa.CheckConstraint("verdict IN ('ship', 'block')", name=op.f("ck_gate_report_verdict")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_report")),
    )
    op.create_index(op.f("ix_gate_report_candidate"), "gate_report", ["candidate"], unique=False)
    op.create_index("ix_gate_report_page", "gate_report", ["created_at", "id"], unique=False)
