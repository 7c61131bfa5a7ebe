"""When an operator must be told: rules over what was observed, and which of it is news. Pure; sends and stores nothing.

An alert is an episode. It is raised once when its condition begins to hold, goes on silently while it holds, and ends
when it has not held for a while, so that a number that swings around its limit does not ring at every swing.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

DESK = "desk"


class AlertKind(StrEnum):
    RUN_FAILED = "run_failed"
    GATE_BLOCKED = "gate_blocked"
    BACKLOG_OLD = "backlog_old"
    QUEUE_OLD = "queue_old"
    DRIFT = "drift"
    CANARY_WITHDRAWN = "canary_withdrawn"


class AlertLimits(NamedTuple):
    """When to ring. Shares are in [0, 1]; drift needs that many decisions lately and before.

    `drift_share` is a total variation distance beyond what chance alone would show in so many decisions.
    """

    review_age: timedelta = timedelta(hours=8)
    queue_age: timedelta = timedelta(minutes=10)
    drift_share: float = 0.15
    drift_decisions: int = 50
    quiet: timedelta = timedelta(minutes=30)
    """How long a condition must not have held before its episode is over."""


class Shares(NamedTuple):
    """How many decisions fell to one route and reason: lately, and over the days before."""

    name: str
    recent: int
    before: int


class Withdrawn(NamedTuple):
    """A canary that the watch took back because of its live figures; `release` is the id of that move."""

    release: int
    checkpoint: str
    why: str


class Observed(NamedTuple):
    """What the rules look at. `last_night` is the newest night that ended: id, status, and how it ended in words.

    `withdrawn` is the candidate alias' newest move where the watch made it, and None as soon as another follows.
    """

    now: datetime
    oldest_review_at: datetime | None = None
    review_open: int = 0
    oldest_job_at: datetime | None = None
    jobs_ready: int = 0
    last_night: tuple[str, str, str] | None = None
    shares: Sequence[Shares] = ()
    withdrawn: Withdrawn | None = None


class Alarm(NamedTuple):
    """A condition that holds now. `said` is one sentence with its numbers."""

    kind: AlertKind
    subject: str
    said: str
    detail: Mapping[str, object]


class OpenAlert(NamedTuple):
    """An episode that is not over; `seen_at` is when its condition last held."""

    id: str
    kind: AlertKind
    subject: str
    seen_at: datetime


class Changes(NamedTuple):
    """What one evaluation leads to: episodes that begin, that go on, and that are over."""

    raised: tuple[Alarm, ...]
    seen: tuple[tuple[str, Alarm], ...]
    ended: tuple[str, ...]


def alarms(observed: Observed, limits: AlertLimits) -> tuple[Alarm, ...]:
    """Return every condition that holds now."""
    found = (
        *_of_the_night(observed),
        _of_the_canary(observed.withdrawn),
        _too_old(
            AlertKind.BACKLOG_OLD,
            "return waits for a person",
            observed.oldest_review_at,
            observed.now,
            limits.review_age,
            observed.review_open,
        ),
        _too_old(
            AlertKind.QUEUE_OLD,
            "job waits for a worker",
            observed.oldest_job_at,
            observed.now,
            limits.queue_age,
            observed.jobs_ready,
        ),
        _drift(observed.shares, limits),
    )
    return tuple(one for one in found if one is not None)


def changes(open_alerts: Sequence[OpenAlert], found: Sequence[Alarm], now: datetime, quiet: timedelta) -> Changes:
    """Compare what holds with the episodes that are open."""
    by_subject = {(alert.kind, alert.subject): alert for alert in open_alerts}
    holding = {(alarm.kind, alarm.subject): alarm for alarm in found}
    return Changes(
        raised=tuple(alarm for key, alarm in holding.items() if key not in by_subject),
        seen=tuple((by_subject[key].id, alarm) for key, alarm in holding.items() if key in by_subject),
        ended=tuple(
            alert.id for key, alert in by_subject.items() if key not in holding and now - alert.seen_at >= quiet
        ),
    )


def total_variation(shares: Sequence[Shares]) -> float:
    """Return half the sum of absolute differences between the two distributions, 0 (equal) to 1 (disjoint)."""
    recent, before = sum(one.recent for one in shares), sum(one.before for one in shares)
    if not recent or not before:
        return 0.0
    return sum(abs(one.recent / recent - one.before / before) for one in shares) / 2


def by_chance(shares: Sequence[Shares]) -> float:
    """Return the total variation to expect between two draws from one distribution: that of the whole.

    Each share differs by a half-normal with variance p(1-p)(1/n + 1/m), whose mean is sqrt(2/pi) times its deviation.
    """
    recent, before = sum(one.recent for one in shares), sum(one.before for one in shares)
    if not recent or not before:
        return 0.0
    whole = [(one.recent + one.before) / (recent + before) for one in shares]
    return sum(math.sqrt(2 / math.pi * p * (1 - p) * (1 / recent + 1 / before)) for p in whole) / 2


def _of_the_night(observed: Observed) -> tuple[Alarm, ...]:
    if observed.last_night is None:
        return ()
    night, status, note = observed.last_night
    kind = {"failed": AlertKind.RUN_FAILED, "blocked": AlertKind.GATE_BLOCKED}.get(status)
    if kind is None:
        return ()
    what = "failed" if kind is AlertKind.RUN_FAILED else "was blocked by the gate"
    return (Alarm(kind, night, f"The night of {night} {what}: {note or 'no reason was noted'}", {"night": night}),)


def _of_the_canary(withdrawn: Withdrawn | None) -> Alarm | None:
    if withdrawn is None:
        return None
    said = f"The canary {withdrawn.checkpoint} was withdrawn: {withdrawn.why}"
    subject = f"release {withdrawn.release}"
    return Alarm(AlertKind.CANARY_WITHDRAWN, subject, said, {"checkpoint": withdrawn.checkpoint})


def _too_old(  # noqa: PLR0913, PLR0917 - one sentence's parts
    kind: AlertKind, what: str, oldest: datetime | None, now: datetime, limit: timedelta, waiting: int
) -> Alarm | None:
    if oldest is None or now - oldest <= limit:
        return None
    age = now - oldest
    said = f"The oldest {what} for {_span(age)}, over the limit of {_span(limit)}; {waiting:,} wait."
    return Alarm(kind, DESK, said, {"age_seconds": int(age.total_seconds()), "waiting": waiting})


def _drift(shares: Sequence[Shares], limits: AlertLimits) -> Alarm | None:
    recent, before = sum(one.recent for one in shares), sum(one.before for one in shares)
    if min(recent, before) < limits.drift_decisions:
        return None
    moved = total_variation(shares) - by_chance(shares)
    if moved <= limits.drift_share:
        return None
    most = max(shares, key=lambda one: (abs(one.recent / recent - one.before / before), one.name))
    was, now = most.before / before, most.recent / recent
    said = (
        f"Routes and reasons shifted by {moved:.0%} of decisions beyond chance, "
        f"over the limit of {limits.drift_share:.0%}; "
        f"most of all {most.name}: {was:.0%} before, {now:.0%} in the last 24 h."
    )
    return Alarm(AlertKind.DRIFT, DESK, said, {"moved": round(moved, 4), "most": most.name, "decisions": recent})


def _span(gap: timedelta) -> str:
    minutes = int(gap.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} d"
