"""Reads of the model loop, for pages, commands and releases. Writing is `night_records`' business."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlmodel import Session, SQLModel, col

from services.domain.gate import GateReport, GateVerdict
from services.domain.nights import NightStatus, StageStatus
from services.store.tables import (
    CheckpointDatasetRow,
    CheckpointRow,
    DatasetRow,
    GateReportRow,
    LabelUseRow,
    NightLogRow,
    NightRow,
    NightStageRow,
)


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


View = TypeVar("View", bound=_View)


class Night(_View):
    """A nightly run; `candidate` and `champion` are digests. Fields as in `NightRow`."""

    id: str
    on: date
    status: NightStatus
    asked_by: str
    started_at: datetime
    finished_at: datetime | None
    cutoff: datetime
    plan: Mapping[str, Any]
    champion: str | None
    candidate: str | None
    dataset_digest: str | None
    gate_report_id: str | None
    left_out: Sequence[str]
    note: str


class NightStage(_View):
    """One stage. `share` is 0 to 1; `seconds_left` is guessed from its own pace, None where it has none yet."""

    night_id: str
    name: str
    place: int
    status: StageStatus
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    seen_at: datetime | None
    seconds: float
    done: int
    total: int
    note: str
    figures: Mapping[str, Any]
    curve: Sequence[Mapping[str, Any]]

    @property
    def share(self) -> float:
        if self.status in {StageStatus.DONE, StageStatus.SKIPPED}:
            return 1.0
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def seconds_left(self) -> float | None:
        if self.status is not StageStatus.RUNNING or not self.done or not self.total:
            return None
        return self.seconds / self.done * (self.total - self.done)


class LogLine(_View):
    id: int
    stage: str
    at: datetime
    line: str


class Dataset(_View):
    digest: str
    night_id: str | None
    folder: str
    labels: int
    counts: Mapping[str, Any]
    rules: Mapping[str, Any]
    created_at: datetime


class Checkpoint(_View):
    digest: str
    name: str
    stage: str
    parent: str | None
    dataset_digest: str | None
    night_id: str | None
    folder: str
    card: Mapping[str, Any]
    created_at: datetime


class StoredReport(_View):
    """A gate report as stored; `report` is the whole of it."""

    id: str
    night_id: str | None
    candidate: str
    champion: str
    verdict: GateVerdict
    created_at: datetime
    report: GateReport


def nights(session: Session, limit: int = 50, before: datetime | None = None) -> list[Night]:
    """Return nights, the newest first; `before` pages by their start."""
    statement = select(NightRow).order_by(col(NightRow.started_at).desc(), col(NightRow.id).desc()).limit(limit)
    if before is not None:
        statement = statement.where(col(NightRow.started_at) < before)
    return [_as(Night, row) for row in session.execute(statement).scalars()]


def night(session: Session, night_id: str) -> Night | None:
    row = session.get(NightRow, night_id)
    return _as(Night, row) if row else None


def running_night(session: Session) -> Night | None:
    """Return the night under way, None where none is."""
    statement = select(NightRow).where(col(NightRow.status) == "running").order_by(col(NightRow.started_at).desc())
    row = session.execute(statement.limit(1)).scalar_one_or_none()
    return _as(Night, row) if row else None


def stages(session: Session, night_id: str) -> list[NightStage]:
    """Return the stages of a night in their order."""
    statement = select(NightStageRow).where(col(NightStageRow.night_id) == night_id).order_by(col(NightStageRow.place))
    return [_as(NightStage, row) for row in session.execute(statement).scalars()]


def night_log(
    session: Session, night_id: str, stage: str | None = None, after: int = 0, limit: int = 500
) -> list[LogLine]:
    """Return what a night's stages said, oldest first; `after` is the id of the last line already known."""
    statement = select(NightLogRow).where(col(NightLogRow.night_id) == night_id, col(NightLogRow.id) > after)
    if stage is not None:
        statement = statement.where(col(NightLogRow.stage) == stage)
    return [
        _as(LogLine, row) for row in session.execute(statement.order_by(col(NightLogRow.id)).limit(limit)).scalars()
    ]


def gate_reports(session: Session, limit: int = 50, candidate: str | None = None) -> list[StoredReport]:
    """Return gate reports, the newest first, of one candidate (a digest) where it is given."""
    statement = select(GateReportRow).order_by(col(GateReportRow.created_at).desc(), col(GateReportRow.id)).limit(limit)
    if candidate is not None:
        statement = statement.where(col(GateReportRow.candidate) == candidate)
    return [_stored(row) for row in session.execute(statement).scalars()]


def gate_report(session: Session, report_id: str) -> StoredReport | None:
    row = session.get(GateReportRow, report_id)
    return _stored(row) if row else None


def datasets(session: Session, limit: int = 50) -> list[Dataset]:
    """Return dataset snapshots, the newest first."""
    statement = select(DatasetRow).order_by(col(DatasetRow.created_at).desc(), col(DatasetRow.digest)).limit(limit)
    return [_as(Dataset, row) for row in session.execute(statement).scalars()]


def dataset(session: Session, digest: str) -> Dataset | None:
    row = session.get(DatasetRow, digest)
    return _as(Dataset, row) if row else None


def labels_of(session: Session, dataset_digest: str) -> list[str]:
    """Return the ids of the labels in a dataset, oldest first."""
    statement = select(col(LabelUseRow.label_id)).where(col(LabelUseRow.dataset_digest) == dataset_digest)
    return list(session.execute(statement.order_by(col(LabelUseRow.label_id))).scalars())


def datasets_of_label(session: Session, label_id: str) -> list[Dataset]:
    """Return the datasets that a label entered, oldest first."""
    statement = (
        select(DatasetRow)
        .join(LabelUseRow, col(LabelUseRow.dataset_digest) == col(DatasetRow.digest))
        .where(col(LabelUseRow.label_id) == label_id)
        .order_by(col(DatasetRow.created_at))
    )
    return [_as(Dataset, row) for row in session.execute(statement).scalars()]


def checkpoints(session: Session, limit: int = 50, dataset_digest: str | None = None) -> list[Checkpoint]:
    """Return checkpoints of the loop, the newest first; those trained on one dataset where it is given."""
    statement = select(CheckpointRow).order_by(col(CheckpointRow.created_at).desc(), col(CheckpointRow.digest))
    if dataset_digest is not None:
        learned = select(col(CheckpointDatasetRow.checkpoint)).where(
            col(CheckpointDatasetRow.dataset_digest) == dataset_digest
        )
        statement = statement.where(col(CheckpointRow.digest).in_(learned))
    return [_as(Checkpoint, row) for row in session.execute(statement.limit(limit)).scalars()]


def checkpoint(session: Session, digest: str) -> Checkpoint | None:
    """Return the checkpoint of this digest (whole, or its first digits as traces cite it: 12 or more)."""
    if len(digest) < 12:
        return None
    statement = select(CheckpointRow).where(col(CheckpointRow.digest).startswith(digest, autoescape=True)).limit(2)
    rows = session.execute(statement).scalars().all()
    return _as(Checkpoint, rows[0]) if len(rows) == 1 else None


def _stored(row: GateReportRow) -> StoredReport:
    return StoredReport.model_validate({**row.model_dump(), "report": row.document})


def _as(kind: type[View], row: SQLModel) -> View:
    return kind.model_validate(row.model_dump())
