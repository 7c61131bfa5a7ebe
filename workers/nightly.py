"""The nightly tasks: beat says that night falls, a training worker runs the night's job. Loads torch only for a night.

One job and one row a date, so that two beats, or one that fires twice, do no harm. The night itself is lifecycle's.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from infra.logs import get_logger
from infra.queue import TaskName
from infra.settings import get_settings
from services.domain.jobs import JobKind, Lease, LeaseLost
from services.flows.triage import Failed
from services.store import jobs
from services.store.night_jobs import at_work, give_up_night
from workers.app import task
from workers.wiring import Desk, desk, make_jobs
from workers.work import work

log = get_logger(__name__)

BEAT = "beat"
PATIENCE = 3
"""Times the budget after which a night that hangs is stopped by Celery, and goes on as another attempt."""


def longest_seconds() -> int:
    return int(get_settings().nightly_max_minutes * 60 * PATIENCE) + 3600


@task(TaskName.NIGHT_FALLS)
def night_falls() -> bool:
    """Add tonight's job where there is none yet; say whether it was added."""
    parts = desk()
    now = parts.clock.now()
    with parts.sessions() as session:
        return jobs.enqueue(session, JobKind.NIGHTLY, now.date().isoformat(), None, now) is not None


@task(TaskName.NIGHTLY, soft_time_limit=longest_seconds(), time_limit=longest_seconds() + 600)
def nightly(job_id: str | None = None) -> int:
    """Run the night of this job, or whatever night is ready; return how many were worked on."""
    parts = desk()
    ledger = make_jobs(parts.settings, parts.sessions, {JobKind.NIGHTLY: give_up_night})
    return work(
        ledger,
        JobKind.NIGHTLY,
        Nights(parts),
        job_id=job_id,
        batch=1,
        heartbeat=timedelta(seconds=parts.settings.heartbeat_seconds),
        longest=timedelta(0),
    )


class Nights:
    """Runs nights by their leases. Implements `work.Handler`."""

    def __init__(self, parts: Desk, asked_by: str = BEAT) -> None:
        self._parts, self._asked_by = parts, asked_by

    def __call__(self, leases: Sequence[Lease]) -> Mapping[str, Failed]:
        """Run each night to its end. Raises what a stage raises: the ledger says when it is tried again."""
        from workers.nightly_parts import NightDesk, plan_of  # noqa: PLC0415 - torch takes seconds to import
        from workers.releasing import Releasing  # noqa: PLC0415

        parts = self._parts
        releases = Releasing(parts.settings, parts.sessions, parts.clock)
        desk_ = NightDesk(parts.settings, parts.sessions, parts.clock, releases)
        for lease in leases:
            with parts.sessions() as session:
                other = at_work(session, lease.subject_id)
            if other is not None:
                return {lease.job_id: Failed(f"night {other} is still at work", outage=True)}
            first = desk_.first(lease.subject_id, parts.clock.now().date(), self._asked_by, plan_of(parts.settings))
            try:
                done = desk_.run(lease.subject_id, lease, self._hear, first)
                with parts.sessions() as session:
                    jobs.finish(session, lease)
            except LeaseLost:
                log.warning("another worker took the night over", night=lease.subject_id)
                continue
            log.info("the night is over", night=lease.subject_id, ending=str(done.ending), note=done.note)
        return {}

    def _hear(self, stage: str, line: str) -> None:
        log.info("night", stage=stage, said=line)
