"""Second answers to cases under review: asked for as jobs, stored as traces of purpose `sample`."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlmodel import col

from services.domain.jobs import Lease
from services.domain.review import ReviewCase
from services.domain.trace import Trace
from services.ports import Clock
from services.store import jobs
from services.store.review_desk import case_of
from services.store.sessions import Sessions
from services.store.tables import ReturnRow, ReviewItemRow, TraceRow
from services.store.traces import add_trace
from services.store.triage import request_of

SAMPLE = "sample"


class SampleRecords:
    """Implements `flows.second_answer.SecondAnswerStore`."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    def begin(self, leases: Sequence[Lease]) -> Mapping[str, ReviewCase]:
        found: dict[str, ReviewCase] = {}
        with self._sessions() as session:
            held = jobs.held_among(session, leases)
            for lease in leases:
                if lease.job_id not in held:
                    continue
                item = session.get(ReviewItemRow, lease.subject_id)
                if item is None or item.state == "done" or item.trace_id is None:
                    jobs.finish(session, lease)
                else:
                    found[lease.job_id] = case_of(session, item)
        return found

    def settle(self, lease: Lease, case: ReviewCase, trace: Trace | None) -> None:
        """Store the second answer, where there is one, and end the job. Raises LeaseLost."""
        with self._sessions() as session:
            jobs.finish(session, lease)
            if trace is None:
                return
            row = session.get_one(ReturnRow, case.return_id)
            attempt = session.execute(
                select(func.count())
                .select_from(TraceRow)
                .where(col(TraceRow.return_id) == row.id, col(TraceRow.purpose) == SAMPLE)
            ).scalar_one()
            add_trace(session, request_of(row), trace, attempt=attempt + 1, now=self._clock.now(), purpose=SAMPLE)
