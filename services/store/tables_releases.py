"""Tables of releases and of what failed: alias moves, runs of a candidate, failures with owners, regression cases."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from services.domain.failures import FailureStatus
from services.domain.releases import Alias, ReleaseKind
from services.domain.verdict import FailureOwner
from services.store.tables_columns import counter, document, instant, one_of


class ReleaseRow(SQLModel, table=True):
    """One move of an alias. Append-only: the newest row of an alias is where it points."""

    __tablename__ = "release"
    __table_args__ = (
        one_of("alias", Alias),
        one_of("kind", ReleaseKind),
        CheckConstraint("(kind = 'withdraw') = (checkpoint IS NULL)", name="withdrawn_has_none"),
        CheckConstraint("(alias = 'champion') = (kind IN ('initial', 'promote', 'rollback'))", name="kind_of_alias"),
        CheckConstraint("share BETWEEN 0 AND 1 AND shadow_share BETWEEN 0 AND 1", name="shares"),
        Index("ix_release_alias", "alias", "id"),
        Index("ix_release_checkpoint", "checkpoint"),
    )

    id: int | None = counter()
    alias: str
    kind: str
    checkpoint: str | None = None
    """Full digest; null where the candidate was withdrawn."""
    name: str | None = None
    replaces: str | None = None
    replaces_name: str | None = None
    share: float = 0.0
    shadow_share: float = 0.0
    who: str
    why: str
    gate_report_id: str | None = None
    gate_overridden: bool = False
    figures: dict[str, Any] = document(default=dict)
    at: datetime = instant()


class CandidateRunRow(SQLModel, table=True):
    """What a candidate made of one live return: beside the champion (`shadow`), or a failure as a canary. Append-only.

    A canary's answers are live traces; only where it failed, and the champion answered in its place, is there a row.
    """

    __tablename__ = "candidate_run"
    __table_args__ = (
        one_of("mode", ("shadow", "canary")),
        CheckConstraint("(error IS NULL) = (same IS NOT NULL)", name="error_or_comparison"),
        Index("ix_candidate_run_release", "release_id", "id"),
        Index("ix_candidate_run_different", "release_id", "id", postgresql_where=text("NOT same")),
        Index("uq_candidate_run_shadow", "release_id", "live_trace_id", unique=True),
    )

    id: int | None = counter()
    release_id: int = Field(sa_type=BigInteger, foreign_key="release.id")
    mode: str
    return_id: str = Field(foreign_key="return_request.id")
    checkpoint: str
    """As traces cite it."""
    live_trace_id: str | None = Field(default=None, foreign_key="trace.id")
    shadow_trace_id: str | None = Field(default=None, foreign_key="trace.id")
    same: bool | None = None
    differs: list[dict[str, Any]] = document(default=list)
    """Rows of `{field, champion, candidate}`."""
    error: str | None = None
    at: datetime = instant()


class FailureRow(SQLModel, table=True):
    """A failed or overturned trace with who mends it and how. One row a trace; a label on it teaches more."""

    __tablename__ = "failure"
    __table_args__ = (
        one_of("owner", FailureOwner),
        one_of("status", FailureStatus),
        one_of("source", ("finding", "label")),
        CheckConstraint("(source = 'label') = (label_id IS NOT NULL)", name="label_named"),
        CheckConstraint("(status = 'open') = (closed_at IS NULL)", name="closed_has_time"),
        Index("ix_failure_open", "effort", "owner", "found_at", "id", postgresql_where=text("status = 'open'")),
        Index("ix_failure_page", "found_at", "id"),
    )

    id: str = Field(primary_key=True)
    trace_id: str = Field(foreign_key="trace.id", unique=True)
    return_id: str = Field(foreign_key="return_request.id")
    source: str
    label_id: str | None = Field(default=None, foreign_key="label.id")
    cause: str
    """A check's name, a route's reason or a label's word: stable, for grouping."""
    detail: str = ""
    owner: str
    action: str
    effort: int
    """0 is the smallest fix; failures are mended in this order."""
    cured_by: str | None = None
    """The clause version that answers the case rightly by evidence alone, such as `P-7@2026-02`."""
    updates_weights: bool = False
    expected: str | None = None
    decided: str | None = None
    policy_id: str | None = None
    checkpoint: str
    status: str = "open"
    closed_by: str | None = None
    closed_why: str = ""
    closed_at: datetime | None = instant(default=None)
    found_at: datetime = instant()
    """When the trace was stored, or the label given."""
    routed_at: datetime = instant()


class RegressionCaseRow(SQLModel, table=True):
    """A failure turned into a case that the gate asks every candidate, in the form `eval` reads. Append-only."""

    __tablename__ = "regression_case"
    __table_args__ = (Index("ix_regression_case_page", "created_at", "id"),)

    id: str = Field(primary_key=True)
    failure_id: str = Field(foreign_key="failure.id", unique=True)
    order_id: str
    """The order it came from, which must never enter a training set."""
    evidence_digest: str = Field(index=True)
    case_document: dict[str, Any] = document()
    added_by: str
    created_at: datetime = instant()
