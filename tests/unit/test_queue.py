"""The poke: best effort, quick when the broker is down, and never an exception."""

import time

from infra.embedded import free_port
from infra.queue import ROUTES, TASK_OF_JOB, Poker, TaskName, make_celery
from infra.settings import Settings
from services.domain.jobs import JobKind


def test_a_poke_to_a_broker_that_is_down_says_so_and_returns_at_once():
    poker = Poker(f"redis://127.0.0.1:{free_port()}/0")
    started = time.monotonic()
    assert poker.poke("triage", "job-1") is False
    assert time.monotonic() - started < 2
    started = time.monotonic()
    assert [poker.poke("triage", "job-1") for _ in range(100)] == [False] * 100
    assert time.monotonic() - started < 0.5


def test_every_task_has_a_queue_and_every_job_a_task():
    assert set(ROUTES) == set(TaskName)
    assert set(TASK_OF_JOB.values()) <= set(TaskName)
    assert set(TASK_OF_JOB) == {kind.value for kind in JobKind}


def test_a_worker_acknowledges_late_takes_one_at_a_time_and_accepts_json_only():
    conf = make_celery(Settings.model_construct(redis_url=None)).conf
    assert conf.task_acks_late
    assert conf.worker_prefetch_multiplier == 1
    assert conf.accept_content == ["json"]
    assert conf.broker_transport_options["visibility_timeout"] > 2 * conf.task_time_limit
