"""The review desk of browser tests: people, cases and browsers, for the modules of journeys that ask for them."""

import itertools

import pytest
from sqlalchemy import text

from services.domain.review import Role
from tests.service import review_world as world
from tests.support.browser import Person, chromium, need_chromium

numbers = itertools.count(1)
PEOPLE = {"ada": Role.REVIEWER, "grace": Role.REVIEWER, "judge": Role.ADJUDICATOR, "root": Role.ADMIN}


@pytest.fixture(scope="module")
def settings(migrated_url, tmp_path_factory):
    need_chromium()
    return world.settings_for(migrated_url, tmp_path_factory.mktemp("var"))


@pytest.fixture(scope="module")
def desk(settings):
    parts = world.make_desk(settings)
    world.add_people(parts, PEOPLE)
    yield parts
    parts.engine.dispose()


@pytest.fixture(scope="module")
def address(settings, desk):
    with world.serving(settings) as where:
        yield where


@pytest.fixture(scope="module")
def browser():
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def second_browser():
    with chromium() as driver:
        yield driver


@pytest.fixture
def ada(browser, address):
    return Person(browser, address, "ada", world.PASSWORD)


@pytest.fixture
def grace(second_browser, address):
    return Person(second_browser, address, "grace", world.PASSWORD)


@pytest.fixture
def items(desk):
    """Return a function that puts cases before people and returns their item paths."""

    def make(*messages, like="A10234"):
        with desk.sessions() as session:  # What other tests left would come first.
            session.execute(
                text("UPDATE review_item SET state = 'done', done_at = now(), lease_token = NULL WHERE state <> 'done'")
            )
        orders = [(world.fresh_order(desk, like, next(numbers)), message) for message in messages]
        ids = world.submit(desk, orders, prefix=f"j{next(numbers)}")
        world.triage_all(desk)
        with desk.sessions() as session:
            found = text("SELECT id FROM review_item WHERE return_id = :id")
            return ["/review/items/" + session.execute(found, {"id": one}).scalar_one() for one in ids]

    return make
