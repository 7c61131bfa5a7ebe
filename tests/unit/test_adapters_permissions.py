"""The table below is the permission rule: a call, what it is asked under, the ruling and its reason."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import PolicyVersion, ToolGrant, ToolName
from services.adapters.dry_run import DryRunTools
from services.domain.actions import ActionStatus, ToolAction, ToolCall
from services.domain.decision import Decision, Outcome
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts
from services.domain.permissions import OrderCaps, Permission, Ruling, held, permit

LAMP = {"order_id": "A10234", "item": "lamp", "price_cents": 4900, "currency": "EUR", "requested_on": "2026-11-24"}
P7 = PolicyVersion(
    policy_id="P-7",
    version="2026-01",
    text="Damaged items reported within 30 days of delivery are eligible for return.",
    tools=(
        ToolGrant(name=ToolName.CREATE_RETURN_LABEL),
        ToolGrant(name=ToolName.REQUEST_PHOTOS),
        ToolGrant(name=ToolName.SEND_REPLACEMENT, max_amount_cents=4900),
        ToolGrant(name=ToolName.ISSUE_REFUND, max_amount_cents=4000),
        ToolGrant(name=ToolName.ISSUE_STORE_CREDIT),
    ),
)
ALLOWED, ASK, FORBIDDEN = Ruling.ALLOWED, Ruling.NEEDS_APPROVAL, Ruling.NOT_ALLOWED


def refund(cents: Any = 1000, **more: Any) -> dict[str, Any]:
    return {"order_id": "A10234", "item": "lamp", "amount_cents": cents, "currency": "EUR"} | more


def done(name: str, status: ActionStatus = ActionStatus.SUCCEEDED, key: str = "other", **arguments: Any) -> ToolAction:
    return ToolAction(name=name, status=status, arguments={"order_id": "A10234"} | arguments, idempotency_key=key)


class Row(NamedTuple):
    why: str
    name: str
    arguments: Mapping[str, Any]
    ruling: Ruling
    says: str
    facts: Mapping[str, Any] = LAMP
    policy: PolicyVersion | None = P7
    earlier: tuple[ToolAction, ...] = ()
    caps: OrderCaps = OrderCaps()


ORDER = {"order_id": "A10234"}
TABLE = (
    Row("a granted tool without money runs", "create_return_label", ORDER, ALLOWED, "granted by P-7 2026-01"),
    Row("naming the case's item is fine", "create_return_label", ORDER | {"item": "lamp"}, ALLOWED, "granted"),
    Row("a refund up to the limit runs", "issue_refund", refund(4000), ALLOWED, "granted"),
    Row("a cent over the limit asks", "issue_refund", refund(4001), ASK, "EUR 40.01 is over the EUR 40.00 of P-7"),
    Row("money without a limit always asks", "issue_store_credit", refund(1), ASK, "names no amount"),
    Row("what the clause does not grant asks", "cancel_return", ORDER, ASK, "does not grant cancel_return"),
    Row("where no clause governs, all asks", "create_return_label", ORDER, ASK, "no clause governs", policy=None),
    Row("a tool nobody knows is forbidden", "delete_order", ORDER, FORBIDDEN, "no tool named 'delete_order'"),
    Row("another order is forbidden", "create_return_label", {"order_id": "A10235"}, FORBIDDEN, "not the order of"),
    Row("a call without an order is forbidden", "create_return_label", {}, FORBIDDEN, "order_id None"),
    Row(
        "facts without an order grant nothing", "create_return_label", ORDER, FORBIDDEN, "None", facts={"item": "lamp"}
    ),
    Row("no order on either side is no match", "create_return_label", {}, FORBIDDEN, "None", facts={"item": "lamp"}),
    Row("another item is forbidden", "create_return_label", ORDER | {"item": "tv"}, FORBIDDEN, "item 'tv'"),
    Row("an unknown argument is forbidden", "send_email", ORDER | {"to": "x@y"}, FORBIDDEN, "argument 'to' is unknown"),
    Row("a label takes no amount", "create_return_label", refund(1), FORBIDDEN, "moves no money"),
    Row("an amount must be there", "issue_refund", ORDER | {"currency": "EUR"}, FORBIDDEN, "not None"),
    Row("zero is no amount", "issue_refund", refund(0), FORBIDDEN, "above 0"),
    Row("a negative amount is forbidden", "issue_refund", refund(-5), FORBIDDEN, "above 0"),
    Row("half a cent is forbidden", "issue_refund", refund(10.5), FORBIDDEN, "whole number"),
    Row("true is no amount", "issue_refund", refund(True), FORBIDDEN, "not True"),
    Row("text is no amount", "issue_refund", refund("1000"), FORBIDDEN, "not '1000'"),
    Row("another currency is forbidden", "issue_refund", refund(currency="USD"), FORBIDDEN, "'USD' is not what was"),
    Row(
        "more than was paid is forbidden, not asked", "issue_refund", refund(4901), FORBIDDEN, "EUR 49.00 that was paid"
    ),
    Row("an unknown price asks", "issue_refund", refund(), ASK, "not established", facts=LAMP | {"price_cents": None}),
    Row("a replacement within its worth runs", "send_replacement", ORDER, ALLOWED, "granted"),
    Row("a dearer one asks", "send_replacement", ORDER, ASK, "worth EUR 49.01", facts=LAMP | {"price_cents": 4901}),
    Row("of unknown worth asks", "send_replacement", ORDER, ASK, "unknown worth", facts=LAMP | {"price_cents": None}),
    Row(
        "a refund after a replacement asks",
        "issue_refund",
        refund(),
        ASK,
        "send_replacement already made good",
        earlier=(done("send_replacement", item="lamp"),),
    ),
    Row(
        "a replacement after a refund asks",
        "send_replacement",
        ORDER,
        ASK,
        "issue_refund already made good",
        earlier=(done("issue_refund", amount_cents=100, item="lamp"),),
    ),
    Row(
        "a second replacement asks",
        "send_replacement",
        ORDER,
        ASK,
        "was sent before",
        earlier=(done("send_replacement", item="lamp"),),
    ),
    Row(
        "another item's replacement is none of this one's business",
        "issue_refund",
        refund(),
        ALLOWED,
        "granted",
        earlier=(done("send_replacement", item="shade"),),
    ),
    Row(
        "an action that names no item counts as this item's",
        "issue_refund",
        refund(),
        ASK,
        "already made good",
        earlier=(done("send_replacement"),),
    ),
    Row(
        "what failed made nothing good",
        "issue_refund",
        refund(),
        ALLOWED,
        "granted",
        earlier=(done("send_replacement", ActionStatus.FAILED), done("send_replacement", ActionStatus.DRY_RUN)),
    ),
    Row(
        "what is pending may have happened, so it counts",
        "issue_refund",
        refund(),
        ASK,
        "already made good",
        earlier=(done("send_replacement", ActionStatus.PENDING),),
    ),
    Row(
        "two refunds up to the price run",
        "issue_refund",
        refund(1900),
        ALLOWED,
        "granted",
        earlier=(done("issue_refund", amount_cents=3000, item="lamp"),),
    ),
    Row(
        "a cent beyond the price asks",
        "issue_refund",
        refund(1901),
        ASK,
        "EUR 30.00 was given back for this item before",
        earlier=(done("issue_refund", amount_cents=3000, item="lamp"),),
    ),
    Row(
        "the very same call, resumed, does not count against itself",
        "issue_refund",
        refund(4000),
        ALLOWED,
        "granted",
        earlier=(done("issue_refund", ActionStatus.PENDING, key="this", amount_cents=4000, item="lamp"),),
    ),
    Row(
        "the order's cap counts all its money",
        "issue_refund",
        refund(1000),
        ASK,
        "EUR 30.00 goes back on one order; the cap is EUR 29.99",
        earlier=(done("issue_refund", amount_cents=2000, item="shade"),),
        caps=OrderCaps(money_cents=2999),
    ),
    Row(
        "up to the cap runs",
        "issue_refund",
        refund(1000),
        ALLOWED,
        "granted",
        earlier=(done("issue_refund", amount_cents=2000, item="shade"),),
        caps=OrderCaps(money_cents=3000),
    ),
    Row(
        "a fourth label for one order asks",
        "create_return_label",
        ORDER,
        ASK,
        "ran 3 times",
        earlier=(done("create_return_label"),) * 3,
    ),
)


def ruled(row: Row) -> Permission:
    call = ToolCall(name=row.name, arguments=row.arguments)
    facts = OrderFacts(values=row.facts)
    return permit(call, row.policy, facts, earlier=row.earlier, caps=row.caps, idempotency_key="this")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.why)
def test_each_row_of_the_permission_table_holds(row):
    permission = ruled(row)
    assert permission.ruling == row.ruling, permission.reason
    assert row.says in permission.reason


@given(
    cents=st.integers(-(10**6), 10**6), limit=st.one_of(st.none(), st.integers(0, 10**5)), price=st.integers(0, 10**5)
)
def test_money_never_runs_over_the_limit_the_price_or_below_a_cent(cents, limit, price):
    policy = P7.model_copy(update={"tools": (ToolGrant(name=ToolName.ISSUE_REFUND, max_amount_cents=limit),)})
    call = ToolCall(name="issue_refund", arguments=refund(cents))
    permission = permit(call, policy, OrderFacts(values=LAMP | {"price_cents": price}))
    assert (permission.ruling == ALLOWED) == (limit is not None and 0 < cents <= min(limit, price))


def test_what_may_not_run_is_recorded_as_waiting_or_failed_and_never_as_succeeded():
    call = ToolCall(name="issue_refund", arguments=refund(4001))
    waiting = held(call, Permission(ruling=ASK, reason="over the limit"), "key")
    assert (waiting.status, waiting.error) == (ActionStatus.AWAITING_APPROVAL, "over the limit")
    assert held(call, Permission(ruling=FORBIDDEN, reason="no")).status == ActionStatus.FAILED
    with pytest.raises(ValueError, match="run it"):
        held(call, Permission(ruling=ALLOWED, reason="granted"))


def dry(*calls: ToolCall) -> list[ToolAction]:
    facts = OrderFacts(values=LAMP)
    evidence = Evidence(message="cracked", facts=facts, policies=(P7,), asked_on=facts.requested_on)
    decision = Decision(
        reason="damaged",
        policy_id="P-7",
        policy_version="2026-01",
        evidence=P7.text,
        outcome=Outcome.ELIGIBLE,
        tool_calls=calls,
    )
    return [DryRunTools()(evidence, decision, call) for call in calls]


def test_a_dry_run_records_what_is_granted_as_succeeded_and_marks_it():
    (action,) = dry(ToolCall(name="create_return_label", arguments=ORDER))
    assert action.status == ActionStatus.SUCCEEDED
    assert action.result == {"dry_run": True}
    assert action.idempotency_key is None


def test_a_dry_run_holds_what_the_ledger_would_hold():
    label, over, replacement, money = dry(
        ToolCall(name="create_return_label", arguments=ORDER),
        ToolCall(name="issue_refund", arguments=refund(4001)),
        ToolCall(name="send_replacement", arguments=ORDER),
        ToolCall(name="issue_refund", arguments=refund(100)),
    )
    assert label.status == replacement.status == ActionStatus.SUCCEEDED
    assert over.status == money.status == ActionStatus.AWAITING_APPROVAL
    assert "already made good" in money.error
