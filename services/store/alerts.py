"""Alerts on record: what the rules look at, episodes, who acknowledged them, and messages about them that are due.

When to ring is `domain.alerts`; sending is the worker's business.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, or_, select, update
from sqlmodel import Session, col

from infra.settings import Settings
from services.domain.alerts import (
    AlertKind,
    AlertLimits,
    Observed,
    OpenAlert,
    Shares,
    Withdrawn,
    alarms,
    changes,
)
from services.store.audit import append_audit
from services.store.desk_state import desk_state, shares
from services.store.ids import new_id
from services.store.releases import withdrawn_canary
from services.store.sessions import lock_for_transaction
from services.store.tables import AlertNoticeRow, AlertRow, NightRow

MOST_NOTICES = 50
ENDINGS = ("shipped", "blocked", "failed")
"""How a night ends that says something of the loop; a night without enough labels says nothing."""


class Recipient(NamedTuple):
    """Whom an alert reaches: `channel` is webhook or mail, `name` an address, or the webhook's host."""

    channel: str
    name: str


class Notice(NamedTuple):
    """A message that is this worker's until its lease ends."""

    id: str
    channel: str
    recipient: str
    attempts: int
    alert: AlertRow


class NoticeState(NamedTuple):
    channel: str
    recipient: str
    state: str
    last_error: str | None


def limits_of(settings: Settings) -> AlertLimits:
    """Return when this installation rings."""
    return AlertLimits(
        review_age=timedelta(minutes=settings.alert_review_age_minutes),
        queue_age=timedelta(minutes=settings.alert_queue_age_minutes),
        drift_share=settings.alert_drift_share,
        drift_decisions=settings.alert_drift_decisions,
        quiet=timedelta(minutes=settings.alert_quiet_minutes),
    )


def observe(session: Session, now: datetime) -> Observed:
    """Read what the rules look at."""
    state = desk_state(session, now)
    last = session.execute(
        select(NightRow).where(col(NightRow.status).in_(ENDINGS)).order_by(col(NightRow.finished_at).desc()).limit(1)
    ).scalar_one_or_none()
    return Observed(
        now=now,
        oldest_review_at=state.oldest_review_at,
        review_open=state.review_open,
        oldest_job_at=state.oldest_job_at,
        jobs_ready=state.jobs_ready,
        last_night=(last.id, last.status, last.note) if last else None,
        shares=[Shares(f"{one.route}/{one.reason}", one.recent, one.before) for one in shares(session, now)],
        withdrawn=_withdrawn(session),
    )


def _withdrawn(session: Session) -> Withdrawn | None:
    move = withdrawn_canary(session)
    return Withdrawn(move.id, move.replaces.trace_id, move.why) if move and move.replaces else None


def evaluate(session: Session, limits: AlertLimits, recipients: Sequence[Recipient], now: datetime) -> Sequence[str]:
    """Raise, continue and end alerts in the caller's transaction; return the ids of those raised now.

    Evaluations go one after the other, so two beats at once raise no alert twice.
    """
    lock_for_transaction(session, "alerts")
    rows = {row.id: row for row in open_alerts(session)}
    standing = [OpenAlert(row.id, AlertKind(row.kind), row.subject, row.seen_at) for row in rows.values()]
    found = changes(standing, alarms(observe(session, now), limits), now, limits.quiet)
    for alert_id, alarm in found.seen:
        rows[alert_id].said, rows[alert_id].detail, rows[alert_id].seen_at = alarm.said, dict(alarm.detail), now
    for alert_id in found.ended:
        rows[alert_id].ended_at = now
    session.flush()
    raised = []
    for alarm in found.raised:
        row = AlertRow(
            id=new_id("alr", now),
            kind=alarm.kind.value,
            subject=alarm.subject,
            said=alarm.said,
            detail=dict(alarm.detail),
            raised_at=now,
            seen_at=now,
        )
        session.add(row)
        session.flush()
        session.add_all(
            AlertNoticeRow(
                id=new_id("aln", now),
                alert_id=row.id,
                channel=to.channel,
                recipient=to.name,
                next_at=now,
                created_at=now,
            )
            for to in recipients
        )
        raised.append(row.id)
    return raised


def open_alerts(session: Session) -> Sequence[AlertRow]:
    """Return the episodes that are not over, the newest first."""
    statement = select(AlertRow).where(col(AlertRow.ended_at).is_(None))
    return session.execute(statement.order_by(col(AlertRow.raised_at).desc(), col(AlertRow.id))).scalars().all()


def past_alerts(session: Session, limit: int = 100) -> Sequence[AlertRow]:
    """Return episodes that are over, the newest first."""
    statement = select(AlertRow).where(col(AlertRow.ended_at).is_not(None))
    ordered = statement.order_by(col(AlertRow.raised_at).desc(), col(AlertRow.id)).limit(limit)
    return session.execute(ordered).scalars().all()


def notices_of(session: Session, alert_ids: Sequence[str]) -> dict[str, list[NoticeState]]:
    """Return who was told of each alert, and how that went."""
    found: dict[str, list[NoticeState]] = {}
    rows = session.execute(
        select(AlertNoticeRow)
        .where(col(AlertNoticeRow.alert_id).in_(alert_ids))
        .order_by(col(AlertNoticeRow.channel), col(AlertNoticeRow.recipient))
    ).scalars()
    for row in rows:
        found.setdefault(row.alert_id, []).append(NoticeState(row.channel, row.recipient, row.state, row.last_error))
    return found


def acknowledge(session: Session, alert_id: str, who: str, note: str, now: datetime) -> bool:
    """Note that someone knows; return False where there is no such alert, or someone did before."""
    row = session.get(AlertRow, alert_id, with_for_update=True)
    if row is None or row.acknowledged_at is not None:
        return False
    row.acknowledged_at, row.acknowledged_by, row.note = now, who, note or None
    append_audit(session, who, "alert.acknowledged", alert_id, {"kind": row.kind, "subject": row.subject}, now=now)
    return True


def claim_notices(session: Session, lease: timedelta, limit: int = MOST_NOTICES) -> Sequence[Notice]:
    """Take messages that are due, in the caller's transaction; nobody else gets them before the lease ends."""
    now, until = func.clock_timestamp(), col(AlertNoticeRow.lease_until)
    due = (
        select(col(AlertNoticeRow.id))
        .where(
            col(AlertNoticeRow.state) == "pending",
            col(AlertNoticeRow.next_at) <= now,
            or_(until.is_(None), until <= now),
        )
        .order_by(col(AlertNoticeRow.next_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = session.execute(
        update(AlertNoticeRow)
        .where(col(AlertNoticeRow.id).in_(due.scalar_subquery()))
        .values(lease_until=now + lease)
        .returning(AlertNoticeRow)
        .execution_options(synchronize_session=False)
    ).scalars()
    return [
        Notice(row.id, row.channel, row.recipient, row.attempts, session.get_one(AlertRow, row.alert_id))
        for row in claimed.all()
    ]


def record_notice(session: Session, notice: Notice, error: str | None, next_at: datetime | None, now: datetime) -> None:
    """Note how an attempt went: delivered without an error, tried again at `next_at`, or given up without it."""
    state = "delivered" if error is None else "pending" if next_at is not None else "failed"
    session.execute(
        update(AlertNoticeRow)
        .where(col(AlertNoticeRow.id) == notice.id, col(AlertNoticeRow.attempts) == notice.attempts)
        .values(
            state=state,
            attempts=notice.attempts + 1,
            lease_until=None,
            last_error=error,
            next_at=next_at or now,
            delivered_at=now if error is None else None,
        )
    )
