"""The triage task: takes an id, finds the wiring, works. Loads the checkpoint in the child, never before the fork."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from celery.signals import worker_process_init, worker_process_shutdown

from infra.identity import process_name
from infra.logs import get_logger
from infra.queue import Queue, TaskName
from infra.settings import Settings
from services.domain.jobs import JobKind
from workers.app import app, task
from workers.pulse import Pulse
from workers.wiring import desk
from workers.work import work

log = get_logger(__name__)
_pulses: list[Pulse] = []


@task(TaskName.TRIAGE)
def triage(job_id: str | None = None) -> int:
    """Decide the return of this job, and whatever else is ready; return how many were worked on.

    Without a checkpoint or policies it raises before it claims anything, so that returns wait instead of failing.
    """
    parts = desk()
    parts.ready()
    return work(
        parts.jobs,
        JobKind.TRIAGE,
        parts.triage.run,
        job_id=job_id,
        batch=parts.settings.triage_at_once,
        heartbeat=timedelta(seconds=parts.settings.heartbeat_seconds),
    )


@task(TaskName.SAMPLE)
def sample(job_id: str | None = None) -> int:
    """Draw second answers for reviewers to compare; customers who wait come first, so this takes one at a time."""
    parts = desk()
    return work(
        parts.jobs,
        JobKind.SAMPLE,
        parts.second_answers.run,
        job_id=job_id,
        batch=1,
        heartbeat=timedelta(seconds=parts.settings.heartbeat_seconds),
    )


@task(TaskName.SHADOW)
def shadow(job_id: str | None = None) -> int:
    """Let the candidate decide one settled return; customers who wait come first, so it takes one and makes room."""
    parts = desk()
    return work(
        parts.jobs,
        JobKind.SHADOW,
        parts.shadows.run,
        job_id=job_id,
        batch=1,
        heartbeat=timedelta(seconds=parts.settings.heartbeat_seconds),
        longest=timedelta(0),
    )


def warm_up(**_: Any) -> None:
    """Load the checkpoint before the first customer waits for it. A process of another queue loads none."""
    if Queue.TRIAGE.value not in app.amqp.queues.consume_from:
        return
    parts = desk()
    decider = parts.triage.pipeline.decider
    log.info("checkpoint loaded", checkpoint=decider.checkpoint_id)
    name = f"triage@{process_name()}"
    pulse = Pulse(parts.sessions, name, Queue.TRIAGE.value, lambda: decider.checkpoint_id, _cache_bytes(parts.settings))
    pulse.start()
    _pulses.append(pulse)


def _cache_bytes(settings: Settings) -> Callable[[], int] | None:
    if settings.decider != "checkpoint":
        return None
    from services.inference.prefix import held_bytes  # noqa: PLC0415 - torch is loaded by now, and only here

    return held_bytes


def leave(**_: Any) -> None:
    """Take this process off the list of the living, and send the spans that still wait."""
    if Queue.TRIAGE.value in app.amqp.queues.consume_from and desk().tracing is not None:
        desk().tracing.shutdown()
    for pulse in _pulses:
        pulse.stop()


worker_process_init.connect(warm_up, weak=False)
worker_process_shutdown.connect(leave, weak=False)
