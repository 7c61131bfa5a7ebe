"""Start a whole desk on one machine, in order, and keep it up: servers, preparation, programs, samples.

The order and the words are here; running processes is `infra.supervisor`'s, their command lines are in
`workers.programs`. Not responsible for parsing the command line.
"""

import os
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx

from infra.console import Console
from infra.embedded import EmbeddedPostgres, EmbeddedServer, EmbeddedValkey
from infra.reach import celery_workers_answering, require_database, require_free_port, require_redis
from infra.run_state import RunState, State
from infra.settings import OWN_SECRET, PLACEHOLDER_SECRETS, Environment, Settings
from infra.supervisor import Program, StopRequested, Supervisor
from infra.telemetry import fresh_metrics_directory
from workers.programs import API, APPLICATION, TRIAGE, WORKERS, application, log_directory, one_shot

SERVER_SECONDS = 60
READY_SECONDS = 120
WATCH_SECONDS = 0.2


class Desk:
    """One desk on one state directory. `run` returns after a clean stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.model_copy(update={"var_dir": settings.var_dir.resolve()})
        self._run_state = RunState(self._settings.var_dir)
        self._servers: list[EmbeddedServer] = []
        names = ["desk", "postgres", "valkey", "prepare", *APPLICATION, "samples"]
        self._console = Console(log_directory(self._settings), settings.log_format, names)
        self._began = time.monotonic()
        self._started_at = datetime.now(UTC)
        self._written: State | None = None

    def run(self, *, samples: Path | None) -> None:
        """Start everything and stay up until a signal.

        Raises AlreadyRunning, EmbeddedServerError, NotReachable and ProgramFailed, each one line with its remedy.
        """
        with self._run_state.locked():
            stopped = self._run_state.stop_orphans()
            if stopped:
                self._console.step(f"stopped {stopped} processes that a killed desk had left running")
            require_free_port(self._settings.bind_address, self._settings.port)
            supervisor = Supervisor(self._console, self._run_state.mark)
            with supervisor.signals():
                try:
                    self._start(supervisor)
                    if samples is not None:
                        supervisor.run_once(self._samples(samples), self._console.say)
                    while True:
                        supervisor.check()
                        self._write_state(supervisor, "ready")
                        time.sleep(WATCH_SECONDS)
                except StopRequested:
                    self._console.step("stopping …")
                finally:
                    self._stop(supervisor)

    def _start(self, supervisor: Supervisor) -> None:
        self._write_state(supervisor, "starting")
        self._start_servers(supervisor)
        prepared = supervisor.run_once(
            one_shot("prepare", "workers.prepare"), self._console.step, "the database and the checkpoint"
        )
        if prepared != 0:
            raise PrepareFailed(f"preparation failed: {self._console.last_words('prepare')}")
        for program in application(self._settings):
            supervisor.start(program)
        self._wait_ready(supervisor)
        self._write_state(supervisor, "ready")
        self._say_addresses()

    def _start_servers(self, supervisor: Supervisor) -> None:
        addresses: dict[str, str] = {}
        if self._settings.database_url is None:
            postgres = EmbeddedPostgres(self._settings.var_dir / "postgres")
            self._servers.append(postgres)
            addresses["database_url"] = postgres.url
        else:
            require_database(self._settings.database_url, self._settings.database_connect_timeout_seconds)
        if self._settings.redis_url is None:
            valkey = EmbeddedValkey(self._settings.var_dir / "valkey")
            self._servers.append(valkey)
            addresses["redis_url"] = valkey.url
        else:
            require_redis(self._settings.redis_url, self._settings.redis_timeout_seconds)
        for server in self._servers:
            supervisor.start(_program_of(server))
        for server in self._servers:
            if not supervisor.wait_until(server.is_ready, [server.name], SERVER_SECONDS):
                raise PrepareFailed(
                    f"{server.name} did not answer within {SERVER_SECONDS} s: see {self._log_of(server.name)}"
                )
        if self._servers:
            names = " and ".join(server.name for server in self._servers)
            self._console.step(f"{names} answer ({self._seconds()})")
        self._run_state.write_addresses(addresses)
        supervisor.add_environment(self._environment(addresses))

    def _environment(self, addresses: dict[str, str]) -> dict[str, str]:
        """Return what every program of ours must know, whatever the working directory or `.env` says."""
        environment = {name.upper(): url for name, url in addresses.items()}
        environment |= {"VAR_DIR": str(self._settings.var_dir), "PORT": str(self._settings.port)}
        environment |= fresh_metrics_directory(self._settings.var_dir)
        secret = self._settings.secret_key.get_secret_value()
        if self._settings.environment is Environment.DEVELOPMENT and secret in PLACEHOLDER_SECRETS:
            environment["SECRET_KEY"] = _own_secret(self._settings.var_dir / OWN_SECRET)
        return environment

    def _wait_ready(self, supervisor: Supervisor) -> None:
        if not supervisor.wait_until(lambda: self._answers("/healthz"), [API], READY_SECONDS, "the API"):
            self._console.step(f"the API does not answer after {READY_SECONDS} s: see {self._log_of(API)}")
            return
        self._console.step(f"the API answers ({self._seconds()})")
        if not supervisor.wait_until(_cached(self._workers_ready), WORKERS, READY_SECONDS, "the workers"):
            self._console.step(
                f"some workers do not answer after {READY_SECONDS} s: see {log_directory(self._settings)}"
            )
            return
        self._console.step(f"the workers answer ({self._seconds()})")
        ready = _cached(lambda: self._answers("/readyz"))
        if not supervisor.wait_until(ready, [API, TRIAGE], READY_SECONDS, "the checkpoint"):
            self._console.step(f"not ready after {READY_SECONDS} s: {self._settings.base_url}/readyz says why")

    def _answers(self, path: str) -> bool:
        try:
            return httpx.get(f"http://{self._reach()}{path}", timeout=5).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def _workers_ready(self) -> bool:
        url = self._settings.redis_url or next(server.url for server in self._servers if server.name == "valkey")
        return celery_workers_answering(url) >= set(WORKERS)

    def _reach(self) -> str:
        address = self._settings.bind_address
        return f"{'127.0.0.1' if address in {'0.0.0.0', '::'} else address}:{self._settings.port}"  # noqa: S104

    def _samples(self, samples: Path) -> Program:
        return one_shot("samples", "workers.cli", "submit", str(samples), "--wait", "--repeatable")

    def _say_addresses(self) -> None:
        base = self._settings.base_url
        self._console.say(f"Returns Desk is up ({self._seconds()}).")
        for what, where in (
            ("queue API", f"{base}/docs"),
            ("review", f"{base}/review"),
            ("operations", f"{base}/ops"),
            ("logs", str(log_directory(self._settings))),
        ):
            self._console.say(f"  {what:<12} {where}")
        self._console.say("Ctrl-C stops everything; state stays in " + str(self._settings.var_dir))

    def _stop(self, supervisor: Supervisor) -> None:
        self._write_state(supervisor, "stopping")
        began = time.monotonic()
        supervisor.stop([process.name for process in supervisor.processes() if process.name in APPLICATION])
        supervisor.stop()
        self._run_state.stop_orphans()
        self._console.step(f"stopped ({time.monotonic() - began:.1f} s)")
        self._console.close()

    def _write_state(self, supervisor: Supervisor, phase: str) -> None:
        state = State(
            phase=phase,
            pid=os.getpid(),
            url=self._settings.base_url,
            started_at=self._started_at.isoformat(timespec="seconds"),
            processes=supervisor.processes(),
        )
        if state != self._written:
            self._run_state.write(state)
            self._written = state

    def _seconds(self) -> str:
        return f"{time.monotonic() - self._began:.1f} s"

    def _log_of(self, name: str) -> Path:
        return log_directory(self._settings) / f"{name}.log"


class PrepareFailed(RuntimeError):
    """The database, the samples or the checkpoint could not be made ready; the message is one line."""


def _program_of(server: EmbeddedServer) -> Program:
    server.prepare()  # Creates what the working directory of the process must be.
    return Program(
        server.name,
        server.command(),
        popen_arguments=server.popen_arguments(),
        stop_signal=server.stop_signal,
        before_start=server.prepare,
        quiet=True,
    )


def _own_secret(path: Path) -> str:
    """Return this development desk's own secret, so that no two desks share the placeholder."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text()


def _cached(ask: Callable[[], bool], every_seconds: float = 1.0) -> Callable[[], bool]:
    """Ask no more often than every so many seconds: a ping of the workers costs a broadcast."""
    last = [0.0, False]

    def answer() -> bool:
        if time.monotonic() - last[0] >= every_seconds:
            last[:] = [time.monotonic(), ask()]
        return bool(last[1])

    return answer
