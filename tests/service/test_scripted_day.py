"""The scripted reviewers at the real pages: what they label is right by the case's truth, in more than one way."""

from collections import Counter

import pytest
from sqlalchemy import text

from services.domain.review import Role
from tests.service import review_world as world
from tests.support import scripted_reviewers
from tests.support.scripted_customers import cases


@pytest.fixture
def desk(fresh_migrated_url, tmp_path):
    parts = world.make_desk(world.settings_for(fresh_migrated_url, tmp_path / "var"))
    world.add_people(parts, {"ada": Role.REVIEWER, "bo": Role.REVIEWER})
    yield parts
    parts.engine.dispose()


def test_two_people_answer_what_waits_and_every_label_says_what_is_true(desk, monkeypatch):
    monkeypatch.setattr(scripted_reviewers, "_password", lambda _: world.PASSWORD)
    with desk.sessions() as session:
        rows = session.execute(text("SELECT order_id, jsonb_array_length(document -> 'lines') FROM shop_order")).all()
    alone = {order for order, lines in rows if lines == 1}
    told = [case for case in cases() if case.order_id in alone][:24]
    world.submit(desk, [(case.order_id, case.message + " [lie]" * (n % 2)) for n, case in enumerate(told)])
    world.triage_all(desk)
    known = {(one.order_id, one.message + " [lie]" * (n % 2)): one for n, one in enumerate(told)}
    with world.serving(desk.settings) as address:
        people = [scripted_reviewers.Reviewer(address, name) for name in ("ada", "bo")]
        given = Counter(did for _ in range(14) for person in people if (did := person.answer_one(known)))
        for person in people:
            person.close()
    assert given["approve"]
    assert given["correct"]
    assert given["reject"]
    assert not [kind for kind in given if kind.endswith("refused")], given
    with desk.sessions() as session:
        labels = session.execute(
            text(
                "SELECT r.order_id, l.kind,"
                " coalesce(l.document #>> '{answer,decision,outcome}', l.document ->> 'expected')"
                " FROM label l JOIN return_request r ON r.id = l.return_id"
            )
        ).all()
    assert len(labels) == sum(given.values())
    truth = {case.order_id: case.outcome for case in told}
    assert [row for row in labels if truth[row[0]] != row[2]] == []
