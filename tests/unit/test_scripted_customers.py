"""The scripted customers' truth, worked out by hand from the orders, against the machine rules of the clauses."""

from datetime import date

import pytest

from policies.catalog import load_catalog
from policies.rules import evaluate
from policies.vocabulary import Truth
from services.adapters.order_file import read_orders
from services.domain.orders import facts_of
from tests.support.scripted_customers import ORDERS, cases

TODAY = date(2026, 11, 24)
MEANS = {Truth.YES: "eligible", Truth.NO: "not_eligible", Truth.UNKNOWN: "review"}


@pytest.mark.parametrize("seed", [1, 2])
def test_each_customers_truth_is_what_the_clause_in_force_says_of_the_order(seed):
    orders = {order.order_id: order for order in read_orders(ORDERS, "sample-shop").orders}
    catalog = load_catalog()
    told = cases(seed)
    for case in told:
        order = orders[case.order_id]
        facts = dict(facts_of(order, order.line(case.item), TODAY).values)
        rule = catalog.in_force(case.clause, TODAY).rule
        assert MEANS[evaluate(rule, facts)] == case.outcome, case
    assert len({(case.order_id, case.message) for case in told}) == len(told) > 150
    assert {case.outcome for case in told} == set(MEANS.values())
