"""What a worker's child process keeps: a training worker's ends with its night, so that its memory goes back."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
from celery import Celery

from infra.queue import Queue, TaskName
from workers.programs import celery_command

PATIENCE_SECONDS = 120


@contextmanager
def worker(queue: Queue, url: str, broker: str, var_dir) -> Iterator[psutil.Process]:
    environment = {"DATABASE_URL": url, "REDIS_URL": broker, "VAR_DIR": str(var_dir), "LOG_LEVEL": "WARNING"}
    process = subprocess.Popen(list(celery_command(queue.value)), env=os.environ | environment, start_new_session=True)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def child_of(process: psutil.Process) -> int | None:
    """Return the id of the one child that works, None while there is none or while one follows the other."""
    found = [one.pid for one in process.children() if one.status() != psutil.STATUS_ZOMBIE]
    return found[0] if len(found) == 1 else None


def until(read: Callable[[], object], what: str):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := read():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")


def test_each_night_gets_a_child_of_its_own_and_its_memory_goes_back(fresh_migrated_url, valkey_url, tmp_path):
    with (
        worker(Queue.TRAINING, fresh_migrated_url, valkey_url, tmp_path) as process,
        Celery("test", broker=valkey_url, set_as_current=False) as app,
    ):
        first = until(lambda: child_of(process), "the worker's child")
        app.send_task(TaskName.NIGHTLY.value, [None], queue=Queue.TRAINING.value)
        second = until(lambda: (now := child_of(process)) != first and now, "another child after the night")
        assert not psutil.pid_exists(first)
        app.send_task(TaskName.NIGHTLY.value, [None], queue=Queue.TRAINING.value)
        until(lambda: child_of(process) not in {None, first, second}, "a third child after the next")
