"""What candidates made of live returns: shadow comparisons, failures as a canary, and the live figures of both arms.

Ruling on the figures is `domain.canary`'s, running a candidate the flow's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select, text
from sqlmodel import Session, col

from services.domain.canary import Arm
from services.domain.jobs import JobKind, Lease
from services.domain.releases import Release
from services.domain.review import drawn
from services.domain.shadow import Difference, differences
from services.flows.shadow import ShadowCase, Shadowed
from services.ports import Clock
from services.store import jobs
from services.store.releases import candidate
from services.store.sessions import Sessions
from services.store.tables import CandidateRunRow, ReturnRow, TraceRow
from services.store.traces import add_trace, latest_trace
from services.store.triage import request_of

SHADOW, CANARY = "shadow", "canary"
MOST_TRACES = 2_000
"""Traces of one arm that are counted, the newest: enough for any ruling, and quick to read."""


class ShadowRecords:
    """Implements `flows.shadow.ShadowStore`."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    def begin(self, leases: Sequence[Lease]) -> Mapping[str, ShadowCase]:
        """Return the cases by job id. Jobs end here whose candidate is gone or decided the return itself."""
        found: dict[str, ShadowCase] = {}
        with self._sessions() as session:
            held = jobs.held_among(session, leases)
            beside = candidate(session)
            for lease in leases:
                if lease.job_id not in held:
                    continue
                case = _case(session, lease.subject_id, beside)
                if case is None:
                    jobs.finish(session, lease)
                else:
                    found[lease.job_id] = case
        return found

    def settle(self, lease: Lease, case: ShadowCase, shadowed: Shadowed) -> None:
        """Store the candidate's trace and how it differs, and end the job. Raises LeaseLost."""
        now = self._clock.now()
        with self._sessions() as session:
            jobs.finish(session, lease)
            row = session.get_one(ReturnRow, case.return_id)
            trace_id: str | None = None
            differs: tuple[Difference, ...] = ()
            if shadowed.trace is not None:
                attempt = _shadows_of(session, case.return_id) + 1
                trace_id = add_trace(session, request_of(row), shadowed.trace, attempt=attempt, now=now, purpose=SHADOW)
                differs = differences(case.trace, shadowed.trace)
            session.add(
                CandidateRunRow(
                    release_id=case.release.id,
                    mode=SHADOW,
                    return_id=case.return_id,
                    checkpoint=_cited(case.release),
                    live_trace_id=case.trace_id,
                    shadow_trace_id=trace_id,
                    same=None if shadowed.trace is None else not differs,
                    differs=[one._asdict() for one in differs],
                    error=shadowed.error,
                    at=now,
                )
            )


def ask_for_shadow(session: Session, release: Release, return_ids: Sequence[str], now: datetime) -> int:
    """Add jobs for those of the settled returns that fall to the candidate's shadow share; return how many."""
    wanted = [one for one in return_ids if drawn(one, f"shadow:{_cited(release)}", release.shadow_share)]
    return sum(jobs.enqueue(session, JobKind.SHADOW, one, None, now) is not None for one in wanted)


def note_canary_failure(session: Session, release: Release, return_id: str, error: str, now: datetime) -> None:
    """Put on record that the canary failed on a return, which the champion answered in its place."""
    session.add(
        CandidateRunRow(
            release_id=release.id,
            mode=CANARY,
            return_id=return_id,
            checkpoint=_cited(release),
            error=error,
            at=now,
        )
    )


class CandidateRun(NamedTuple):
    """One return as the candidate saw it. `same` is None where it failed."""

    id: int
    release_id: int
    mode: str
    return_id: str
    checkpoint: str
    live_trace_id: str | None
    shadow_trace_id: str | None
    same: bool | None
    differs: tuple[Difference, ...]
    error: str | None
    at: datetime


class ShadowCounts(NamedTuple):
    """`by_field`: how many of the different ones differ in it."""

    looked_at: int
    different: int
    failed: int
    by_field: Mapping[str, int]


def candidate_runs(  # noqa: PLR0913 - which, and how many
    session: Session,
    release_id: int,
    *,
    limit: int = 50,
    before: int | None = None,
    different_only: bool = True,
    field: str | None = None,
) -> list[CandidateRun]:
    """Return runs of one release, the newest first: those that differ or failed, or all."""
    statement = (
        select(CandidateRunRow)
        .where(col(CandidateRunRow.release_id) == release_id)
        .order_by(col(CandidateRunRow.id).desc())
        .limit(limit)
    )
    if different_only:
        statement = statement.where(col(CandidateRunRow.same).is_not(True))
    if before is not None:
        statement = statement.where(col(CandidateRunRow.id) < before)
    if field is not None:
        statement = statement.where(col(CandidateRunRow.differs).contains([{"field": field}]))
    return [_run(row) for row in session.execute(statement).scalars()]


def shadow_counts(session: Session, release_id: int) -> ShadowCounts:
    """Return how often a release's candidate, in the shadow, would have answered otherwise."""
    row = session.execute(
        text(
            "SELECT count(*), count(*) FILTER (WHERE NOT same), count(*) FILTER (WHERE error IS NOT NULL) "
            "FROM candidate_run WHERE release_id = :id AND mode = 'shadow'"
        ),
        {"id": release_id},
    ).one()
    fields = session.execute(
        text(
            "SELECT one->>'field', count(*) FROM candidate_run, jsonb_array_elements(differs) one "
            "WHERE release_id = :id AND mode = 'shadow' GROUP BY 1 ORDER BY 2 DESC, 1"
        ),
        {"id": release_id},
    ).all()
    return ShadowCounts(row[0], row[1], row[2], dict(tuple(one) for one in fields))


class Arms(NamedTuple):
    candidate: Arm
    champion: Arm


def arms(session: Session, release: Release, champion: str) -> Arms:
    """Return the live figures of a canary and of the champion since the canary began.

    `champion` is the checkpoint as traces cite it. A canary's errors are returns that the champion answered in its
    place, and generations that failed.
    """
    failed, unanswered = session.execute(
        text(
            "SELECT count(DISTINCT r.return_id), count(DISTINCT r.return_id) FILTER (WHERE NOT EXISTS (SELECT 1 FROM "
            "trace t WHERE t.return_id = r.return_id AND t.purpose = 'live' AND t.checkpoint = r.checkpoint)) "
            "FROM candidate_run r WHERE r.release_id = :id AND r.mode = 'canary'"
        ),
        {"id": release.id},
    ).one()
    ours = _arm(session, _cited(release), release.at)
    more = {"returns": ours.returns + unanswered, "errors": min(ours.errors + failed, ours.returns + unanswered)}
    return Arms(ours.model_copy(update=more), _arm(session, champion, release.at))


_ARM = text(
    """
    SELECT count(*),
           count(*) FILTER (WHERE decision IS NULL),
           count(*) FILTER (WHERE document @? :unsupported),
           count(*) FILTER (WHERE verdict = 'block'),
           count(*) FILTER (WHERE route = 'review' AND route_reason IS DISTINCT FROM 'audit'),
           count(*) FILTER (WHERE decision = 'eligible'),
           coalesce(array_agg(ttft_ms), '{}')
    FROM (SELECT * FROM trace WHERE checkpoint = :checkpoint AND created_at >= :since AND purpose = 'live'
          ORDER BY created_at DESC, id DESC LIMIT :most) newest
    """
)
_UNSUPPORTED = '$.verification.findings[*] ? (@.check == "claims_supported" && @.passed == false)'


def _arm(session: Session, checkpoint: str, since: datetime) -> Arm:
    values = {"checkpoint": checkpoint, "since": since, "most": MOST_TRACES, "unsupported": _UNSUPPORTED}
    row: Any = session.execute(_ARM, values).one()
    return Arm(
        checkpoint=checkpoint,
        returns=row[0],
        errors=row[1],
        unsupported_claims=row[2],
        blocked=row[3],
        reviewed=row[4],
        approved=row[5],
        ttft_ms=tuple(row[6]),
    )


def _case(session: Session, return_id: str, beside: Release | None) -> ShadowCase | None:
    if beside is None or not beside.shadow_share:
        return None
    stored = latest_trace(session, return_id)
    if stored is None or (stored.trace.deciding and stored.trace.deciding.checkpoint == _cited(beside)):
        return None
    return ShadowCase(return_id, stored.id, stored.trace, beside)


def _shadows_of(session: Session, return_id: str) -> int:
    statement = select(func.count()).select_from(TraceRow)
    found: int = session.execute(
        statement.where(col(TraceRow.return_id) == return_id, col(TraceRow.purpose) == SHADOW)
    ).scalar_one()
    return found


def _cited(release: Release) -> str:
    if release.checkpoint is None:
        raise ValueError(f"release {release.id} withdrew its candidate; nothing runs by it")
    return release.checkpoint.trace_id


def _run(row: CandidateRunRow) -> CandidateRun:
    return CandidateRun(
        id=row.id or 0,
        release_id=row.release_id,
        mode=row.mode,
        return_id=row.return_id,
        checkpoint=row.checkpoint,
        live_trace_id=row.live_trace_id,
        shadow_trace_id=row.shadow_trace_id,
        same=row.same,
        differs=tuple(Difference(**one) for one in row.differs),
        error=row.error,
        at=row.at,
    )
