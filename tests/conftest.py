"""Real servers for tests: one PostgreSQL and one Valkey a session, an empty database a test module.

Not responsible for tables: a test that needs them migrates `database_url` (see `migrated_url`).
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from infra.embedded import FAST_BUT_FORGETFUL, EmbeddedPostgres, EmbeddedValkey, running
from infra.settings import get_settings

os.environ["ENVIRONMENT"] = "testing"
os.environ.setdefault("SECRET_KEY", secrets.token_hex(32))
for _name in ("DATABASE_URL", "REDIS_URL"):
    os.environ.pop(_name, None)  # A test must never reach a developer's or a customer's server.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Path]:
    """Return a short path: it must hold servers, and pytest's own folders are closed to other accounts."""
    directory = Path(tempfile.mkdtemp(prefix="returns-desk-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _settings_of_tests(server_directory: Path) -> Iterator[None]:
    os.environ["VAR_DIR"] = str(server_directory / "var")
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def postgres_server(server_directory: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(server_directory / "postgres", options=FAST_BUT_FORGETFUL)
    with running(server, server_directory / "postgres.log"):
        yield server


@pytest.fixture(scope="session")
def template_database(postgres_server: EmbeddedPostgres) -> str:
    """Migrate one database, once; each module's own is a copy of it, which costs tens of milliseconds."""
    name = "template_migrated"
    _execute(postgres_server, f'CREATE DATABASE "{name}"')
    from infra.migrations import upgrade  # noqa: PLC0415 - tests that need no tables must run without them

    upgrade(postgres_server.url_of(name))
    return name


@pytest.fixture(scope="module")
def postgres_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """Yield the address of an empty database that this test module alone uses."""
    yield from _own_database(postgres_server, template="template0")


@pytest.fixture(scope="module")
def migrated_url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    """Yield the address of a migrated database that this test module alone uses."""
    yield from _own_database(postgres_server, template=template_database)


@pytest.fixture
def fresh_migrated_url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    """Yield the address of a migrated database that one test alone uses."""
    yield from _own_database(postgres_server, template=template_database)


@pytest.fixture(scope="session")
def valkey_server(server_directory: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(server_directory / "valkey")
    with running(server, server_directory / "valkey.log"):
        yield server


@pytest.fixture
def valkey_url(valkey_server: EmbeddedValkey) -> str:
    """Return the address of an empty Valkey."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


def _own_database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    _execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield server.url_of(name)
    _execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _execute(server: EmbeddedPostgres, statement: str) -> None:
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
        connection.execute(statement)
