"""Photograph the operators' pages: `python -m tests.support.ops_screenshots FOLDER [PAGE...]`, light, dark and narrow.

Starts a database of its own with an invented past (see `ops_world`); nothing of a real desk is touched.
"""

import os
import secrets
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

os.environ["ENVIRONMENT"] = "testing"
os.environ.setdefault("SECRET_KEY", secrets.token_hex(32))

from infra.embedded import FAST_BUT_FORGETFUL, EmbeddedPostgres, running
from infra.migrations import upgrade
from services.domain.review import Role
from services.store.alerts import evaluate, limits_of
from tests.service import review_world as world
from tests.support.browser import Person, chromium
from tests.support.ops_nights import make_nights
from tests.support.ops_world import make_past
from workers.failure_desk import FailureDesk
from workers.releasing import Releasing

PAGES = (
    "/ops",
    "/ops/alerts",
    "/ops/nights",
    "/ops/nights/2026-11-24",
    "/ops/gates",
    "/ops/releases",
    "/ops/datasets",
    "/ops/failures",
)
LOOKS = {"light": (1440, False), "dark": (1440, True), "narrow": (420, False)}


def main() -> None:
    folder, pages = Path(sys.argv[1]), sys.argv[2:] or PAGES
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="returns-desk-") as name:
        root = Path(name)
        server = EmbeddedPostgres(root / "postgres", options=FAST_BUT_FORGETFUL)
        with running(server, root / "postgres.log"):
            url = server.url_of("postgres")
            upgrade(url)
            settings = world.settings_for(url, root / "var")
            desk = world.make_desk(settings)
            world.add_people(desk, {"ada": Role.REVIEWER, "grace": Role.REVIEWER, "op": Role.OPERATOR})
            make_past(desk, datetime.now(UTC))
            make_nights(desk, datetime.now(UTC))
            FailureDesk(settings, desk.sessions, desk.clock).route()
            Releasing(settings, desk.sessions, desk.clock).note_initial()
            Releasing(settings, desk.sessions, desk.clock).promote(
                "night-one", "op", "shipped by the gate, tried a day"
            )
            with desk.sessions() as session:
                evaluate(session, limits_of(settings), [], datetime.now(UTC))
            with world.serving(settings) as address:
                for look, (width, dark) in LOOKS.items():
                    photograph(address, folder, look, width, pages, dark=dark)
            desk.engine.dispose()


def photograph(address: str, folder: Path, look: str, width: int, pages: list[str], *, dark: bool) -> None:
    """Save one picture a page, as tall as the page is."""
    with chromium(width, 1000, dark=dark) as driver:
        person = Person(driver, address, "op", world.PASSWORD)
        for path in pages:
            driver.set_window_size(width, 900)
            person.open(path)
            tall = driver.execute_script("return document.documentElement.scrollHeight")
            driver.set_window_size(width, min(tall + 150, 6000))
            person.until(lambda: person.count("figure.chart .plot:empty") == 0)
            driver.save_screenshot(str(folder / f"{path.strip('/').replace('/', '-')}-{look}.png"))
            for complaint in person.complaints():
                print(look, path, complaint)


if __name__ == "__main__":
    main()
