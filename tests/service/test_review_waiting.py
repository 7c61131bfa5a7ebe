"""Questions to customers and what wakes their items; second answers by rule; money given back in parts."""

import itertools
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from services.domain.jobs import JobKind
from services.domain.reading import LexicalClaimReader
from services.domain.review import Role, SecondAnswerRule
from services.flows.pipeline import Pipeline
from services.flows.second_answer import SecondAnswers
from services.flows.triage import Triage
from services.store.information import wake_overdue
from services.store.samples import SampleRecords
from services.store.triage import TriageRecords
from tests.service import review_world as world
from tests.service.api_server import add_shop
from tests.service.test_review_labels import one, take

numbers = itertools.count(1)
QUESTION = "Could you send us a photo of the damage?"


@pytest.fixture(scope="module")
def settings(migrated_url, tmp_path_factory):
    return world.settings_for(migrated_url, tmp_path_factory.mktemp("var"))


@pytest.fixture(scope="module")
def desk(settings):
    parts = world.make_desk(settings)
    world.add_people(parts, {"ada": Role.REVIEWER, "judge": Role.ADJUDICATOR})
    yield parts
    parts.engine.dispose()


@pytest.fixture(scope="module")
def address(settings, desk):
    with world.serving(settings) as where:
        yield where


@pytest.fixture(scope="module")
def ada(address):
    with world.Reviewer(address, "ada") as who:
        yield who


@pytest.fixture(scope="module")
def shop(address, desk):
    key = add_shop(desk.settings.database_url, world.SHOP, orders=())
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=address, headers=headers, timeout=120, trust_env=False) as client:
        yield client


@pytest.fixture
def item(desk):
    """Return a function that makes one return go to review: its item's path, and its id as the API gives ids."""

    def make(message="It arrived cracked.", order="A10234"):
        order_id = world.fresh_order(desk, order, next(numbers))
        (given,) = world.submit(desk, [(order_id, message)], prefix=f"ret_{next(numbers):026x}")
        return_id = given.replace("-", "0")
        with desk.sessions() as session:  # Ids of the API's shape, which the helper's are not.
            session.execute(text("UPDATE job SET subject_id = :new WHERE subject_id = :old"), ids(given, return_id))
            session.execute(text("UPDATE return_request SET id = :new WHERE id = :old"), ids(given, return_id))
        world.triage_all(desk)
        found = one(desk, "SELECT id FROM review_item WHERE return_id = :id", id=return_id)
        return "/review/items/" + found.id, return_id

    return make


def ids(old, new):
    return {"old": old, "new": new}


def state(desk, return_id):
    return one(desk, "SELECT stage, priority, due_at, state FROM review_item WHERE return_id = :id", id=return_id)


def ask(ada, path):
    assert ada.act(path, "needs-information", take(ada, path), question=QUESTION).status_code == 303


def tell(shop, return_id, words):
    return shop.post(f"/v1/returns/{return_id}/information", json={"text": words})


def test_the_customers_answer_wakes_the_item_and_stands_before_the_reviewer(desk, ada, shop, item):
    path, return_id = item()
    ask(ada, path)
    assert state(desk, return_id).stage == "waiting"
    answer = tell(shop, return_id, "The crack runs along the foot <b>here</b>.")
    assert (answer.status_code, answer.json()) == (200, {"id": return_id, "status": "in_review", "stored": True})
    assert (state(desk, return_id).stage, state(desk, return_id).priority) == ("label", 2)
    page = ada.get(path)
    assert QUESTION in page
    assert "The crack runs along the foot &lt;b&gt;here&lt;/b&gt;." in page
    assert ada.act(path, "approve", take(ada, path)).status_code == 303


def test_the_same_answer_sent_again_is_stored_once_until_the_next_question(desk, ada, shop, item):
    path, return_id = item()
    ask(ada, path)
    assert [tell(shop, return_id, "No photo.").json()["stored"] for _ in range(2)] == [True, False]
    ask(ada, path)
    assert tell(shop, return_id, "No photo.").json()["stored"] is True
    assert (
        one(
            desk, "SELECT count(*) AS n FROM event WHERE kind = 'return.information' AND return_id = :id", id=return_id
        ).n
        == 2
    )


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [({"text": " "}, 422, "invalid-body"), ({}, 422, "invalid-body"), ({"text": "x", "order": 1}, 422, "invalid-body")],
)
def test_words_that_cannot_be_used_are_refused_by_name(shop, item, body, status, slug):
    _, return_id = item()
    answer = shop.post(f"/v1/returns/{return_id}/information", json=body)
    assert answer.status_code == status
    assert answer.json()["type"].endswith(slug)


def test_a_closed_return_and_a_return_of_nobody_take_no_words(ada, shop, item):
    path, return_id = item()
    ada.act(path, "approve", take(ada, path))
    assert tell(shop, return_id, "One more thing.").status_code == 409
    assert tell(shop, "ret_" + "0" * 32, "Hello?").status_code == 404


def test_an_item_whose_customer_does_not_answer_comes_back_when_time_is_up(desk, ada, item):
    path, return_id = item()
    ask(ada, path)
    waiting = state(desk, return_id)
    assert waiting.due_at - datetime.now(UTC) > timedelta(hours=71)
    with desk.sessions() as session:
        assert wake_overdue(session, waiting.due_at - timedelta(minutes=1)) == 0
    with desk.sessions() as session:
        assert wake_overdue(session, waiting.due_at + timedelta(minutes=1)) >= 1
    assert (state(desk, return_id).stage, state(desk, return_id).priority) == ("label", 4)


def test_a_question_taken_back_gives_the_item_back(desk, ada, item):
    path, return_id = item()
    ask(ada, path)
    label = one(desk, "SELECT id FROM label WHERE return_id = :id", id=return_id).id
    ada.client.post(f"/review/labels/{label}/undo", data={"csrf": ada.csrf(ada.get("/review/labels"))})
    assert (state(desk, return_id).stage, state(desk, return_id).priority) == ("label", 4)


def test_items_in_doubt_get_a_second_answer_without_anybody_asking(desk, ada):
    said = {"doubt": "It arrived cracked. [doubt]", "plain": "It arrived cracked."}
    orders = [(world.fresh_order(desk, "A10234", next(numbers)), message) for message in said.values()]
    made = dict(zip(said, world.submit(desk, orders, prefix="rule"), strict=True))
    triage = Triage(
        store=TriageRecords(desk.sessions, SecondAnswerRule(1.0, frozenset({"ambiguous"}))),
        orders=desk.orders,
        library=desk.policies,
        tools=desk.tools,
        pipeline=Pipeline(decider=world.ErringDecider(), reader=LexicalClaimReader(), audit_share=1.0),
        clock=desk.clock,
    )
    assert triage.run(desk.jobs.claim(JobKind.TRIAGE, "test-worker", limit=8)) == {}
    leases = desk.jobs.claim(JobKind.SAMPLE, "test-worker", limit=8)
    found = one(desk, "SELECT id FROM review_item WHERE return_id = :id", id=made["doubt"]).id
    assert [lease.subject_id for lease in leases] == [found]
    kinder = world.KinderDecider()
    SecondAnswers(SampleRecords(desk.sessions, desk.clock), lambda _: kinder, LexicalClaimReader(), desk.clock).run(
        leases
    )
    page = take(ada, f"/review/items/{found}")
    assert "Answer A" in page
    assert "Answer B" in page
    assert "Sorry for the trouble" in page


def test_the_share_of_second_answers_is_kept_and_the_same_for_the_same_item():
    rule = SecondAnswerRule(0.25, frozenset({"ambiguous"}))
    drawn = [rule.draws(f"rev-{n}", "ambiguous") for n in range(2_000)]
    assert 0.2 < sum(drawn) / len(drawn) < 0.3
    assert drawn == [rule.draws(f"rev-{n}", "ambiguous") for n in range(2_000)]
    assert not any(rule.draws(f"rev-{n}", "audit") for n in range(100))


def refund(ada, path, amount):
    shown = ada.get(f"{path}/tools/issue_refund?amount={amount}")
    data = {"csrf": ada.csrf(shown), "do": "run", "amount": amount}
    return shown, ada.client.post(f"{path}/tools/issue_refund", data=data)


def test_a_part_of_the_price_is_given_back_and_all_parts_never_exceed_it(desk, ada, item):
    path, return_id = item("I changed my mind and would like to send it back.", order="A10260")  # EUR 29.00
    take(ada, path)
    shown, answer = refund(ada, path, "10.00")
    assert "Refund EUR 10.00 for order A10260" in shown
    assert answer.status_code == 303, answer.text
    shown, answer = refund(ada, path, "19.01")
    assert "19.00 is left" in shown
    assert answer.status_code == 422
    assert refund(ada, path, "19,00")[1].status_code == 303
    rows = one(
        desk,
        "SELECT sum((arguments->>'amount_cents')::int) AS cents, count(*) AS n, min(state) AS state FROM tool_action"
        " WHERE return_id = :id AND tool = 'issue_refund'",
        id=return_id,
    )
    assert (rows.cents, rows.n, rows.state) == (2_900, 2, "succeeded")


@pytest.mark.parametrize("amount", ["10.005", "-3", "ten", "1e3"])
def test_an_amount_that_cannot_be_read_is_refused(ada, item, amount):
    path, _ = item()
    take(ada, path)
    answer = ada.client.get(f"{path}/tools/issue_refund", params={"amount": amount})
    assert answer.status_code == 422
    assert "such as 12.50" in answer.text
