"""Tables of human review: items that wait for a person, and the labels people gave."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from services.domain.review import LabelKind, Stage
from services.store.tables_columns import document, instant, one_of

_UNFINISHED = text("state <> 'done'")
REVIEW_STATES = ("open", "leased", "done")


class ReviewItemRow(SQLModel, table=True):
    """One return that a person must see, and why. At most one item of a return is unfinished.

    `trace_id` is null where nothing was decided (unknown order, processing failed, quarantined).
    """

    __tablename__ = "review_item"
    __table_args__ = (
        one_of("state", REVIEW_STATES),
        one_of("stage", Stage),
        one_of("purpose", ("live", "gold")),
        CheckConstraint("(state = 'leased') = (lease_token IS NOT NULL)", name="leased_has_token"),
        CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name="done_has_time"),
        Index(
            "uq_review_item_unfinished",
            "return_id",
            unique=True,
            postgresql_where=text("state <> 'done' AND purpose = 'live'"),
        ),
        Index("ix_review_item_next", "priority", "due_at", "id", postgresql_where=text("state <> 'done'")),
        *(
            Index(f"ix_review_item_{column}_next", column, "priority", "due_at", "id", postgresql_where=_UNFINISHED)
            for column in ("reason", "policy_id", "worst_finding", "checkpoint", "leased_by")
        ),
        Index("ix_review_item_done_page", "done_at", "id", postgresql_where=text("state = 'done'")),
        Index("ix_review_item_state_page", "state", "created_at", "id"),
        Index("ix_review_item_reason_page", "reason", "state", "created_at", "id"),
        Index("ix_review_item_return", "return_id"),
    )

    id: str = Field(primary_key=True)
    return_id: str = Field(foreign_key="return_request.id")
    shop_id: str
    order_id: str
    trace_id: str | None = Field(default=None, foreign_key="trace.id")
    reason: str
    """The route's reason, or `processing_failed`, `quarantined`, `order_not_found`, `item_not_in_order`."""
    detail: str = ""
    decision: str | None = None
    policy_id: str | None = None
    checkpoint: str | None = None
    worst_finding: str | None = None
    priority: int = 5
    """0 is looked at first; within a priority the earlier `due_at`."""
    state: str = "open"
    lease_token: str | None = None
    leased_by: str | None = None
    lease_until: datetime | None = instant(default=None)
    purpose: str = Field(default="live", sa_column_kwargs={"server_default": "live"})
    """`gold` is a finished case shown again to one reviewer, whose answer changes nothing but their accuracy."""
    stage: str = Field(default=Stage.LABEL.value, sa_column_kwargs={"server_default": Stage.LABEL.value})
    wanted_labels: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    """How many reviewers answer it blind to each other."""
    given_labels: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    assigned_to: str | None = None
    """Whom a gold item is for."""
    version: int = 1
    """Grows with each change; a reviewer's write names the version it saw."""
    due_at: datetime = instant()
    created_at: datetime = instant()
    done_at: datetime | None = instant(default=None)


class LabelRow(SQLModel, table=True):
    """What a reviewer said. Append-only: taking one back is a row of kind `undo` that names it."""

    __tablename__ = "label"
    __table_args__ = (
        one_of("kind", LabelKind),
        CheckConstraint("(kind = 'undo') = (undoes IS NOT NULL)", name="undo_names_label"),
        Index("ix_label_page", "created_at", "id"),
        Index("ix_label_reviewer_page", "reviewer", "created_at", "id"),
        Index("ix_label_item", "review_item_id"),
    )

    id: str = Field(primary_key=True)
    review_item_id: str = Field(foreign_key="review_item.id")
    return_id: str = Field(foreign_key="return_request.id")
    trace_id: str | None = Field(default=None, foreign_key="trace.id")
    reviewer: str
    kind: str
    reason: str | None = None
    undoes: str | None = Field(default=None, foreign_key="label.id", unique=True)
    guideline_version: str | None = None
    document: dict[str, Any] = document(default=dict)
    """What the reviewer put in place of the model's answer, as the label's kind asks."""
    created_at: datetime = instant()
