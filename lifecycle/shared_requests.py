"""Turns requests with a known right action (`requests_dev.jsonl` of the shared data) into cases for `eval`. Pure.

Their source decides returns and exchanges by one rule, the order's state; here that rule stands as clauses in our own
words. Requests without a known action say too little for any decision: what is right for them is a person.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

RULE = "An order can be returned or exchanged once it has been delivered."
_POLICIES = (
    {"policy_id": "R-1", "version": "1", "text": RULE},
    {"policy_id": "R-2", "version": "1", "text": "Refunds go to the payment method of the order or to a gift card."},
    {"policy_id": "R-3", "version": "1", "text": "An order that is still pending can be cancelled or changed."},
)
_DECISIONS = {"return": "eligible", "exchange": "eligible", "deny": "not_eligible"}


class UnknownRequest(ValueError):
    """A row is not as the shared data has it; the message names row and field."""


def cases_of(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Yield one case a row, twins under the id that they share. Raises UnknownRequest."""
    listed = list(rows)
    twins = {str(row["base_id"]) for row in listed if row.get("base_id")}
    for row in listed:
        try:
            yield _case(row, twins)
        except (KeyError, TypeError) as error:
            raise UnknownRequest(
                f"row {row.get('id')!r}: no usable {error}; give rows of requests_dev.jsonl"
            ) from error


def _case(row: Row, twins: set[str]) -> dict[str, Any]:
    expected = row["expected"]
    facts = dict(_order_facts(row["message"], row["facts"].get("orders") or ()))
    case = {
        "id": row["id"],
        "policies": [dict(policy) for policy in _POLICIES],
        "order_facts": facts,
        "message": row["message"],
        "expected_decision": "review" if expected is None else _DECISIONS[expected["decision"]],
        "category": row["faithfulness"],
    }
    if expected is not None:
        case |= {"expected_policy_id": "R-1", "required_evidence": RULE}
    base = row.get("base_id") or row["id"]
    return case | ({"twin": base} if base in twins else {})


def _order_facts(message: str, orders: Sequence[Row]) -> Iterator[tuple[str, Any]]:
    """Yield the facts of the order that the message names; of none where it names none or several."""
    named = [order for order in orders if order["order_id"].lstrip("#") in message]
    if len(named) != 1:
        return
    order = named[0]
    item = next((i for i in order["items"] if i["name"].lower() in message.lower()), order["items"][0])
    yield "order_id", order["order_id"]
    yield "item", item["name"]
    yield "price_cents", round(item["price"] * 100)
    yield "currency", "USD"
    yield "order_status", order["status"]
    yield "delivered", order["status"] == "delivered"
