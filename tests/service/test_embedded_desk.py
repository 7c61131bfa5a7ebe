"""`returns-desk up` as a person meets it: real servers and workers, with a script in the place of the checkpoint."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from infra.embedded import free_port
from infra.run_state import RunState

ROOT = Path(__file__).parents[2]
START_SECONDS = 150
STOP_SECONDS = 40


class Machine:
    """One state directory and one port, on which a desk is started and stopped as from a shell."""

    def __init__(self, directory: Path) -> None:
        self.var = directory / "var"
        self.port = free_port()
        self.output = directory / "output"
        self.desk: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        ours = {"VAR_DIR": str(self.var), "PORT": str(self.port), "DECIDER": "scripted", "LOG_FORMAT": "json"}
        return os.environ | ours | {"UNDO_WINDOW_SECONDS": "0"}

    def call(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "workers.cli", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment | more, capture_output=True, text=True, check=False, timeout=120
        )

    def up(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "workers.cli", "up", *arguments]
        with self.output.open("wb") as output:
            self.desk = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def said(self) -> list[str]:
        return self.output.read_text(errors="replace").splitlines()

    def wait_until(self, ask: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not ask():
            assert time.monotonic() < deadline, "\n".join(self.said()[-30:])
            assert self.desk is not None
            assert self.desk.poll() is None, "\n".join(self.said()[-30:])
            time.sleep(0.2)

    def is_up(self) -> bool:
        return any(line.startswith("Returns Desk is up") for line in self.said())

    def answers(self, path: str = "/healthz") -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def returns(self) -> int:
        addresses = json.loads((self.var / "run" / "addresses.json").read_text())
        with psycopg.connect(addresses["database_url"]) as connection:
            row = connection.execute("SELECT count(*) FROM return_request").fetchone()
        assert row is not None
        return int(row[0])

    def processes(self) -> dict[str, dict[str, int]]:
        document = json.loads(self.call("status", "--json").stdout)
        return {process["name"]: process for process in document["processes"]}


@pytest.fixture
def machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="returns-desk-", ignore_cleanup_errors=True) as name:
        made = Machine(Path(name))
        yield made
        if made.desk is not None:
            made.call("down")


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_a_desk_starts_explains_survives_and_stops(machine: Machine) -> None:
    machine.up("--samples")
    machine.wait_until(machine.is_up)
    machine.wait_until(lambda: any(line.startswith("A10234 ") for line in machine.said()))
    assert machine.answers("/readyz")
    assert set(machine.processes()) == {"postgres", "valkey", "api", "triage", "training", "periodic"}

    second = machine.call("up")
    assert (second.returncode, second.stderr.count("\n")) == (2, 1)
    assert f"already running on {machine.var} (pid {machine.desk.pid})" in second.stderr

    accepted = machine.returns()
    assert accepted >= 20
    machine.desk.kill()
    machine.desk.wait()
    assert machine.call("status").returncode == 1
    assert len(RunState(machine.var).orphans()) >= 6

    machine.up()
    machine.wait_until(machine.is_up)
    assert any("processes that a killed desk had left running" in line for line in machine.said())
    assert machine.returns() == accepted

    victim = machine.processes()["api"]["pid"]
    os.kill(victim, signal.SIGKILL)
    machine.wait_until(lambda: machine.processes()["api"]["restarts"] == 1 and machine.answers())
    assert any("api ended unexpectedly, restarting" in line for line in machine.said())

    database = machine.processes()["postgres"]["pid"]
    os.kill(database, signal.SIGKILL)
    machine.wait_until(lambda: machine.processes()["postgres"]["restarts"] >= 1 and machine.answers("/readyz"))
    assert machine.returns() == accepted

    began = time.monotonic()
    machine.desk.send_signal(signal.SIGINT)
    assert machine.desk.wait(timeout=STOP_SECONDS) == 0
    assert time.monotonic() - began < STOP_SECONDS
    assert RunState(machine.var).orphans() == []
    assert not (machine.var / "run" / "addresses.json").exists()
    assert machine.call("down").stdout == "nothing was running\n"
    machine.desk = None


def test_a_port_in_use_is_one_line_that_names_it_and_the_variable(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = machine.call("up", PORT=str(port))
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert f"port {port} on 127.0.0.1 cannot be used" in refused.stderr
    assert f"PORT={port + 1}" in refused.stderr


def test_an_unreachable_database_is_one_line_and_nothing_stays_behind(machine: Machine) -> None:
    refused = machine.call("up", DATABASE_URL="postgresql://user:hunter2@127.0.0.1:1/desk")
    assert refused.returncode == 2
    assert "DATABASE_URL: no PostgreSQL answers at 127.0.0.1:1" in refused.stderr
    assert "hunter2" not in refused.stderr
    assert RunState(machine.var).orphans() == []


def test_an_unreachable_broker_is_one_line_and_the_database_is_stopped_again(machine: Machine) -> None:
    refused = machine.call("up", REDIS_URL="redis://127.0.0.1:1/0")
    assert refused.returncode == 2
    assert "REDIS_URL: no Redis or Valkey answers at 127.0.0.1:1" in refused.stderr
    assert RunState(machine.var).orphans() == []


def test_a_wrong_setting_is_one_line_that_names_it(machine: Machine) -> None:
    refused = machine.call("up", PORT="eighty")
    assert refused.returncode == 2
    assert refused.stderr.startswith("returns-desk: PORT: ")


def test_a_placeholder_secret_stops_the_start_in_production(machine: Machine) -> None:
    refused = machine.call("up", ENVIRONMENT="production", SECRET_KEY="changeme", DECIDER="checkpoint")
    assert refused.returncode == 2
    assert "SECRET_KEY: a placeholder is refused when ENVIRONMENT=production" in refused.stderr


def test_a_detached_desk_that_cannot_start_says_why_at_once(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = machine.call("up", "--detach", PORT=str(taken.getsockname()[1]))
    assert refused.returncode == 2
    assert "cannot be used" in refused.stderr


def test_a_full_disk_is_one_line(machine: Machine) -> None:
    """A disk of our own is needed to fill one; only root on Linux can make it."""
    if os.geteuid() != 0 or not Path("/bin/mount").exists():
        pytest.skip("needs root to mount a small disk")
    small = machine.var.parent / "small"
    small.mkdir()
    mounted = subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small], check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting is not permitted here")
    try:
        refused = machine.call("up", VAR_DIR=str(small))
    finally:
        subprocess.run(["/bin/umount", "--lazy", small], check=True)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "MiB free" in refused.stderr
    assert "VAR_DIR" in refused.stderr
