"""Refunds and store credit on a real journal in PostgreSQL: balanced, once a key, never more than was paid."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.database import make_engine
from services.adapters.money import MoneyDesk
from services.domain.actions import ToolCall
from services.ports import ToolRefused
from tests.service.tool_desk import NOW, Desk, FixedClock


@pytest.fixture(scope="module")
def engine(migrated_url):
    made = make_engine(migrated_url)
    yield made
    made.dispose()


@pytest.fixture
def desk(tmp_path, engine):
    return Desk(tmp_path, engine)


def test_a_refund_is_a_balanced_entry_owed_to_the_way_it_was_paid(desk):
    result = desk.refund(4900)
    assert result == {"amount_cents": 4900, "currency": "EUR", "paid_to": "card", "journal_key": f"key-{desk.shop}"}
    (entry,) = desk.journal.entries(desk.shop, "A1")
    assert entry.lines == {"given_back:lamp": 4900, "refunds_payable:card": -4900}
    assert (entry.kind, entry.return_id, entry.at) == ("refund", desk.case.return_id, NOW)
    assert set(desk.journal.balance().values()) == {0}


def test_store_credit_gets_a_code_that_stays_and_that_ids_do_not_give_away(desk):
    first, again = (desk.refund(1000, name="issue_store_credit") for _ in range(2))
    assert first == again
    assert first["credit_code"].startswith("SC-")
    (entry,) = desk.journal.entries(desk.shop, "A1")
    assert entry.lines["store_credit_owed"] == -1000
    (letter,) = desk.letters
    assert first["credit_code"] in letter.get_body().get_content()
    assert "EUR 10.00" in letter.get_body().get_content()
    elsewhere = MoneyDesk(desk.orders, desk.journal, FixedClock(), b"another secret")
    call = ToolCall(name="issue_store_credit", arguments={"order_id": "A1", "amount_cents": 1000, "currency": "EUR"})
    assert elsewhere.store_credit(call, f"key-{desk.shop}", desk.case)["credit_code"] != first["credit_code"]


@pytest.mark.parametrize(("cents", "more", "says"), [
    (4901, {}, "at most 4900 may"),
    (0, {}, "above 0, not 0"),
    (-1, {}, "above 0, not -1"),
    (True, {}, "not True"),
    (49.0, {}, "not 49.0"),
    ("4900", {}, "not '4900'"),
    (100, {"currency": "USD"}, "'USD' is not the order's, EUR"),
    (100, {"item": "sofa"}, "holds no 'sofa'; it holds: lamp"),
    (100, {"order_id": "A9"}, "no order 'A9'"),
    (100, {"order_id": "A2"}, "several items; name one of: teapot, mug"),
    (100, {"order_id": 7}, "needs order_id"),
])  # fmt: skip
def test_money_that_is_not_owed_is_refused_and_leaves_no_entry(desk, cents, more, says):
    with pytest.raises(ToolRefused, match=says):
        desk.refund(cents, **more)
    assert desk.given_back("A1") == desk.given_back("A2") == 0


def test_refunds_and_credits_together_never_exceed_what_was_paid(desk):
    desk.refund(3000, "a")
    desk.refund(1900, "b", name="issue_store_credit", case=desk.other)
    with pytest.raises(ToolRefused, match="4901 hundredths would go back on order A1; at most 4900 may"):
        desk.refund(1, "c")
    assert desk.given_back() == 4900


def test_what_the_shop_gave_back_elsewhere_counts(desk):
    with pytest.raises(ToolRefused, match="at most 900 may"):
        desk.refund(901, order_id="A3")
    desk.refund(900, order_id="A3")


def test_one_item_cannot_take_the_money_of_another(desk):
    with pytest.raises(ToolRefused, match="given_back:mug; at most 2000 may"):
        desk.refund(2001, order_id="A2", item="mug")
    desk.refund(2000, order_id="A2", item="mug")
    with pytest.raises(ToolRefused, match="given_back:mug"):
        desk.refund(1, "b", order_id="A2", item="MUG")
    desk.refund(2000, "c", order_id="A2", item="teapot")


def test_the_same_key_with_another_amount_is_refused(desk):
    desk.refund(1000)
    with pytest.raises(ToolRefused, match="posted before with another content"):
        desk.refund(2000)
    assert desk.given_back() == 1000


def test_twenty_at_once_with_one_key_give_the_money_once(desk):
    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(lambda _: desk.refund(4900), range(20)))
    assert len({json.dumps(result) for result in results}) == 1
    assert desk.given_back() == 4900


def test_twenty_at_once_with_keys_of_their_own_never_exceed_what_was_paid(desk):
    def attempt(number):
        try:
            return desk.refund(1000, f"key-{number}")["amount_cents"]
        except ToolRefused:
            return 0

    with ThreadPoolExecutor(12) as pool:
        given = sum(pool.map(attempt, range(20)))
    assert given == desk.given_back() == 4000


def test_credit_without_an_address_says_that_its_code_was_not_mailed(desk):
    nobody = desk.case._replace(customer_email=None)
    assert desk.refund(100, name="issue_store_credit", order_id="GIFT", case=nobody)["mailed"] is False
    assert desk.letters == []
