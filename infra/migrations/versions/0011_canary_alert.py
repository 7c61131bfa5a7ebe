"""An alert may be about a canary that the watch withdrew."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BEFORE = "kind IN ('run_failed', 'gate_blocked', 'backlog_old', 'queue_old', 'drift')"
NOW = "kind IN ('run_failed', 'gate_blocked', 'backlog_old', 'queue_old', 'drift', 'canary_withdrawn')"


def upgrade() -> None:
    _allow(NOW)


def downgrade() -> None:
    op.execute("DELETE FROM alert_notice WHERE alert_id IN (SELECT id FROM alert WHERE kind = 'canary_withdrawn')")
    op.execute("DELETE FROM alert WHERE kind = 'canary_withdrawn'")
    _allow(BEFORE)


def _allow(kinds: str) -> None:
    op.drop_constraint(op.f("ck_alert_kind"), "alert", type_="check")
    op.create_check_constraint(op.f("ck_alert_kind"), "alert", kinds)
