"""Opens the configured database for a command, and ends with one clear line where there is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workers.commands.output import bad_input

if TYPE_CHECKING:
    from services.store.sessions import Sessions


@contextmanager
def opened(application_name: str) -> "Iterator[Sessions]":
    """Yield an opener of transactions; exits with 2 where the database is away or has no tables."""
    from sqlalchemy.exc import OperationalError, ProgrammingError  # noqa: PLC0415 - keeps --help fast

    from infra.database import DatabaseNotConfigured, engine_from  # noqa: PLC0415
    from infra.settings import SettingsInvalid, get_settings  # noqa: PLC0415
    from services.store.sessions import sessions  # noqa: PLC0415

    try:
        engine = engine_from(get_settings(), application_name=application_name)
    except (DatabaseNotConfigured, SettingsInvalid) as error:
        bad_input(str(error))
    try:
        yield sessions(engine)
    except OperationalError:
        bad_input("DATABASE_URL: the database does not answer; start it with `returns-desk up`, or correct the address")
    except ProgrammingError:
        bad_input("DATABASE_URL: the database has no tables yet; `returns-desk up` creates them")
    finally:
        engine.dispose()
