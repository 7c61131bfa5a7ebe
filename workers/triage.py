"""The triage task: takes an id, finds the wiring, works. Loads the checkpoint in the child, never before the fork."""

from datetime import timedelta
from typing import Any

from celery.signals import worker_process_init

from infra.logs import get_logger
from infra.queue import Queue, TaskName
from services.domain.jobs import JobKind
from workers.app import DeskTask, app
from workers.wiring import Desk, desk
from workers.work import work

log = get_logger(__name__)


@app.task(base=DeskTask, name=TaskName.TRIAGE.value)
def triage(job_id: str | None = None) -> int:
    """Decide the return of this job, and whatever else is ready; return how many were worked on."""
    parts = desk()
    return work(
        parts.jobs,
        JobKind.TRIAGE,
        parts.triage.run,
        job_id=job_id,
        batch=parts.settings.triage_batch_size,
        heartbeat=timedelta(seconds=parts.settings.heartbeat_seconds),
    )


@worker_process_init.connect
def warm_up(**_: Any) -> None:
    """Load the checkpoint before the first customer waits for it. A process of another queue loads none."""
    if Queue.TRIAGE.value not in app.amqp.queues.consume_from:
        return
    parts: Desk = desk()
    log.info("checkpoint loaded", checkpoint=parts.triage.pipeline.decider.checkpoint_id)
