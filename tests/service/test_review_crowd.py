"""Fifty reviewers at two thousand items at once: no label is lost or doubled, and no item is held by two.

They share the fifteen connections of the default settings, as the threads of one server do. Who waits too long for one
is told so before anything was written, and tries again, as at the page that says that the database is away.
"""

import random
import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from services.domain.decision import Outcome
from services.domain.reading import LexicalClaimReader
from services.domain.review import Conflict, LabelKind
from services.domain.verdict import FailureOwner
from services.flows.review import Review, Sitting
from services.store.audit import verify_chain
from services.store.review_desk import Patience, ReviewRecords
from services.store.review_leases import Taker
from tests.service import review_world as world
from workers import bulk_items

REVIEWERS = 50
ITEMS = 2_000
LEASE = timedelta(seconds=2)


@pytest.fixture(scope="module")
def desk(migrated_url, tmp_path_factory):
    parts = world.make_desk(world.settings_for(migrated_url, tmp_path_factory.mktemp("var")))
    (return_id,) = world.submit(parts, [("A10260", "I changed my mind and would like to send it back.")])
    world.triage_all(parts)
    bulk_items.copy_items(parts.engine, return_id, ITEMS - 1)
    bulk_items.analyze(parts.engine)
    yield parts
    parts.engine.dispose()


class Worker(threading.Thread):
    """A reviewer who labels, skips, now and then wanders off and lets the hold run out, and comes back too late."""

    def __init__(self, number, records, review, told):
        super().__init__(name=f"reviewer-{number}", daemon=True)
        self.records, self.review, self.told = records, review, told
        self.draw = random.Random(number)
        self.error = None

    def run(self):
        try:
            while self.works():
                pass
        except BaseException as error:
            self.error = error
            raise

    def works(self):
        """Take an item and answer it; return whether there may be more."""
        try:
            hold = self.records.next(Taker(self.name), [], daily_cap=None, gold_share=0.0)
            if hold is not None:
                self.answer(hold)
        except NoFreeConnection:
            return True
        return hold is not None

    def answer(self, hold):
        found = self.records.open(hold.item_id)
        sitting = Sitting(hold, found.case, "g1")
        chance = self.draw.random()
        if chance < 0.03:  # Wanders off: someone takes the item over, and the late click must change nothing.
            threading.Event().wait(LEASE.total_seconds() * 1.2)
        try:
            if 0.03 <= chance < 0.10:
                self.review.pass_on(sitting, LabelKind.SKIP, "")
                return
            if chance < 0.5:
                stored = self.review.reject(
                    sitting, "Simply not right as it is.", FailureOwner.SFT_DATA, Outcome.REVIEW
                )
            else:
                stored = self.review.approve(sitting, "")
        except Conflict:
            return
        self.told.append((stored.label_id, hold.item_id, self.name))


@pytest.mark.timeout(600)
def test_no_label_is_lost_none_doubled_and_no_item_held_by_two(desk):
    records = ReviewRecords(desk.sessions, desk.clock, Patience(LEASE, timedelta(minutes=30)))
    review = Review(records, LexicalClaimReader(), overlap_share=0.0)
    told: list[tuple[str, str, str]] = []
    workers = [Worker(number, records, review, told) for number in range(REVIEWERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=500)
    assert [worker.error for worker in workers if worker.error] == []
    assert not any(worker.is_alive() for worker in workers)
    with desk.sessions() as session:
        rows = session.execute(text("SELECT id, review_item_id, reviewer FROM label WHERE kind <> 'skip'")).all()
        states = session.execute(text("SELECT state, count(*) FROM review_item GROUP BY state")).all()
        open_returns = session.execute(
            text("SELECT count(*) FROM return_request WHERE status <> 'closed' OR closed_by <> 'reviewer'")
        ).scalar_one()
        events = session.execute(
            text(
                "SELECT max(n) FROM (SELECT count(*) AS n FROM event WHERE kind = 'return.closed' GROUP BY return_id) x"
            )
        ).scalar_one()
        chain = verify_chain(session)
    assert {tuple(row) for row in rows} == set(told), "what a reviewer was told is what is stored"
    assert max(Counter(row.review_item_id for row in rows).values()) == 1
    assert [tuple(row) for row in states] == [("done", ITEMS)]
    assert (len(rows), open_returns, events) == (ITEMS, 0, 1)
    assert chain.broken_at is None
