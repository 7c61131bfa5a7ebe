"""The desk at this moment in a handful of numbers, and how its decisions are shared out. Reads only."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

DAY = timedelta(days=1)


class DeskState(NamedTuple):
    """Counts now, and what became of the last 24 hours. Moments are None where nothing waits or ran."""

    jobs_ready: int
    oldest_job_at: datetime | None
    jobs_failed: int
    review_open: int
    oldest_review_at: datetime | None
    review_overdue: int
    decided: int
    closed_alone: int
    blocked: int
    first_token_ms: float | None
    """95th percentile of the last 24 hours."""
    labels: int
    labels_agreed: int


class Share(NamedTuple):
    """Decisions that took one route for one reason: lately, and over the days before."""

    route: str
    reason: str
    recent: int
    before: int


class FailedCheck(NamedTuple):
    check: str
    times: int


def desk_state(session: Session, now: datetime) -> DeskState:
    """Return the numbers at the top of the page, in one reading."""
    row = session.execute(
        text(
            "SELECT j.ready, j.oldest, j.failed, i.open, i.oldest, i.overdue, t.decided, t.alone, t.blocked, t.ttft,"
            " l.labels, l.agreed FROM"
            " (SELECT count(*) FILTER (WHERE state = 'ready') AS ready,"
            "  min(due_at) FILTER (WHERE state = 'ready' AND due_at <= :now) AS oldest,"
            "  count(*) FILTER (WHERE state IN ('failed', 'quarantined')) AS failed FROM job WHERE state <> 'done') j,"
            " (SELECT count(*) AS open, min(created_at) AS oldest, count(*) FILTER (WHERE due_at < :now) AS overdue"
            "  FROM review_item WHERE state <> 'done' AND purpose = 'live') i,"
            " (SELECT count(*) AS decided, count(*) FILTER (WHERE route = 'auto_close') AS alone,"
            "  count(*) FILTER (WHERE verdict = 'block') AS blocked,"
            "  percentile_cont(0.95) WITHIN GROUP (ORDER BY ttft_ms) FILTER (WHERE ttft_ms > 0) AS ttft"
            "  FROM trace WHERE purpose = 'live' AND created_at >= :since) t,"
            " (SELECT count(*) AS labels, count(*) FILTER (WHERE kind = 'approve') AS agreed FROM label"
            "  WHERE kind IN ('approve', 'correct', 'prefer', 'reject') AND created_at >= :since) l"
        ),
        {"now": now, "since": now - DAY},
    ).one()
    return DeskState(*row)


def shares(session: Session, now: datetime, recent: timedelta = DAY, before: timedelta = 14 * DAY) -> Sequence[Share]:
    """Return how live decisions were routed within `recent`, and within `before` that; the most frequent first."""
    rows = session.execute(
        text(
            "SELECT route, coalesce(route_reason, 'none'), count(*) FILTER (WHERE created_at >= :recent),"
            " count(*) FILTER (WHERE created_at < :recent) FROM trace"
            " WHERE purpose = 'live' AND created_at >= :before GROUP BY 1, 2 ORDER BY 3 DESC, 4 DESC, 1, 2"
        ),
        {"recent": now - recent, "before": now - recent - before},
    )
    return [Share(*row) for row in rows]


def failed_checks(session: Session, now: datetime, limit: int = 12) -> Sequence[FailedCheck]:
    """Return the worst finding of returns that came before people in the last 24 hours, the most frequent first."""
    rows = session.execute(
        text(
            "SELECT worst_finding, count(*) FROM review_item WHERE purpose = 'live' AND worst_finding IS NOT NULL"
            " AND created_at >= :since GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :limit"
        ),
        {"since": now - DAY, "limit": limit},
    )
    return [FailedCheck(*row) for row in rows]
