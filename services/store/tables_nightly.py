"""Tables of the model loop: nights and their stages, datasets, checkpoints, gate reports.

Which labels entered a dataset is `label_use`, which dataset a checkpoint learned from `checkpoint_dataset`; both stand
with the labels. Releases, which move an alias to a checkpoint, have tables of their own.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from services.domain.nights import NightStatus, StageStatus
from services.store.tables_columns import counter, document, instant, one_of


class NightRow(SQLModel, table=True):
    """One nightly run. `id` is the date, with `.2` and so on where an operator asked for more runs on that day."""

    __tablename__ = "night"
    __table_args__ = (
        one_of("status", NightStatus),
        CheckConstraint("(status = 'running') = (finished_at IS NULL)", name="finished_has_time"),
        Index("ix_night_page", "started_at", "id"),
    )

    id: str = Field(primary_key=True)
    on: date
    status: str = "running"
    asked_by: str
    """`beat`, or the account or system user that asked for it."""
    started_at: datetime = instant()
    finished_at: datetime | None = instant(default=None)
    cutoff: datetime = instant()
    """Labels given before it may train. Kept, so that a resumed night takes the very same labels."""
    plan: dict[str, Any] = document()
    """Settings of this night: budget, seed, caps, steps; see `lifecycle.night_plan`."""
    champion: str | None = None
    """Digest of the checkpoint that the candidate is compared with."""
    candidate: str | None = None
    dataset_digest: str | None = None
    gate_report_id: str | None = None
    left_out: list[str] = document(default=list)
    """What did not fit into the budget, in words."""
    note: str = ""
    """How the night ended, in words."""


class NightStageRow(SQLModel, table=True):
    """One stage of a night. `done` of `total` steps; `curve` holds points of its loss, thinned out to a few hundred."""

    __tablename__ = "night_stage"
    __table_args__ = (one_of("status", StageStatus), UniqueConstraint("night_id", "place"))

    night_id: str = Field(primary_key=True, foreign_key="night.id")
    name: str = Field(primary_key=True)
    place: int
    status: str = "waiting"
    attempts: int = 0
    started_at: datetime | None = instant(default=None)
    finished_at: datetime | None = instant(default=None)
    seen_at: datetime | None = instant(default=None)
    seconds: float = 0.0
    """Time spent in it over all attempts."""
    done: int = 0
    total: int = 0
    note: str = ""
    figures: dict[str, Any] = document(default=dict)
    """What the stage hands to the next ones and shows to people; a finished stage is never run again."""
    curve: list[dict[str, Any]] = document(default=list)


class NightLogRow(SQLModel, table=True):
    """A line that a stage said. Append-only."""

    __tablename__ = "night_log"
    __table_args__ = (Index("ix_night_log_night", "night_id", "id"),)

    id: int | None = counter()
    night_id: str = Field(foreign_key="night.id")
    stage: str
    at: datetime = instant()
    line: str


class DatasetRow(SQLModel, table=True):
    """A snapshot of labels, named by the digest of its content. Append-only."""

    __tablename__ = "dataset"
    __table_args__ = (Index("ix_dataset_page", "created_at", "digest"),)

    digest: str = Field(primary_key=True)
    night_id: str | None = None
    """The night that made it first; the same content made again is the same dataset."""
    folder: str
    labels: int
    counts: dict[str, Any] = document()
    """Rows by file and by kind of label, labels by reviewer, and what was left out by reason."""
    rules: dict[str, Any] = document()
    """How the labels were chosen: undo window, caps, two-person rule, splits."""
    created_at: datetime = instant()


class CheckpointRow(SQLModel, table=True):
    """A sealed checkpoint that the loop made. Append-only. `card` is that of its folder, digests of files included."""

    __tablename__ = "checkpoint"
    __table_args__ = (Index("ix_checkpoint_page", "created_at", "digest"),)

    digest: str = Field(primary_key=True)
    name: str
    stage: str
    parent: str | None = None
    dataset_digest: str | None = Field(default=None, index=True)
    night_id: str | None = None
    folder: str
    card: dict[str, Any] = document()
    created_at: datetime = instant()


class GateReportRow(SQLModel, table=True):
    """A gate's verdict with all that it rests on. Append-only; `id` is the digest of `document`."""

    __tablename__ = "gate_report"
    __table_args__ = (one_of("verdict", ("ship", "block")), Index("ix_gate_report_page", "created_at", "id"))

    id: str = Field(primary_key=True)
    night_id: str | None = None
    candidate: str = Field(index=True)
    champion: str
    verdict: str
    document: dict[str, Any] = document()
    created_at: datetime = instant()
