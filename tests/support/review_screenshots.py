"""Photograph the review pages: `python -m tests.support.review_screenshots [FOLDER]`, by default docs/screenshots.

Queue, an item that passes, one that is blocked, a correction, two answers, a conflict, progress; the queue and the
blocked item also dark and narrow. Starts a database of its own; nothing of a real desk is touched.
"""

import os
import secrets
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ["ENVIRONMENT"] = "testing"
os.environ.setdefault("SECRET_KEY", secrets.token_hex(32))

from selenium.webdriver.common.keys import Keys
from sqlalchemy import text

from infra.embedded import FAST_BUT_FORGETFUL, EmbeddedPostgres, running
from infra.migrations import upgrade
from services.domain.jobs import JobKind
from services.domain.reading import LexicalClaimReader
from services.domain.review import Role
from services.flows.second_answer import SecondAnswers
from services.store import jobs
from services.store.samples import SampleRecords
from tests.service import review_world as world
from tests.support.browser import Person, chromium

CASES = {
    "block": ("A10234", "My lamp arrived cracked, can I send it back? [lie]"),
    "pass": ("A10250", "The left side of the headphones went silent last week. Is that still under warranty?"),
    "pair": ("A10234", "It arrived cracked, the foot is in two pieces. A replacement would be fine too."),
    "conflict": ("A10260", "I changed my mind about the dress and would like to send it back. Tags are still on."),
    "held": ("A10266", "Guten Tag, die Kaffeemaschine kam mit einem Riss im Wassertank an. It arrived cracked."),
    "doubt": ("A10312", "You sent the green backpack, I had ordered blue. [doubt]"),
    "late": ("A10318", "The mirror was broken when I opened the box after my holidays."),
}
WIDE, NARROW = (1440, 900), (420, 900)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "docs" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="returns-desk-") as name:
        root = Path(name)
        server = EmbeddedPostgres(root / "postgres", options=FAST_BUT_FORGETFUL)
        with running(server, root / "postgres.log"):
            url = server.url_of("postgres")
            upgrade(url)
            settings = world.settings_for(url, root / "var")
            desk = world.make_desk(settings)
            world.add_people(desk, {"kim": Role.REVIEWER, "lee": Role.REVIEWER})
            paths = _cases(desk)
            with world.serving(settings) as address:
                for dark in (False, True):
                    with chromium(*WIDE, dark=dark) as driver:
                        kim = Person(driver, address, "kim", world.PASSWORD)
                        _shoot(kim, desk, paths, folder, "-dark" if dark else "")
                with chromium(*NARROW) as driver:
                    _narrow(Person(driver, address, "kim", world.PASSWORD), paths, folder)
            desk.engine.dispose()


def _cases(desk):
    orders = [(world.fresh_order(desk, order, n), words) for n, (order, words) in enumerate(CASES.values(), start=1)]
    ids = dict(zip(CASES, world.submit(desk, orders), strict=True))
    world.triage_all(desk)
    with desk.sessions() as session:
        found = text("SELECT id FROM review_item WHERE return_id = :id")
        items = {name: session.execute(found, {"id": one}).scalar_one() for name, one in ids.items()}
        for number, item_id in enumerate(items.values()):  # As a desk looks that is not a minute old.
            earlier = datetime.now(UTC) - timedelta(minutes=11 + 37 * number)
            session.execute(
                text("UPDATE review_item SET created_at = :at, due_at = :at + interval '4 h' WHERE id = :id"),
                {"at": earlier, "id": item_id},
            )
    _draw_second(desk, items["pair"])
    return {name: f"/review/items/{item_id}" for name, item_id in items.items()}


def _draw_second(desk, item_id):
    """Draw the second answer to an item, as the worker does."""
    with desk.sessions() as session:
        jobs.enqueue(session, JobKind.SAMPLE, item_id, world.SHOP, datetime.now(UTC))
    answers = SecondAnswers(
        SampleRecords(desk.sessions, desk.clock), lambda _: world.KinderDecider(), LexicalClaimReader(), desk.clock
    )
    answers.run(desk.jobs.claim(JobKind.SAMPLE, "screenshots"))


def _shoot(kim: Person, desk, paths, folder: Path, look: str) -> None:
    kim.open("/review")
    kim.driver.save_screenshot(str(folder / f"queue{look}.png"))
    _take(kim, paths["block"])
    kim.driver.save_screenshot(str(folder / (f"item-block{look}.png" if look else "item.png")))
    kim.keys("c")
    kim.at("#check .verdict").exists()
    kim.driver.save_screenshot(str(folder / f"item-correct{look}.png"))
    _take(kim, paths["pass"])
    kim.driver.save_screenshot(str(folder / f"item-pass{look}.png"))
    if look:
        return
    _take(kim, paths["pair"])
    kim.driver.save_screenshot(str(folder / "item-pair.png"))
    _conflict(kim, desk, paths["conflict"])
    kim.driver.save_screenshot(str(folder / "item-conflict.png"))
    kim.open("/review/progress")
    kim.driver.save_screenshot(str(folder / "progress.png"))


def _conflict(kim: Person, desk, path: str) -> None:
    """Let another reviewer take the item while kim writes, and send what was written."""
    _take(kim, path)
    kim.keys("r")
    kim.keys("Tags are on, but the item is a final sale: say so in the first sentence.")
    with desk.sessions() as session:
        statement = "UPDATE review_item SET lease_until = now() - interval '1 s' WHERE id = :id"
        session.execute(text(statement), {"id": path.rsplit("/", 1)[1]})
    with world.Reviewer(kim.address, "lee") as lee:
        lee.client.post(f"{path}/take", data={"csrf": lee.csrf(lee.get(path))})
    kim.leaves(lambda: kim.with_control(Keys.ENTER))


def _narrow(kim: Person, paths, folder: Path) -> None:
    kim.open("/review")
    kim.driver.save_screenshot(str(folder / "queue-narrow.png"))
    _take(kim, paths["block"])
    kim.driver.save_screenshot(str(folder / "item-block-narrow.png"))
    kim.driver.execute_script("window.scrollTo(0, document.body.scrollHeight)")
    kim.driver.save_screenshot(str(folder / "item-block-narrow-end.png"))


def _take(kim: Person, path: str) -> None:
    kim.open(path)
    if kim.count("[data-key=t]"):
        kim.leaves(lambda: kim.keys("t"))


if __name__ == "__main__":
    main()
