"""Failures on record, with owner and next action, and turned into regression cases.

Who owns a failure is `domain.failures`' table, finding them `failure_finding`'s. A failure found twice is one row.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from services.domain.failures import FailureStatus, Routed
from services.domain.review import GivenLabel, LabelKind
from services.domain.trace import Trace
from services.domain.verdict import FailureOwner
from services.store.audit import append_audit
from services.store.failure_finding import Found
from services.store.ids import new_id
from services.store.review_labels import given
from services.store.tables import FailureRow, LabelRow, RegressionCaseRow, ReturnRow, TraceRow


class Failure(NamedTuple):
    id: str
    trace_id: str
    return_id: str
    source: str
    label_id: str | None
    cause: str
    detail: str
    owner: FailureOwner
    action: str
    effort: int
    cured_by: str | None
    updates_weights: bool
    expected: str | None
    decided: str | None
    policy_id: str | None
    checkpoint: str
    status: FailureStatus
    closed_by: str | None
    closed_why: str
    closed_at: datetime | None
    found_at: datetime


class NotAFailure(Exception):
    """The failure is unknown, closed, or lacks what was asked of it; the message says which and what to do."""


def keep_failure(session: Session, found: Found, routed: Routed, expected: str | None, now: datetime) -> None:
    """Put a failure on record; what a label teaches replaces what was found before, while the failure is open."""
    decision = found.trace.decision
    values = {
        "source": "label" if found.label else "finding",
        "label_id": found.label.id if found.label else None,
        "cause": routed.cause,
        "detail": routed.detail,
        "owner": routed.owner.value,
        "action": routed.action,
        "effort": routed.effort,
        "cured_by": routed.cured_by,
        "updates_weights": routed.updates_weights,
        "expected": expected,
        "decided": decision.outcome.value if decision else None,
        "policy_id": decision.policy_id if decision else None,
        "found_at": found.at,
        "routed_at": now,
    }
    fixed = {
        "id": new_id("fail", now),
        "trace_id": found.trace_id,
        "return_id": found.return_id,
        "checkpoint": found.checkpoint,
        "status": FailureStatus.OPEN.value,
        "closed_why": "",
    }
    statement = insert(FailureRow).values(**values, **fixed)
    if found.label is None:
        session.execute(statement.on_conflict_do_nothing(index_elements=["trace_id"]))
        return
    still_open = col(FailureRow.status) == FailureStatus.OPEN.value
    session.execute(statement.on_conflict_do_update(index_elements=["trace_id"], set_=values, where=still_open))


def reroute(session: Session, failure_id: str, routed: Routed, now: datetime) -> None:
    """Give an open failure another owner and action, as the clause versions of today suggest. Raises NotAFailure."""
    row = _open(session, failure_id)
    row.cause, row.detail, row.owner, row.action = routed.cause, routed.detail, routed.owner.value, routed.action
    row.effort, row.cured_by, row.updates_weights = routed.effort, routed.cured_by, routed.updates_weights
    row.routed_at = now


def dismiss_approved(session: Session, now: datetime) -> int:
    """End open failures whose answer a person approved as it was: the doubt was the verifier's. Return how many."""
    undo = aliased(LabelRow)
    approved = session.execute(
        select(col(FailureRow.id), col(LabelRow.reviewer))
        .join(LabelRow, col(LabelRow.trace_id) == col(FailureRow.trace_id))
        .where(
            col(FailureRow.status) == "open",
            col(LabelRow.kind) == LabelKind.APPROVE.value,
            ~exists().where(col(undo.undoes) == col(LabelRow.id)),
        )
        .ext(distinct_on(col(FailureRow.id)))
        .order_by(col(FailureRow.id), col(LabelRow.id).desc())
    ).all()
    for failure_id, reviewer in approved:
        close_failure(session, failure_id, FailureStatus.DISMISSED, reviewer, "approved as it was", now)
    return len(approved)


def failures(
    session: Session, *, owner: FailureOwner | None = None, status: FailureStatus | None = None, limit: int = 200
) -> list[Failure]:
    """Return failures, the smallest fix first, then by owner, then the newest. Open ones unless asked."""
    wanted = (status or FailureStatus.OPEN).value
    statement = select(FailureRow).where(col(FailureRow.status) == wanted)
    if owner is not None:
        statement = statement.where(col(FailureRow.owner) == owner.value)
    order = (col(FailureRow.effort), col(FailureRow.owner), col(FailureRow.found_at).desc(), col(FailureRow.id))
    return [_failure(row) for row in session.execute(statement.order_by(*order).limit(limit)).scalars()]


def find_failure(session: Session, failure_id: str) -> Failure | None:
    row = session.get(FailureRow, failure_id)
    return _failure(row) if row else None


class OwnerCount(NamedTuple):
    """Open failures of one owner and cause, with how large the fix is."""

    owner: FailureOwner
    cause: str
    effort: int
    open: int
    updates_weights: bool


def open_counts(session: Session) -> list[OwnerCount]:
    """Return how many failures are open by owner and cause, the smallest fix first, then the most frequent."""
    count = func.count()
    statement = (
        select(col(FailureRow.owner), col(FailureRow.cause), col(FailureRow.effort), count)
        .add_columns(col(FailureRow.updates_weights))
        .where(col(FailureRow.status) == "open")
        .group_by(FailureRow.owner, FailureRow.cause, FailureRow.effort, FailureRow.updates_weights)  # type: ignore[arg-type]
        .order_by(col(FailureRow.effort), count.desc(), col(FailureRow.cause))
    )
    return [OwnerCount(FailureOwner(row[0]), *row[1:]) for row in session.execute(statement)]


def close_failure(  # noqa: PLR0913, PLR0917 - which, how, signed by whom
    session: Session, failure_id: str, status: FailureStatus, who: str, why: str, now: datetime
) -> Failure:
    """End an open failure as cured or dismissed. Raises NotAFailure."""
    row = _open(session, failure_id)
    row.status, row.closed_by, row.closed_why, row.closed_at = status.value, who, why, now
    session.flush()
    append_audit(session, who, f"failure.{status.value}", failure_id, {"why": why, "trace": row.trace_id}, now=now)
    return _failure(row)


class RegressionCase(NamedTuple):
    """A failure as a case; `document` is a line of `eval`."""

    id: str
    failure_id: str
    document: Mapping[str, Any]
    added_by: str
    created_at: datetime


def add_regression(  # noqa: PLR0913, PLR0917 - a case's row has these
    session: Session, failure_id: str, document: Mapping[str, Any], order_id: str, who: str, now: datetime
) -> RegressionCase:
    """Keep an open failure as a regression case. Raises NotAFailure."""
    failure = _open(session, failure_id)
    trace = session.get_one(TraceRow, failure.trace_id)
    row = RegressionCaseRow(
        id=str(document["id"]),
        failure_id=failure_id,
        order_id=order_id,
        evidence_digest=trace.evidence_digest,
        case_document=dict(document),
        added_by=who,
        created_at=now,
    )
    session.add(row)
    close_failure(session, failure_id, FailureStatus.REGRESSION, who, f"regression case {row.id}", now)
    return RegressionCase(row.id, failure_id, row.case_document, who, now)


def regressions(session: Session, limit: int = 10_000) -> list[RegressionCase]:
    """Return regression cases, the oldest first."""
    statement = select(RegressionCaseRow).order_by(col(RegressionCaseRow.created_at), col(RegressionCaseRow.id))
    return [
        RegressionCase(row.id, row.failure_id, row.case_document, row.added_by, row.created_at)
        for row in session.execute(statement.limit(limit)).scalars()
    ]


def regression_cases(session: Session) -> list[dict[str, Any]]:
    """Return every regression case as `eval` reads it: what the gate asks of each candidate."""
    return [dict(one.document) for one in regressions(session)]


def regression_orders(session: Session) -> set[str]:
    """Return the orders that regression cases came from: nothing about them may train."""
    return set(session.execute(select(col(RegressionCaseRow.order_id))).scalars())


def regression_evidence(session: Session) -> set[str]:
    """Return the digests of the evidence of regression cases."""
    return set(session.execute(select(col(RegressionCaseRow.evidence_digest))).scalars())


class CaseParts(NamedTuple):
    """A failure with all it rests on. `said` are the reviewer's words, `known` the customer's own values."""

    failure: Failure
    trace: Trace
    label: GivenLabel | None
    said: str | None
    known: Sequence[str]


def case_parts(session: Session, failure_id: str) -> CaseParts:
    """Return an open failure with its trace and label. Raises NotAFailure."""
    row = _open(session, failure_id)
    trace = Trace.model_validate(session.get_one(TraceRow, row.trace_id).document)
    label = session.get(LabelRow, row.label_id) if row.label_id else None
    email = session.get_one(ReturnRow, row.return_id).customer_email
    known = [email] if email else []
    return CaseParts(_failure(row), trace, given(label) if label else None, label.reason if label else None, known)


def _open(session: Session, failure_id: str) -> FailureRow:
    row = session.get(FailureRow, failure_id, with_for_update=True)
    if row is None:
        raise NotAFailure(f"no failure {failure_id!r}; `returns-desk failures list` shows them")
    if row.status != FailureStatus.OPEN.value:
        raise NotAFailure(f"{failure_id} is closed already ({row.status}: {row.closed_why})")
    return row


def _failure(row: FailureRow) -> Failure:
    values = row.model_dump(exclude={"routed_at"})
    return Failure(**values | {"owner": FailureOwner(row.owner), "status": FailureStatus(row.status)})
