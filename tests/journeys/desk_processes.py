"""A whole desk as killable processes: PostgreSQL, Valkey, API, triage worker, periodic worker. For chaos tests only."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import psutil
import psycopg
import redis

from infra.embedded import EmbeddedPostgres, EmbeddedValkey, free_port
from infra.migrations import upgrade
from services.store.tables import metadata
from workers.programs import celery_command

# `synchronous_commit=off` is not among them: it may lose what was committed when the server is killed.
FAST_BUT_DURABLE = ("fsync=off", "full_page_writes=off")


class DeskProcesses:
    """Starts the parts of one desk, kills any of them as `kill -9` does, and starts it again."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.postgres = EmbeddedPostgres(directory / "postgres", options=FAST_BUT_DURABLE)
        self.valkey = EmbeddedValkey(directory / "valkey")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "ENVIRONMENT": "testing",
            "SECRET_KEY": "c" * 64,
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.valkey.url,
            "VAR_DIR": str(directory / "var"),
            "PORT": str(self.port),
            "DECIDER": "scripted",
            "AUDIT_SHARE": "0",
            "LEASE_SECONDS": "4",
            "HEARTBEAT_SECONDS": "1",
            "SWEEP_EVERY_SECONDS": "1",
            "OUTBOX_EVERY_SECONDS": "1",
            "JOB_RETRY_BACKOFF_SECONDS": "0.5",
            "RATE_LIMIT_REQUESTS_PER_MINUTE": "1000000",
            "RATE_LIMIT_BURST_REQUESTS": "100000",
            "DATABASE_CONNECT_TIMEOUT_SECONDS": "2",
            "LOG_LEVEL": "WARNING",
            "LOG_FORMAT": "json",
            "OMP_NUM_THREADS": "1",
        }
        self._extra: dict[str, str] = {}
        self._commands = {
            "postgres": (self.postgres.command, self.postgres.popen_arguments),
            "valkey": (self.valkey.command, self.valkey.popen_arguments),
            "api": (lambda: [sys.executable, "-m", "workers.serve"], dict),
            "triage": (lambda: celery_command("triage"), dict),
            "periodic": (self._periodic, dict),
        }
        self._running: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> Self:
        self.postgres.prepare()
        self.valkey.prepare()
        for name in ("postgres", "valkey"):
            self.start(name)
        wait(self.postgres.is_ready, 30, "PostgreSQL to answer")
        wait(self.valkey.is_ready, 30, "Valkey to answer")
        upgrade(self.postgres.url)
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(list(self._running)):
            self.kill(name)

    def reset(self, **environment: str) -> Self:
        """Kill the application, empty both servers and the files, and take other settings for what starts next."""
        for name in ("api", "triage", "periodic"):
            if name in self._running:
                self.kill(name)
        for name in ("postgres", "valkey"):
            if name not in self._running:
                self.start(name)
        wait(self.postgres.is_ready, 60, "PostgreSQL to answer")
        wait(self.valkey.is_ready, 30, "Valkey to answer")
        tables = ", ".join(table.name for table in metadata.tables.values())
        self.query(f"TRUNCATE {tables} RESTART IDENTITY")
        with self.broker() as broker:
            broker.flushall()
        shutil.rmtree(self.directory / "var", ignore_errors=True)
        for log in self.directory.glob("*.log"):
            log.write_bytes(b"")
        self._extra = environment
        return self

    def start(self, name: str) -> None:
        """Start one part; its output goes to a log file named like it."""
        command, arguments = self._commands[name]
        if name == "postgres":
            self.postgres.prepare()
        with (self.directory / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                list(command()),
                env=os.environ | self.environment | self._extra,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **arguments(),
            )

    def kill(self, name: str) -> None:
        """Send SIGKILL to the part and to all it started, at once, and wait until they are gone."""
        process = self._running.pop(name)
        try:
            victims = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            victims = []
        for victim in victims:
            try:
                victim.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        process.wait(timeout=10)
        psutil.wait_procs(victims, timeout=10)

    def kill_worker_child(self) -> None:
        """Kill only the child that works on a task, as the system does when memory runs out."""
        for child in psutil.Process(self._running["triage"].pid).children(recursive=True):
            child.send_signal(signal.SIGKILL)

    def query(self, statement: str, **values: object) -> list[tuple]:
        """Run one statement on the database; wait while it is away."""
        deadline = time.monotonic() + 30
        while True:
            try:
                with psycopg.connect(self.postgres.url, connect_timeout=2, autocommit=True) as connection:
                    cursor = connection.execute(statement, values)
                    return cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def broker(self) -> redis.Redis:
        return redis.Redis.from_url(self.valkey.url)

    def logs(self) -> str:
        """Return the last words of every part, for the message of a failed assertion."""
        parts = []
        for path in sorted(self.directory.glob("*.log")):
            parts += [f"--- {path.name}", *path.read_text(errors="replace").splitlines()[-15:]]
        return "\n".join(parts)

    def _periodic(self) -> list[str]:
        return [*celery_command("periodic"), "--beat", f"--schedule={self.directory / 'beat-schedule'}"]


def wait(condition, seconds: float, what: str, logs=lambda: "") -> None:
    """Block until `condition` holds. Fails with the logs when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}\n{logs()}"
        time.sleep(0.1)
