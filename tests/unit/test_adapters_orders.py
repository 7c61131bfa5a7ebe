import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from policies.facts import STANDARD_FACTS, fits
from services.adapters.order_file import OrderFileInvalid, read_orders
from services.domain.facts import contradictions
from services.domain.orders import COMPUTED_FACTS, OrderLine, ShopOrder, facts_of

SAMPLES = Path(__file__).parents[2] / "infra" / "samples"
AS_OF = date(2026, 11, 24)


def an_order(**changed) -> ShopOrder:
    lamp = {"item": "lamp", "category": "home", "price_cents": 4900, "facts": {"damage_confirmed": True}}
    base = {"order_id": "A1", "shop_id": "s", "currency": "EUR", "promised_on": "2026-11-10", "lines": [lamp]}
    return ShopOrder.model_validate(base | changed)


def facts(on: date = AS_OF, **changed):
    order = an_order(**changed)
    return facts_of(order, order.lines[0], on)


def test_the_sample_lamp_is_damaged_and_came_twelve_days_ago_whatever_the_day():
    for today in (AS_OF, AS_OF + timedelta(days=400)):
        order = next(o for o in read_orders(SAMPLES / "orders.json", "s").moved_to(today) if o.order_id == "A10234")
        lamp = facts_of(order, order.lines[0], today)
        assert (lamp.item, lamp["category"], lamp.price_cents, lamp.currency) == ("lamp", "home", 4900, "EUR")
        assert (lamp["days_since_delivery"], lamp["damage_confirmed"], lamp["delivered"]) == (12, True, True)


def test_the_sample_shop_is_large_varied_and_free_of_contradictions():
    file = read_orders(SAMPLES / "orders.json", "sample-shop")
    assert file.as_of == AS_OF
    assert len(file.orders) >= 200
    all_facts = [facts_of(order, line, AS_OF) for order in file.orders for line in order.lines]
    assert not [found for one in all_facts if (found := contradictions(one))]
    for name in (
        "damage_confirmed",
        "spoilage_confirmed",
        "recalled",
        "unopened",
        "final_sale",
        "delivered",
        "is_gift",
    ):
        assert len({str(one[name]) for one in all_facts}) > 1, name
    assert any(one["days_late"] >= 7 and not one["delivered"] for one in all_facts)
    assert any(len(order.lines) > 2 for order in file.orders)


def test_sample_facts_have_the_types_that_rules_expect():
    for order in read_orders(SAMPLES / "orders.json", "s").orders:
        for line in order.lines:
            values = facts_of(order, line, AS_OF).values
            wrong = [
                n for n, v in values.items() if n in STANDARD_FACTS and v is not None and not fits(v, STANDARD_FACTS[n])
            ]
            assert not wrong


def test_sample_requests_name_sample_orders_but_for_the_one_that_shows_an_unknown_order():
    known = {order.order_id: order for order in read_orders(SAMPLES / "orders.json", "s").orders}
    lines = [json.loads(line) for line in (SAMPLES / "requests.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) >= 20
    assert (lines[0]["order_id"], lines[0]["item"]) == ("A10234", "lamp")
    assert [one["order_id"] for one in lines if one["order_id"] not in known] == ["A99999"]
    assert any(known[one["order_id"]].delivered_on is None for one in lines if one["order_id"] in known)
    assert all(set(one) <= {"order_id", "item", "message", "customer_email"} for one in lines)


def test_the_sample_file_is_what_its_script_writes(capsys):
    from infra.samples.make_orders import main  # noqa: PLC0415

    main()
    assert capsys.readouterr().out == (SAMPLES / "orders.json").read_text(encoding="utf-8")


def test_an_order_that_is_not_delivered_says_so_and_counts_its_delay():
    late = facts()
    assert (late["delivered"], late["delivered_on"], late["days_late"]) == (False, None, 14)
    assert late["days_since_delivery"] is None


def test_a_delivery_after_the_day_asked_about_is_no_fact_yet():
    before = facts(on=date(2026, 11, 11), delivered_on="2026-11-12")
    assert (before["delivered"], before["delivered_on"], before["days_late"]) == (False, None, 1)
    assert facts(on=date(2026, 11, 12), delivered_on="2026-11-12")["days_since_delivery"] == 0


def test_an_early_parcel_is_not_late():
    assert facts(delivered_on="2026-11-01")["days_late"] == 0
    assert facts(delivered_on="2026-11-12")["days_late"] == 2
    assert facts(promised_on=None)["days_late"] is None


def test_what_nobody_established_is_not_stated():
    lamp = facts()
    assert lamp["damage_confirmed"] is True
    assert lamp["unopened"] is None
    assert lamp["prior_returns_12m"] is None


def test_a_lines_own_fact_wins_over_the_orders():
    assert facts(facts={"damage_confirmed": False, "is_gift": True})["damage_confirmed"] is True


def test_a_shop_may_state_facts_of_its_own():
    assert facts(facts={"loyalty_tier": "gold"})["loyalty_tier"] == "gold"


@given(name=st.sampled_from(sorted(COMPUTED_FACTS)), value=st.one_of(st.booleans(), st.integers(), st.text()))
def test_a_source_cannot_state_a_computed_fact_behind_the_dates_back(name, value):
    with pytest.raises(ValidationError, match=f"{name} has a field of its own"):
        OrderLine.model_validate({"item": "x", "category": "y", "price_cents": 1, "facts": {name: value}})


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"currency": "euro"}, "currency"),
        ({"lines": []}, "lines"),
        ({"delivered_on": "12/11/2026"}, "delivered_on"),
        ({"lines": [{"item": "a", "category": "b", "price_cents": 49.5}]}, "lines.0.price_cents"),
        ({"lines": [{"item": "a", "category": "b", "price_cents": "4900"}]}, "lines.0.price_cents"),
        ({"lines": [{"item": "a", "category": "b", "price_cents": -1}]}, "lines.0.price_cents"),
        ({"facts": {"is_gift": "yes"}}, "facts"),
        ({"facts": {"prior_returns_12m": True}}, "facts"),
        ({"lines": [{"item": x, "category": "b", "price_cents": 1} for x in ("Mug", "mug")]}, ""),
    ],
)
def test_a_wrong_order_is_refused_with_its_field(changed, field):
    with pytest.raises(ValidationError) as refused:
        an_order(**changed)
    assert ".".join(str(part) for part in refused.value.errors()[0]["loc"]).startswith(field)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", 'needs "as_of"'),
        ('{"as_of": "yesterday", "orders": []}', 'needs "as_of"'),
        ('{"as_of": "2026-11-24", "orders": [1]}', "order 1 is no object"),
        (
            '{"as_of": "2026-11-24", "orders": [{"order_id": "A1", "currency": "EUR"}]}',
            "order A1, lines: Field required",
        ),
    ],
)
def test_a_wrong_file_gives_one_line_with_file_order_and_field(tmp_path, content, says):
    path = tmp_path / "orders.json"
    path.write_text(content)
    with pytest.raises(OrderFileInvalid) as refused:
        read_orders(path, "s")
    assert says in str(refused.value)
    assert str(refused.value).startswith("orders.json")


def test_an_order_that_stands_twice_in_a_file_is_refused(tmp_path):
    order = an_order().model_dump(mode="json")
    path = tmp_path / "orders.json"
    path.write_text(json.dumps({"as_of": "2026-11-24", "orders": [order, order]}))
    with pytest.raises(OrderFileInvalid, match="A1 stands in it twice"):
        read_orders(path, "s")
