"""Puts a night on record while it runs. Every write is a short transaction of its own, fenced by the night's lease.

Reading for pages and commands is `nightly`'s; what a stage does is lifecycle's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from services.domain.gate import GateReport
from services.domain.jobs import Lease
from services.domain.nights import STAGES, NightStatus, StageStatus
from services.store import jobs
from services.store.sessions import Sessions
from services.store.tables import (
    CheckpointRow,
    DatasetRow,
    GateReportRow,
    LabelUseRow,
    NightLogRow,
    NightRow,
    NightStageRow,
)
from services.store.training_labels import note_training, note_use

LONGEST_LINE = 2_000


class NewNight(NamedTuple):
    """What a night begins with; all of it stays as it is when the night is resumed."""

    id: str
    on: date
    asked_by: str
    cutoff: datetime
    plan: Mapping[str, Any]
    champion: str


def begin_night(session: Session, new: NewNight, now: datetime) -> bool:
    """Add the night with its stages; False where it is there already. A failed one is taken up again."""
    values = {
        **new._asdict(),
        "plan": dict(new.plan),
        "status": "running",
        "started_at": now,
        "left_out": [],
        "note": "",
    }
    added = session.execute(
        insert(NightRow).values(values).on_conflict_do_nothing(index_elements=["id"]).returning(col(NightRow.id))
    ).scalar_one_or_none()
    if added is None:
        session.execute(
            update(NightRow)
            .where(col(NightRow.id) == new.id, col(NightRow.status) == NightStatus.FAILED.value)
            .values(status="running", finished_at=None, note="")
        )
        return False
    session.add_all([NightStageRow(night_id=new.id, name=name, place=place) for place, name in enumerate(STAGES)])
    return True


def stored_night(session: Session, night_id: str) -> NewNight | None:
    """Return what a night began with, None where it is not on record."""
    row = session.get(NightRow, night_id)
    if row is None:
        return None
    return NewNight(row.id, row.on, row.asked_by, row.cutoff, row.plan, row.champion or "")


def end_night(session: Session, night_id: str, status: NightStatus, note: str, now: datetime) -> None:
    """End a night in the caller's transaction; one that has ended stays as it is."""
    session.execute(
        update(NightRow)
        .where(col(NightRow.id) == night_id, col(NightRow.status) == NightStatus.RUNNING.value)
        .values(status=status.value, note=note[:LONGEST_LINE], finished_at=now)
    )


def new_among(session: Session, label_ids: Sequence[str], night_id: str) -> int:
    """Return how many of these labels entered no dataset but those of this very night."""
    if not label_ids:
        return 0
    own = select(col(DatasetRow.digest)).where(col(DatasetRow.night_id) == night_id)
    seen = session.execute(
        select(func.count(col(LabelUseRow.label_id).distinct())).where(
            col(LabelUseRow.label_id).in_(label_ids), col(LabelUseRow.dataset_digest).not_in(own)
        )
    ).scalar_one()
    return len(set(label_ids)) - int(seen)


class NewDataset(NamedTuple):
    """A snapshot on disk: its digest and folder, the labels that train, what it holds and how it was chosen."""

    digest: str
    folder: str
    label_ids: Sequence[str]
    counts: Mapping[str, Any]
    rules: Mapping[str, Any]


def keep_dataset(session: Session, night_id: str | None, new: NewDataset, now: datetime) -> None:
    """Put a dataset and the use of its labels on record. The same content again adds nothing."""
    values = {
        "digest": new.digest, "night_id": night_id, "folder": new.folder, "labels": len(new.label_ids),
        "counts": dict(new.counts), "rules": dict(new.rules), "created_at": now,
    }  # fmt: skip
    session.execute(insert(DatasetRow).values(values).on_conflict_do_nothing())
    note_use(session, new.digest, new.label_ids, now)
    if night_id is not None:
        session.execute(update(NightRow).where(col(NightRow.id) == night_id).values(dataset_digest=new.digest))


def keep_checkpoint(
    session: Session, night_id: str | None, card: Mapping[str, Any], folder: str, now: datetime
) -> None:
    """Put a sealed checkpoint on record, with what it was trained on and where it comes from."""
    details = card.get("details", {})
    dataset = details.get("dataset_digest")
    values = {
        "digest": card["digest"], "name": card["name"], "stage": details.get("stage", "unknown"),
        "parent": details.get("parent"), "dataset_digest": dataset, "night_id": night_id, "folder": folder,
        "card": dict(card), "created_at": now,
    }  # fmt: skip
    session.execute(insert(CheckpointRow).values(values).on_conflict_do_nothing())
    if dataset:
        note_training(session, card["digest"], dataset, now)
    if night_id is not None:
        session.execute(update(NightRow).where(col(NightRow.id) == night_id).values(candidate=card["digest"]))


def keep_report(session: Session, report: GateReport, now: datetime) -> str:
    """Put a gate report on record; return its id. The same report again adds nothing."""
    values = {
        "id": report.digest, "night_id": report.night, "candidate": report.candidate["digest"],
        "champion": report.champion["digest"], "verdict": report.verdict.value,
        "document": report.model_dump(mode="json"), "created_at": now,
    }  # fmt: skip
    session.execute(insert(GateReportRow).values(values).on_conflict_do_nothing())
    if report.night is not None:
        night = update(NightRow).where(col(NightRow.id) == report.night)
        session.execute(night.values(gate_report_id=report.digest, left_out=list(report.left_out)))
    return report.digest


class StageRecord(NamedTuple):
    """What a finished stage left behind."""

    figures: Mapping[str, Any]
    note: str
    skipped: bool


class NightRecords:
    """Writes of one night. `lease` is the right to run it; without one nothing is fenced (a command's own run)."""

    def __init__(self, sessions: Sessions, night_id: str, clock: Callable[[], datetime], lease: Lease | None) -> None:
        self._sessions, self._night_id, self._now, self._lease = sessions, night_id, clock, lease

    def finished(self, stage: str) -> StageRecord | None:
        """Return what a finished stage left behind, None where it is still to do."""
        with self._sessions() as session:
            row = session.get(NightStageRow, (self._night_id, stage))
            if row is None or row.status not in {StageStatus.DONE.value, StageStatus.SKIPPED.value}:
                return None
            return StageRecord(row.figures, row.note, row.status == StageStatus.SKIPPED.value)

    def begin(self, stage: str) -> None:
        now = self._now()
        self._change(
            stage, status="running", attempts=col(NightStageRow.attempts) + 1,
            started_at=func.coalesce(col(NightStageRow.started_at), now), seen_at=now, finished_at=None, note="",
        )  # fmt: skip

    def progress(self, stage: str, values: Mapping[str, Any], seconds: float) -> None:
        """Note how far a running stage is; `seconds` were spent since the last note."""
        self._change(stage, **values, seconds=col(NightStageRow.seconds) + seconds, seen_at=self._now())

    def finish(self, stage: str, record: StageRecord, seconds: float) -> None:
        """End a stage; `seconds` were spent since the last note."""
        status = StageStatus.SKIPPED if record.skipped else StageStatus.DONE
        now = self._now()
        self._change(
            stage, status=status.value, figures=dict(record.figures), note=record.note[:LONGEST_LINE],
            finished_at=now, seen_at=now, seconds=col(NightStageRow.seconds) + seconds,
        )  # fmt: skip

    def fail(self, stage: str, why: str, seconds: float) -> None:
        values = {"status": StageStatus.FAILED.value, "note": why[:LONGEST_LINE], "finished_at": self._now()}
        self._change(stage, **values, seconds=col(NightStageRow.seconds) + seconds)

    def say(self, stage: str, line: str) -> None:
        with self._held() as session:
            row = NightLogRow(night_id=self._night_id, stage=stage, at=self._now(), line=line[:LONGEST_LINE])
            session.add(row)

    def remember(self, name: str, value: Any) -> Any:
        """Keep a choice in the night's plan unless one is kept already; return the one that counts."""
        with self._held() as session:
            row = session.get(NightRow, self._night_id, with_for_update=True)
            if row is None:
                raise LookupError(f"night {self._night_id} is not on record")
            chosen = dict(row.plan.get("chosen", {}))
            if name not in chosen:
                row.plan = {**row.plan, "chosen": {**chosen, name: value}}
                chosen[name] = value
            return chosen[name]

    def recall(self, name: str) -> Any:
        with self._sessions() as session:
            row = session.get(NightRow, self._night_id)
            return row.plan.get("chosen", {}).get(name) if row else None

    def seconds_spent(self) -> float:
        with self._sessions() as session:
            statement = select(func.coalesce(func.sum(col(NightStageRow.seconds)), 0.0))
            total = session.execute(statement.where(col(NightStageRow.night_id) == self._night_id)).scalar_one()
            return float(total)

    def in_transaction(self, write: Callable[[Session], Any]) -> Any:
        """Run one write under the lease."""
        with self._held() as session:
            return write(session)

    def _change(self, stage: str, **values: Any) -> None:
        with self._held() as session:
            session.execute(
                update(NightStageRow)
                .where(col(NightStageRow.night_id) == self._night_id, col(NightStageRow.name) == stage)
                .values(**values)
                .execution_options(synchronize_session=False)
            )

    @contextmanager
    def _held(self) -> Iterator[Session]:
        """Open a transaction that proves the lease first. Raises LeaseLost on entry."""
        with self._sessions() as session:
            if self._lease is not None:
                jobs.hold(session, self._lease)
            yield session
