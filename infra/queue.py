"""Names of queues and tasks, Celery's settings, and the poke. The broker carries ids only; the database owns the work.

Not responsible for what a task does. Settings follow measurements: Celery on Redis loses messages under `kill -9`
whatever is set here, so nothing but a hint ever travels through it.
"""

import threading
import time
from enum import StrEnum
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from infra.settings import Settings

LOCAL_BROKER = "redis://127.0.0.1:6379/0"
QUIET_AFTER_FAILURE_SECONDS = 1.0


class Queue(StrEnum):
    """One queue a kind of worker: training must never keep a customer waiting, nor the sweeper."""

    TRIAGE = "triage"
    TRAINING = "training"
    PERIODIC = "periodic"


class TaskName(StrEnum):
    TRIAGE = "triage.work"
    SAMPLE = "triage.sample"
    SHADOW = "triage.shadow"
    NIGHTLY = "training.nightly"
    SWEEP = "periodic.sweep"
    RELAY = "periodic.relay"
    WEBHOOKS = "periodic.webhooks"
    ALERTS = "periodic.alerts"
    NIGHT_FALLS = "periodic.night_falls"
    WATCH_CANARY = "periodic.watch_canary"
    ROUTE_FAILURES = "periodic.route_failures"


ROUTES: dict[TaskName, Queue] = {
    TaskName.TRIAGE: Queue.TRIAGE,
    TaskName.SAMPLE: Queue.TRIAGE,
    TaskName.SHADOW: Queue.TRIAGE,
    TaskName.NIGHTLY: Queue.TRAINING,
    TaskName.SWEEP: Queue.PERIODIC,
    TaskName.RELAY: Queue.PERIODIC,
    TaskName.WEBHOOKS: Queue.PERIODIC,
    TaskName.ALERTS: Queue.PERIODIC,
    TaskName.NIGHT_FALLS: Queue.PERIODIC,
    TaskName.WATCH_CANARY: Queue.PERIODIC,
    TaskName.ROUTE_FAILURES: Queue.PERIODIC,
}

TASK_OF_JOB: dict[str, TaskName] = {
    "triage": TaskName.TRIAGE,
    "nightly": TaskName.NIGHTLY,
    "sample": TaskName.SAMPLE,
    "shadow": TaskName.SHADOW,
}
"""Which task looks after a job of a kind, by the kind's stored name."""

_TRANSPORT: dict[str, Any] = {
    "visibility_timeout": 3600,  # Far above the hard time limit, or a long task is delivered twice at once.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,  # With these two, what a killed worker held comes back in seconds, not minutes.
    "socket_timeout": 30,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 25,
}


def make_celery(settings: Settings, *, include: tuple[str, ...] = ()) -> Celery:
    """Return the Celery application of a worker. Connects to nothing."""
    app = Celery("returns-desk", broker=settings.redis_url or LOCAL_BROKER, include=list(include), set_as_current=True)
    app.conf.update(
        broker_transport_options=dict(_TRANSPORT),
        visibility_timeout=3600,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=5,
        worker_cancel_long_running_tasks_on_connection_loss=False,  # A decision under way is finished, not redone.
        worker_prefetch_multiplier=1,
        worker_soft_shutdown_timeout=20,
        worker_enable_soft_shutdown_on_idle=True,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        task_acks_late=True,
        task_reject_on_worker_lost=False,  # The ledger knows what a killed worker held; a second message adds nothing.
        task_acks_on_failure=True,
        task_acks_on_timeout=True,
        # Against a checkpoint that hangs; a batch on a slow, busy machine must fit in by far.
        task_soft_time_limit=900,
        task_time_limit=960,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_serializer="json",
        accept_content=["json"],
        task_default_queue=Queue.PERIODIC.value,
        task_routes={name.value: {"queue": queue.value} for name, queue in ROUTES.items()},
        timezone="UTC",
        enable_utc=True,
    )
    return app


class Poker:
    """Tells the broker, best effort, that a job may be worth a look. Safe to share between threads.

    A broker that is down costs its caller one refused connection a second at most, and never an exception: the sweeper
    says again whatever was not heard.
    """

    def __init__(self, redis_url: str, *, timeout_seconds: float = 2.0) -> None:
        self._app = Celery("returns-desk-poke", broker=redis_url, set_as_current=False)
        self._app.conf.update(
            broker_transport_options={
                "socket_timeout": timeout_seconds,
                "socket_connect_timeout": timeout_seconds,
                "max_retries": 0,  # Without it, a publish to a broker that is down tries for ever.
                "interval_start": 0,
                "interval_step": 0,
                "interval_max": 0,
            },
            broker_connection_timeout=timeout_seconds,
            task_serializer="json",
            task_ignore_result=True,
        )
        self._lock = threading.Lock()
        self._quiet_until = 0.0

    def poke(self, kind: str, job_id: str) -> bool:
        """Send one message with the job's id; say whether the broker took it."""
        return self.send(TASK_OF_JOB[kind], job_id)

    def send(self, task: TaskName, *arguments: str) -> bool:
        """Send one task; say whether the broker took it."""
        if time.monotonic() < self._quiet_until:
            return False
        try:
            self._app.send_task(task.value, args=arguments, queue=ROUTES[task].value, retry=False, ignore_result=True)
        except (OperationalError, OSError):
            with self._lock:
                self._quiet_until = time.monotonic() + QUIET_AFTER_FAILURE_SECONDS
            return False
        return True

    def close(self) -> None:
        self._app.close()
