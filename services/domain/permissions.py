"""May this tool call run by itself? A pure ruling over the clause's grants, the trusted facts and what ran before.

Running the call, recording the ruling and asking a person are others' jobs. That the clause governs at all is
`verify`'s question: this module is handed the governing version and never searches for a kinder one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from policies import MONEY_TOOLS, PolicyVersion, ToolName
from services.domain.actions import ActionStatus, ToolAction, ToolCall
from services.domain.facts import OrderFacts


class Ruling(StrEnum):
    """`needs_approval`: a person may let it run as it stands. `not_allowed`: nobody should, the call is wrong."""

    ALLOWED = "allowed"
    NEEDS_APPROVAL = "needs_approval"
    NOT_ALLOWED = "not_allowed"


class Permission(BaseModel):
    """A ruling and its reason in words, for the reviewer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ruling: Ruling
    reason: str


COMPENSATING_TOOLS = MONEY_TOOLS | {ToolName.SEND_REPLACEMENT}
"""Tools that make good for an item; one item is made good for once."""

KNOWN_ARGUMENTS = frozenset({"order_id", "item", "amount_cents", "currency"})

_RUNS_PER_ORDER: Mapping[ToolName, int] = {
    ToolName.CREATE_RETURN_LABEL: 3,
    ToolName.ISSUE_REFUND: 3,
    ToolName.SEND_REPLACEMENT: 2,
    ToolName.ISSUE_STORE_CREDIT: 3,
    ToolName.CANCEL_RETURN: 3,
    ToolName.REQUEST_PHOTOS: 3,
    ToolName.SEND_EMAIL: 10,
}


@dataclass(frozen=True)
class OrderCaps:
    """What one order may receive without a person, over all of its returns.

    `money_cents` is in hundredths of the order's currency; None means that only the price limits it.
    """

    money_cents: int | None = None
    runs: Mapping[ToolName, int] = field(default_factory=lambda: _RUNS_PER_ORDER)


@dataclass(frozen=True)
class _Case:
    call: ToolCall
    tool: ToolName
    policy: PolicyVersion | None
    facts: OrderFacts
    earlier: Sequence[ToolAction]
    caps: OrderCaps

    @property
    def amount(self) -> int:
        value = self.call.arguments.get("amount_cents")
        return value if isinstance(value, int) else 0


def permit(  # noqa: PLR0913 - a ruling is about exactly these; a bundle would only hide them
    call: ToolCall,
    policy: PolicyVersion | None,
    facts: OrderFacts,
    *,
    earlier: Sequence[ToolAction] = (),
    caps: OrderCaps | None = None,
    idempotency_key: str | None = None,
) -> Permission:
    """Return the ruling on `call` under the governing clause `policy` (None where no clause governs).

    `earlier` are the recorded actions of the same order, from all of its returns. The one with `idempotency_key` is
    this very call, resumed, and does not count against itself. Rules are asked in order; the first that objects rules.
    """
    if call.name not in set(ToolName):
        return _forbid(f"there is no tool named {call.name!r}")
    counted = tuple(
        action
        for action in earlier
        if action.status in {ActionStatus.SUCCEEDED, ActionStatus.PENDING}
        and (idempotency_key is None or action.idempotency_key != idempotency_key)
    )
    case = _Case(call, ToolName(call.name), policy, facts, counted, caps or OrderCaps())
    for rule in _RULES:
        objection = rule(case)
        if objection is not None:
            return objection
    return Permission(ruling=Ruling.ALLOWED, reason=f"{case.tool} is granted by {_cited(case)}")


def _forbid(reason: str) -> Permission:
    return Permission(ruling=Ruling.NOT_ALLOWED, reason=reason)


def _ask(reason: str) -> Permission:
    return Permission(ruling=Ruling.NEEDS_APPROVAL, reason=reason)


def _cited(case: _Case) -> str:
    return f"{case.policy.policy_id} {case.policy.version}" if case.policy else "no clause"


def _money(cents: int, facts: OrderFacts) -> str:
    return f"{facts.currency or ''} {cents // 100}.{cents % 100:02d}".strip()


def _arguments_are_of_this_case(case: _Case) -> Permission | None:
    arguments = case.call.arguments
    unknown = sorted(set(arguments) - KNOWN_ARGUMENTS)
    if unknown:
        return _forbid(f"argument {unknown[0]!r} is unknown; a call takes order_id, item, amount_cents and currency")
    if case.facts.order_id is None or arguments.get("order_id") != case.facts.order_id:
        return _forbid(f"order_id {arguments.get('order_id')!r} is not the order of this case, {case.facts.order_id!r}")
    if "item" in arguments and arguments["item"] != case.facts.item:
        return _forbid(f"item {arguments['item']!r} is not the item of this case, {case.facts.item!r}")
    return None


def _amount_is_well_formed(case: _Case) -> Permission | None:
    arguments = case.call.arguments
    if case.tool not in MONEY_TOOLS:
        return _forbid(f"{case.tool} moves no money and takes no amount") if "amount_cents" in arguments else None
    amount = arguments.get("amount_cents")
    if not isinstance(amount, int) or isinstance(amount, bool) or amount <= 0:
        return _forbid(f"amount_cents must be a whole number above 0, not {amount!r}")
    if arguments.get("currency") != case.facts.currency:
        return _forbid(f"currency {arguments.get('currency')!r} is not what was paid in, {case.facts.currency!r}")
    if case.facts.price_cents is not None and amount > case.facts.price_cents:
        paid = _money(case.facts.price_cents, case.facts)
        return _forbid(f"{_money(amount, case.facts)} is more than the {paid} that was paid")
    return None


def _clause_grants_the_tool(case: _Case) -> Permission | None:
    if case.policy is None:
        return _ask(f"no clause governs, so nothing grants {case.tool}")
    if case.policy.grant(case.tool) is None:
        return _ask(f"{_cited(case)} does not grant {case.tool}")
    return None


def _amount_is_within_the_grant(case: _Case) -> Permission | None:
    grant = case.policy.grant(case.tool) if case.policy else None
    if case.tool not in MONEY_TOOLS or grant is None:
        return None
    if grant.max_amount_cents is None:
        return _ask(f"{_cited(case)} names no amount up to which {case.tool} runs without a person")
    if case.amount > grant.max_amount_cents:
        limit = _money(grant.max_amount_cents, case.facts)
        return _ask(f"{_money(case.amount, case.facts)} is over the {limit} of {_cited(case)}")
    if case.facts.price_cents is None:
        return _ask("what was paid is not established, so no amount can be checked against it")
    return None


def _goods_are_within_the_grant(case: _Case) -> Permission | None:
    """Read a limit on a replacement as a limit on the worth of what is sent."""
    grant = case.policy.grant(case.tool) if case.policy else None
    if case.tool != ToolName.SEND_REPLACEMENT or grant is None or grant.max_amount_cents is None:
        return None
    price = case.facts.price_cents
    if price is None or price > grant.max_amount_cents:
        worth = "of unknown worth" if price is None else f"worth {_money(price, case.facts)}"
        limit = _money(grant.max_amount_cents, case.facts)
        return _ask(f"a replacement {worth} is over the {limit} of {_cited(case)}")
    return None


def _item_is_made_good_once(case: _Case) -> Permission | None:
    if case.tool not in COMPENSATING_TOOLS:
        return None
    same_item = [a for a in case.earlier if a.name in COMPENSATING_TOOLS and _same_item(a, case)]
    other_kind = next((a for a in same_item if _is_money(a) != (case.tool in MONEY_TOOLS)), None)
    if other_kind is not None:
        return _ask(f"{other_kind.name} already made good for this item; {case.tool} would do so twice")
    if case.tool == ToolName.SEND_REPLACEMENT and same_item:
        return _ask("a replacement of this item was sent before")
    given = sum(_amount_of(action) for action in same_item)
    price = case.facts.price_cents
    if price is not None and given + case.amount > price:
        return _ask(
            f"{_money(given, case.facts)} was given back for this item before; "
            f"{_money(case.amount, case.facts)} more would exceed the {_money(price, case.facts)} that was paid"
        )
    return None


def _order_is_within_its_caps(case: _Case) -> Permission | None:
    runs = sum(1 for action in case.earlier if action.name == case.tool)
    most = case.caps.runs.get(case.tool)
    if most is not None and runs >= most:
        return _ask(f"{case.tool} ran {runs} times for this order; the cap without a person is {most}")
    if case.tool in MONEY_TOOLS and case.caps.money_cents is not None:
        given = sum(_amount_of(action) for action in case.earlier if _is_money(action))
        if given + case.amount > case.caps.money_cents:
            cap = _money(case.caps.money_cents, case.facts)
            return _ask(
                f"with this, {_money(given + case.amount, case.facts)} goes back on one order; the cap is {cap}"
            )
    return None


def _is_money(action: ToolAction) -> bool:
    return action.name in MONEY_TOOLS


def _amount_of(action: ToolAction) -> int:
    amount = action.arguments.get("amount_cents")
    return amount if isinstance(amount, int) and not isinstance(amount, bool) else 0


def _same_item(action: ToolAction, case: _Case) -> bool:
    """Count an action that names no item as this one, since it may have been about any."""
    return action.arguments.get("item") in {None, case.facts.item}


_RULES: tuple[Callable[[_Case], Permission | None], ...] = (
    _arguments_are_of_this_case,
    _amount_is_well_formed,
    _clause_grants_the_tool,
    _amount_is_within_the_grant,
    _goods_are_within_the_grant,
    _item_is_made_good_once,
    _order_is_within_its_caps,
)


def held(call: ToolCall, permission: Permission, idempotency_key: str | None = None) -> ToolAction:
    """Return what the ledger records for a call that may not run by itself: it supports no claim.

    Raises ValueError for an allowed call, which is there to be run.
    """
    status_of = {Ruling.NEEDS_APPROVAL: ActionStatus.AWAITING_APPROVAL, Ruling.NOT_ALLOWED: ActionStatus.FAILED}
    if permission.ruling not in status_of:
        raise ValueError("the call is allowed: run it instead of holding it")
    return ToolAction(
        name=call.name,
        status=status_of[permission.ruling],
        arguments=call.arguments,
        error=permission.reason,
        idempotency_key=idempotency_key,
    )
