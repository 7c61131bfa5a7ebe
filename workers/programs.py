"""The programs of a desk and their command lines, for the supervisor and for the images. Starts nothing itself."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.settings import Settings
from infra.supervisor import Program

API = "api"
TRIAGE = "triage"
TRAINING = "training"
PERIODIC = "periodic"
WORKERS = (TRIAGE, TRAINING, PERIODIC)
APPLICATION = (API, *WORKERS)


def application(settings: Settings) -> list[Program]:
    """Return the API and the three Celery workers of one machine."""
    threads = thread_settings(settings)
    one_thread = {"OMP_NUM_THREADS": "1"}
    schedule = settings.var_dir.resolve() / "run" / "beat-schedule"
    return [
        Program(API, api_command(), environment=one_thread),
        Program(TRIAGE, celery_command(TRIAGE), environment=threads),
        # Training shares the machine with customers who wait: it yields to them.
        Program(TRAINING, ["nice", "-n", "10", *celery_command(TRAINING)], environment=threads),
        Program(PERIODIC, [*celery_command(PERIODIC), "--beat", f"--schedule={schedule}"], environment=one_thread),
    ]


def thread_settings(settings: Settings) -> dict[str, str]:
    """Return the environment under which torch shares this machine; it counts where it is set before torch is loaded.

    Threads that spin while they wait burn the cores that API, database and other work need on the same machine.
    """
    return {"OMP_NUM_THREADS": str(settings.omp_num_threads), "OMP_WAIT_POLICY": "PASSIVE"}


def share_the_machine(settings: Settings) -> None:
    """Take these settings for this process, as far as its environment says nothing else."""
    for name, value in thread_settings(settings).items():
        os.environ.setdefault(name, value)


def api_command() -> Sequence[str]:
    return [sys.executable, "-m", "workers.serve"]


def celery_command(queue: str) -> Sequence[str]:
    """Return a worker of one queue: one child process, so that one model is in memory.

    A night leaves gigabytes behind in its process. Nights are rare, so each gets a child of its own, which then ends.
    """
    worker = [
        sys.executable,
        "-m",
        "celery",
        "--quiet",
        "-A",
        "workers.app",
        "worker",
        "-Q",
        queue,
        "-n",
        f"{queue}@%h",
    ]
    once = ["--max-tasks-per-child=1"] if queue == TRAINING else []
    return [*worker, "--pool=prefork", "--concurrency=1", *once, "--without-gossip", "--without-mingle"]


def one_shot(name: str, *arguments: str) -> Program:
    """Return a command of ours that runs to its end."""
    return Program(name, [sys.executable, "-m", *arguments], environment={"OMP_NUM_THREADS": "1"})


def log_directory(settings: Settings) -> Path:
    return settings.var_dir.resolve() / "log"
