"""Numbered migrations of the one database, and the way to run them. Which tables exist is said in the versions only.

The models in `services.store.tables` describe the same schema; a test keeps the two equal. Nothing here imports them.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

HERE = Path(__file__).parent
ONE_AT_A_TIME = 0x52444D49  # any number that no other advisory lock of ours uses


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` up to `revision`. Several processes may call this at once; one does the work.

    Raises sqlalchemy.exc.OperationalError where the database does not answer.
    """
    engine = create_engine(_psycopg(url))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ONE_AT_A_TIME})")
            command.upgrade(_config(connection), revision)
    finally:
        engine.dispose()


def head() -> str:
    """Return the newest revision the code knows."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    if found is None:
        raise RuntimeError(f"no migration found in {HERE / 'versions'}")
    return found


def current(connection: Connection) -> str | None:
    """Return the revision the database stands at, None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _psycopg(url: str) -> str:
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url
