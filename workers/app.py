"""The Celery application and the base of every task: logging context, metrics, and the one net for what went wrong.

Holds no rule and opens nothing at import. Retries belong to the job ledger; a task that fails is acknowledged.
"""

import logging
import time
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, ParamSpec, TypeVar

from celery import Celery, Task
from celery.exceptions import CPendingDeprecationWarning
from celery.platforms import SecurityWarning
from celery.schedules import crontab
from celery.signals import worker_process_init
from prometheus_client import Counter, Histogram, start_http_server

from infra.logs import bound, get_logger, hook_celery
from infra.queue import Queue, TaskName, make_celery
from infra.settings import Settings, get_settings
from infra.telemetry import many_processes, shown_registry

log = get_logger(__name__)
Value = TypeVar("Value")
P = ParamSpec("P")

TASKS = Counter("returns_desk_tasks", "Tasks run, by name and outcome.", ["task", "outcome"])
TASK_SECONDS = Histogram(
    "returns_desk_task_seconds", "Seconds a task ran.", ["task"], buckets=(0.01, 0.05, 0.2, 0.5, 1, 2, 5, 10, 30, 120)
)

MODULES = (
    "workers.triage",
    "workers.sweep",
    "workers.outbox",
    "workers.webhooks",
    "workers.alerts",
    "workers.watch",
    "workers.nightly",
)


class DeskTask(Task):  # type: ignore[misc]
    """Base of all tasks. Takes an id or nothing; holds no session while the checkpoint generates."""

    abstract = True
    acks_late = True
    ignore_result = True
    max_retries = 0  # The ledger decides when a job runs again; a message is never retried.

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task with its name and id on every log line, counted and timed."""
        started = time.monotonic()
        outcome = "failed"
        with bound(task=self.name, task_id=self.request.id):
            try:
                result = super().__call__(*args, **kwargs)
                outcome = "succeeded"
            finally:
                TASKS.labels(self.name, outcome).inc()
                TASK_SECONDS.labels(self.name).observe(time.monotonic() - started)
        return result


def task(name: TaskName, **options: Any) -> Callable[[Callable[P, Value]], Callable[P, Value]]:
    """Return a decorator that registers a function as the task of that name; `options` are Celery's for a task."""
    registered: Callable[[Callable[P, Value]], Callable[P, Value]] = app.task(base=DeskTask, name=name.value, **options)
    return registered


def guarded(work: Callable[[], Value]) -> tuple[Value | None, Exception | None]:
    """Run `work`; return its value, or None and what it raised. The one place that catches everything."""
    try:
        return work(), None
    except Exception as error:
        log.exception("work failed")
        return None, error


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return what the periodic process does and how often. A message not taken up in time is dropped, not piled up."""
    every: Sequence[tuple[TaskName, float]] = (
        (TaskName.SWEEP, settings.sweep_every_seconds),
        (TaskName.RELAY, settings.outbox_every_seconds),
        (TaskName.WEBHOOKS, 1.0),
        (TaskName.WATCH_CANARY, settings.sweep_every_seconds),
        (TaskName.ROUTE_FAILURES, settings.sweep_every_seconds),
        (TaskName.ALERTS, settings.alerts_every_seconds),
    )
    known = [(name, seconds) for name, seconds in every if name != TaskName.WEBHOOKS or find_spec("workers.webhooks")]
    schedule: dict[str, dict[str, Any]] = {
        name.value: {"task": name.value, "schedule": seconds, "options": {"expires": max(seconds, 1.0)}}
        for name, seconds in known
    }
    if settings.nightly_enabled:
        hour, minute = settings.nightly_at_utc.split(":")
        # Beat catches up on what it missed while the desk was down; a night that began by hand is another row.
        night = {"task": TaskName.NIGHT_FALLS.value, "schedule": crontab(hour=int(hour), minute=int(minute))}
        schedule[TaskName.NIGHT_FALLS.value] = night
    return schedule


def _make() -> Celery:
    settings = get_settings()
    made = make_celery(settings, include=tuple(name for name in MODULES if find_spec(name) is not None))
    made.conf.beat_schedule = beat_schedule(settings)
    hook_celery()
    worker_process_init.connect(serve_metrics, weak=False)
    _quieten()
    return made


def serve_metrics(**_: Any) -> None:
    """Answer Prometheus in the child that works: triage on WORKER_METRICS_PORT, training and periodic on the next two.

    Where PROMETHEUS_MULTIPROC_DIR is set, as `returns-desk up` does, the child that gets the port answers for all.
    """
    port = get_settings().worker_metrics_port
    queue = next((place for place, name in enumerate(Queue) if name.value in app.amqp.queues.consume_from), None)
    if port is None or queue is None:
        return
    try:
        start_http_server(port + queue, addr=get_settings().bind_address, registry=shown_registry())
    except OSError as error:
        if many_processes():
            return  # Another child of this queue answers for this one too.
        log.warning("metrics are not served", port=port + queue, error=str(error))


def _quieten() -> None:
    """Leave a line a task to our own logs: Celery's say only that a poke came and went, several times a second."""
    for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # We accept JSON only; that a development machine runs as root is no news in every process's log.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    # What happens to tasks when the broker goes away is settled: they finish, see `infra.queue`.
    warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)


app = _make()
