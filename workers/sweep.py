"""The sweeper: takes back what a killed worker held, and says again what the broker did not hear.

Two of them at once do no harm. What becomes of a job is the ledger's business.
"""

from datetime import timedelta

from infra.logs import get_logger
from infra.queue import TaskName
from services.store.information import wake_overdue
from services.store.sweeping import forget_expired
from workers.app import task
from workers.wiring import desk

log = get_logger(__name__)

QUIET_SWEEPS = 3
"""Sweeps a ready job may lie before the broker is told again: a worker that drains its queue needs no reminding."""

POKES = 50


@task(TaskName.SWEEP)
def sweep() -> int:
    """Sweep once; return how many jobs were taken back or announced again."""
    parts = desk()
    swept = parts.jobs.sweep()
    if swept.requeued or swept.quarantined:
        log.warning("took jobs back", requeued=list(swept.requeued), quarantined=list(swept.quarantined))
    waiting = parts.jobs.to_poke(timedelta(seconds=QUIET_SWEEPS * parts.settings.sweep_every_seconds), POKES)
    for kind, job_id in waiting:
        parts.poker.poke(kind.value, job_id)
    forget_expired(parts.sessions)
    with parts.sessions() as session:
        wake_overdue(session, parts.clock.now())
    return len(swept.requeued) + len(swept.quarantined) + len(waiting)
