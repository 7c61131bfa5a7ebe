"""Make a database and a checkpoint folder ready: `python -m workers.prepare`. May be repeated; changes nothing twice.

Steps: migrations, policies and sample data, base checkpoint, the release that ships with the code. Prints a line each.
"""

import os
import time
from collections.abc import Callable

from infra.logs import configure_logging
from infra.settings import Settings, get_settings


def migrate(settings: Settings) -> str:
    from infra.migrations import head, upgrade  # noqa: PLC0415

    if settings.database_url is None:
        raise SystemExit("DATABASE_URL is not set and no embedded server is running: run `returns-desk up`")
    upgrade(settings.database_url)
    return f"database at revision {head()}"


def seed(settings: Settings) -> str:
    from workers.seed import seed as fill  # noqa: PLC0415

    return fill(settings)


def first_admin(settings: Settings) -> str:
    from workers.commands.accounts import LATER_VARIABLE, bootstrap_admin  # noqa: PLC0415

    if os.environ.get(LATER_VARIABLE):
        return "accounts are left to the command that started the desk"
    return bootstrap_admin(settings) or "accounts are there"


def checkpoint(settings: Settings) -> str:
    from services.inference.base import ensure_base  # noqa: PLC0415 - torch takes seconds to import
    from services.inference.wheels import WeightsUnavailable  # noqa: PLC0415

    try:
        folder = ensure_base(settings.checkpoints_dir)
    except WeightsUnavailable as error:
        raise SystemExit(str(error)) from error
    return f"base checkpoint {folder.name}"


def initial_release(settings: Settings) -> str:
    from infra.database import engine_from  # noqa: PLC0415
    from services.domain.releases import NotReleased  # noqa: PLC0415
    from services.store.sessions import sessions  # noqa: PLC0415
    from workers.releasing import Releasing  # noqa: PLC0415
    from workers.wiring import SystemClock  # noqa: PLC0415

    engine = engine_from(settings, application_name="returns-desk-prepare")
    try:
        releasing = Releasing(settings, sessions(engine), SystemClock())
        new = releasing.note_initial()
        return f"initial release {new.trace_id}" if new else f"released: {releasing.champion().trace_id}"
    except NotReleased as error:
        raise SystemExit(str(error)) from error
    finally:
        engine.dispose()


def main() -> None:
    """Run the steps in order; the first that fails ends with one line on standard error."""
    settings = get_settings()
    configure_logging("prepare", settings)
    steps: list[Callable[[Settings], str]] = [migrate, seed, first_admin]
    if settings.decider == "checkpoint":  # A script needs no weights; production refuses it.
        steps += [checkpoint, initial_release]
    for step in steps:
        started = time.monotonic()
        done = step(settings)
        print(f"{done} ({time.monotonic() - started:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
