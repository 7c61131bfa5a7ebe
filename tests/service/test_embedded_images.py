"""The commands of compose.yaml, run outside containers with the environment that compose would give them."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml

from infra.embedded import EmbeddedPostgres, EmbeddedValkey, free_port

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
REFERENCE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


@pytest.fixture
def var() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="returns-desk-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def environment(var: Path, postgres_url: str, valkey_server: EmbeddedValkey) -> dict[str, str]:
    """What a container would see, with the addresses of our servers in the place of compose's names."""
    values = {"SECRET_KEY": "0123456789abcdef0123456789abcdef", "POSTGRES_PASSWORD": "p", "VALKEY_PASSWORD": "v"}
    given = {name: interpolated(str(value), values) for name, value in SERVICES["api"]["environment"].items()}
    assert given["ENVIRONMENT"] == "production"
    assert given["DATABASE_URL"] == "postgresql://returns_desk:p@postgres:5432/returns_desk"
    ours = {"DATABASE_URL": postgres_url, "REDIS_URL": valkey_server.url, "VAR_DIR": str(var)}
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | given | ours | {"PORT": str(free_port()), "BIND_ADDRESS": "127.0.0.1"}


def interpolated(value: str, values: dict[str, str]) -> str:
    """Replace `${NAME}`, `${NAME:-default}` and `${NAME:?message}` as compose does."""

    def one(match: re.Match[str]) -> str:
        name, operator, rest = match.groups()
        assert operator != "?" or values.get(name), f"compose would stop: {rest}"
        return values.get(name) or (rest if operator == "-" else "")

    return REFERENCE.sub(one, value)


def command_of(service: str) -> list[str]:
    return [sys.executable, *SERVICES[service]["command"][1:]]


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)


def eventually(ask: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not ask() and time.monotonic() < deadline:
        time.sleep(0.3)
    return ask()


def test_prepare_migrates_and_invents_nothing_in_production(
    environment: dict[str, str], var: Path, postgres_server: EmbeddedPostgres
) -> None:
    done = run(command_of("prepare"), environment)
    assert done.returncode == 0, done.stderr
    assert "database at revision" in done.stdout
    assert not (var / "development_key").exists()
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM shop").fetchone() == (0,)
    again = run(command_of("prepare"), environment | {"DECIDER": "scripted"})
    assert again.returncode == 0, again.stderr


def test_beat_starts_its_health_check_finds_it_and_sigterm_ends_it(environment: dict[str, str]) -> None:
    run(command_of("prepare"), environment | {"ENVIRONMENT": "testing", "DECIDER": "scripted"})
    health = [sys.executable, *SERVICES["beat"]["healthcheck"]["test"][2:]]
    assert run(health, environment).returncode == 1
    with subprocess.Popen(
        command_of("beat"), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as beat:
        try:
            assert eventually(lambda: run(health, environment).returncode == 0)
        finally:
            beat.send_signal(signal.SIGTERM)
        assert beat.wait(timeout=60) == 0


def test_the_api_starts_and_its_health_check_finds_it(environment: dict[str, str]) -> None:
    run(command_of("prepare"), environment | {"ENVIRONMENT": "testing", "DECIDER": "scripted"})
    with subprocess.Popen(
        command_of("api"), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as api:
        try:
            assert eventually(lambda: listens(int(environment["PORT"])))
            address = f"http://127.0.0.1:{environment['PORT']}"
            assert httpx.get(f"{address}/healthz", timeout=10).status_code == 200
            *python, script = SERVICES["api"]["healthcheck"]["test"][1:]
            probe = [sys.executable, *python[1:], script.replace("http://127.0.0.1:8000", address)]
            assert run(probe, environment).returncode == 0
        finally:
            api.send_signal(signal.SIGTERM)
        api.wait(timeout=60)


def test_a_queue_that_does_not_exist_is_refused_with_the_choice(environment: dict[str, str]) -> None:
    refused = run([sys.executable, "-m", "workers.start", "tirage"], environment)
    assert refused.returncode == 1
    assert "say which of triage, training, periodic" in refused.stderr


def test_the_broker_of_compose_keeps_what_it_is_told() -> None:
    script = SERVICES["valkey"]["command"][2]
    for line in ("appendonly yes", "appendfsync everysec", "maxmemory-policy noeviction", "requirepass %s"):
        assert line in script


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
