"""The matcher's specification: one row a case, with the reason why it is so."""

import pytest

from services.domain.actions import ActionStatus, ToolAction
from services.domain.claims import Claim, Effect
from services.domain.goods import same_goods
from services.domain.matching import match

FULL = {"order_id": "A1", "item": "lamp", "amount_cents": 4900, "currency": "EUR"}


def act(name, status="succeeded", supports=(), **arguments):
    return ToolAction(name=name, status=ActionStatus(status), arguments=arguments, supports=supports)


def say(effect, **fields):
    return Claim(effect=Effect(effect), text="x", **fields)


REFUND = act("issue_refund", **FULL)
CASES = [
    # claims, actions, index of the supporting action a claim, why
    ([say("issue_refund")], [REFUND], [0], "a claim less exact than the record is supported"),
    ([say("issue_refund", amount_cents=4900, currency="EUR")], [REFUND], [0], "amount and currency are equal"),
    ([say("issue_refund", amount_cents=5900, currency="EUR")], [REFUND], [None], "another amount"),
    ([say("issue_refund", amount_cents=4900, currency="USD")], [REFUND], [None], "another currency"),
    ([say("issue_refund", amount_cents=4900, currency="$")], [REFUND], [None], "no dollar sign stands for the euro"),
    ([say("issue_refund", amount_cents=4900, currency="$")],
     [act("issue_refund", amount_cents=4900, currency="CAD")], [0], "several currencies share the dollar sign"),
    ([say("issue_refund", order_id="A2")], [REFUND], [None], "another order"),
    ([say("issue_refund", order_id="a-1")], [REFUND], [0], "another spelling of the same order"),
    ([say("issue_refund", item="kettle")], [REFUND], [None], "other goods"),
    ([say("issue_refund", item="lamps")], [REFUND], [0], "the plural of the same goods"),
    ([say("issue_store_credit")], [REFUND], [None], "another effect"),
    ([say("issue_refund")], [act("issue_refund", "failed", **FULL)], [None], "a failed action supports nothing"),
    ([say("issue_refund")], [act("issue_refund", "pending", **FULL)], [None], "a pending action supports nothing"),
    ([say("issue_refund")], [act("issue_refund", "dry_run", **FULL)], [None], "a dry run supports nothing"),
    ([say("issue_refund")], [act("issue_refund", "awaiting_approval", **FULL)], [None], "a held action supports nothing"),  # noqa: E501 - a pattern is read by the line
    ([say("issue_refund")], [act("issue_refund", "failed", **FULL), REFUND], [1], "a failure mended by a success"),
    ([say("issue_refund")], [act("lookup_order")], [None], "a foreign action supports nothing"),
    ([say("return_started")], [act("open_rma", supports=("return_started",))], [0], "a foreign tool that vouches"),
    ([say("issue_refund")], [act("open_rma", supports=("return_started",))], [None], "it vouches for one effect only"),
    ([say("issue_refund", amount_cents=4900)], [act("issue_refund")], [None], "a call without arguments states no amount"),  # noqa: E501 - a pattern is read by the line
    ([say("issue_refund", order_id="A1")], [act("issue_refund")], [None], "a call without arguments states no order"),
    ([say("issue_refund", item="lamp")], [act("issue_refund")], [None], "a call without arguments states no goods"),
    ([say("issue_refund", amount_cents=4900)], [act("issue_refund", order_id="A1")], [None], "a partial call, too"),
    ([say("issue_refund")], [act("issue_refund")], [0], "nothing is stated, so nothing is missing"),
    ([say("create_return_label", item="lamp")], [act("create_return_label", order_id="A1")], [0],
     "the order names the goods where the record does not"),
    ([say("issue_refund", amount_cents=4900, currency="EUR")],
     [act("issue_refund", supports=("issue_refund",))], [0], "a bare name vouches for what it was"),
    ([say("issue_refund"), say("issue_refund", amount_cents=4900, currency="EUR")], [REFUND], [0, 0],
     "several mentions of one effect are one claim"),
    ([say("issue_refund", order_id="A1"), say("issue_refund", order_id="A2")], [REFUND], [0, None],
     "two orders need two actions"),
    ([say("issue_refund", amount_cents=4900), say("issue_refund", amount_cents=1000)],
     [REFUND, act("issue_refund", order_id="A1", amount_cents=1000, currency="EUR")], [0, 1], "two amounts, two actions"),  # noqa: E501 - a pattern is read by the line
    ([say("order_cancelled", order_id="A1"), say("order_cancelled", order_id="A2")],
     [act("cancel", supports=("order_cancelled",))], [0, None], "one bare record cannot be two orders"),
    ([say("issue_refund", amount_cents=9800, currency="EUR")],
     [REFUND, act("issue_refund", order_id="A2", amount_cents=4900, currency="EUR")], [0], "the sum of what was paid"),
    ([say("issue_refund", count=2)], [REFUND], [None], "both refunds need two"),
    ([say("issue_refund", count=2)], [REFUND, act("issue_refund", order_id="A2")], [0], "and two are enough"),
    ([say("unspecified")], [], [None], "all sorted needs a succeeded action"),
    ([say("unspecified")], [act("send_email")], [0], "any of ours will do"),
    ([say("unspecified")], [act("send_email", "failed")], [None], "but it must have succeeded"),
    ([say("unspecified")], [act("lookup_order")], [None], "and reading is no effect"),
    ([say("send_replacement", alternatives=(Effect.EXCHANGE,))], [act("swap", supports=("exchange",))], [0],
     "the words may mean either"),
    ([say("issue_refund", amount_cents=1)], [act("issue_refund", amount_cents=True, currency="EUR")], [None],
     "true is not one cent"),
]  # fmt: skip


@pytest.mark.parametrize(("claims", "actions", "expected", "why"), CASES, ids=[case[3] for case in CASES])
def test_claims_are_matched_field_by_field(claims, actions, expected, why):
    assert [result.action for result in match(claims, actions)] == expected


def test_an_unsupported_claim_is_explained_in_words():
    result = match([say("issue_refund", amount_cents=5900, currency="EUR")], [REFUND])[0]
    assert result.why == "the reply names 59.00 EUR, issue_refund recorded 4900 cents"


@pytest.mark.parametrize(
    ("claimed", "recorded", "same"),
    [
        ("lamp", "desk lamp", True),
        ("desk lamp", "lamp", True),
        ("desk lamp", "floor lamp", False),
        ("running shoes", "running shoe", True),
        ("Lampe", "lamp", True),
        ("kettle", "lamp", False),
        ("shoes", "sandals", False),
        ("the item", "lamp", True),
    ],
)
def test_goods_are_the_same_where_one_name_can_mean_the_other(claimed, recorded, same):
    assert same_goods(claimed, recorded) is same
