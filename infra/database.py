"""Build SQLAlchemy engines with the timeouts that a service needs. Knows no table and keeps no engine of its own."""

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url

from infra.settings import Settings


class DatabaseNotConfigured(RuntimeError):
    """No DATABASE_URL and no embedded server running; the message says what to do."""


def make_engine(url: str, settings: Settings | None = None, *, application_name: str = "returns-desk") -> Engine:
    """Return an engine on psycopg 3 that checks a connection before use and never waits without end.

    Timeouts and pool sizes come from `settings`, or their defaults. Nothing connects until the engine is used.
    """
    limits = settings or Settings.model_construct()
    options = [
        f"-c statement_timeout={int(limits.database_statement_timeout_seconds * 1000)}",
        f"-c lock_timeout={int(limits.database_lock_timeout_seconds * 1000)}",
        f"-c idle_in_transaction_session_timeout={int(limits.database_statement_timeout_seconds * 4000)}",
        "-c timezone=UTC",
    ]
    return create_engine(
        sqlalchemy_url(url),
        pool_pre_ping=True,
        pool_size=limits.database_pool_size,
        max_overflow=limits.database_pool_overflow,
        pool_timeout=limits.database_connect_timeout_seconds * 2,
        connect_args={
            "connect_timeout": limits.database_connect_timeout_seconds,
            "application_name": application_name,
            "options": " ".join(options),
            "keepalives_idle": 30,
        },
    )


def engine_from(settings: Settings, *, application_name: str = "returns-desk") -> Engine:
    """Return an engine on the configured or the running embedded database.

    Raises:
        DatabaseNotConfigured: neither is there.
    """
    if settings.database_url is None:
        raise DatabaseNotConfigured("no database: run `returns-desk up` in another terminal, or set DATABASE_URL")
    return make_engine(settings.database_url, settings, application_name=application_name)


def sqlalchemy_url(url: str) -> URL:
    """Return `postgresql://…` as SQLAlchemy wants it, with the psycopg 3 driver named."""
    if url.startswith("postgres://"):
        url = "postgresql://" + url.removeprefix("postgres://")
    parsed = make_url(url)
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed
