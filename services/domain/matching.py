"""Matches claims with recorded actions, field by field. Pure; knows neither text nor policy.

The claim's fields are walked, never the action's: a call without arguments must not match by having nothing to compare.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from services.domain.actions import ActionStatus, ToolAction
from services.domain.claims import Claim, Effect
from services.domain.goods import same_goods
from services.domain.reading.doubt import Opinion, suggested
from services.domain.reading.drafts import SegmentReading
from services.domain.reading.money import Amount, normal_order

_EFFECT_NAMES = frozenset(effect.value for effect in Effect if effect is not Effect.UNSPECIFIED)
_MAX_STEPS = 20_000
_SURE_OF_CLAIM, _HARDLY = 1.5, 0.05
"""Log-odds of a claim, and share of what is recorded, from and below which another effect is meant."""
# One sign that several currencies share; a reply rarely says which dollar it means.
_SHARED_SIGNS = {
    "$": {"USD", "CAD", "AUD", "NZD", "SGD", "HKD"},
    "kr": {"SEK", "NOK", "DKK", "ISK", "CZK"},
    "peso": {"MXN", "ARS", "CLP", "COP", "UYU", "DOP", "PHP"},
}


class Match(NamedTuple):
    """`action` is the index of the supporting action (None: unsupported); `why` is a sentence for a reviewer."""

    claim: int
    action: int | None
    why: str


def effects_of(action: ToolAction) -> frozenset[str]:
    """Return the effects an action vouches for: its own name where that is one, and what it says it supports."""
    own = {action.name} & _EFFECT_NAMES
    return frozenset(own | (set(action.supports) & _EFFECT_NAMES))


def vouches(action: ToolAction) -> bool:
    """Tell whether the record names its effects but keeps no arguments of ours (a bare name, a shop's own tool)."""
    return bool(action.supports)


def mismatch(claim: Claim, action: ToolAction) -> str | None:
    """Return why `action` does not support `claim`, or None where it does."""
    effects = effects_of(action)
    if claim.effect is Effect.UNSPECIFIED or Effect.UNSPECIFIED in claim.alternatives:
        fits = bool(effects)
    else:
        fits = bool({claim.effect.value, *(e.value for e in claim.alternatives)} & effects)
    if not fits:
        return f"{action.name} does not {_phrase(claim.effect)}"
    if action.status is not ActionStatus.SUCCEEDED:
        return f"{action.name} is recorded as {action.status.value}, not succeeded"
    arguments = action.arguments
    return (
        _order_mismatch(claim, arguments, action)
        or _amount_mismatch(claim, arguments, action)
        or _currency_mismatch(claim, arguments, action)
        or _item_mismatch(claim, arguments, action)
    )


def _phrase(effect: Effect) -> str:
    return "record any effect" if effect is Effect.UNSPECIFIED else f"record {effect.value}"


def _order_mismatch(claim: Claim, arguments: Any, action: ToolAction) -> str | None:
    if claim.order_id is None:
        return None
    recorded = arguments.get("order_id")
    if recorded is None:
        return None if vouches(action) else f"the reply names order {claim.order_id}, {action.name} records no order"
    if normal_order(str(recorded)) != normal_order(claim.order_id):
        return f"the reply names order {claim.order_id}, {action.name} was recorded for {recorded}"
    return None


def _amount_mismatch(claim: Claim, arguments: Any, action: ToolAction) -> str | None:
    if claim.amount_cents is None:
        return None
    recorded = arguments.get("amount_cents")
    if recorded is None:
        return None if vouches(action) else f"the reply names {_money(claim)}, {action.name} records no amount"
    if isinstance(recorded, bool) or recorded != claim.amount_cents:
        return f"the reply names {_money(claim)}, {action.name} recorded {recorded} cents"
    return None


def _currency_mismatch(claim: Claim, arguments: Any, action: ToolAction) -> str | None:
    if claim.currency is None or claim.amount_cents is None:
        return None
    recorded = arguments.get("currency")
    if recorded is None:
        return None if vouches(action) else f"the reply names {claim.currency}, {action.name} records no currency"
    meant = _SHARED_SIGNS.get(claim.currency, {claim.currency})
    if str(recorded).upper() not in meant:
        return f"the reply names {claim.currency}, {action.name} recorded {recorded}"
    return None


def _item_mismatch(claim: Claim, arguments: Any, action: ToolAction) -> str | None:
    if claim.item is None:
        return None
    recorded = arguments.get("item")
    if recorded is None:
        # The order names the goods for us; only a call without any argument says nothing of them.
        named = vouches(action) or bool(arguments)
        return None if named else f"the reply names the {claim.item}, {action.name} records no arguments"
    if not same_goods(claim.item, str(recorded)):
        return f"the reply names the {claim.item}, {action.name} was recorded for {recorded}"
    return None


def _money(claim: Claim) -> str:
    cents = claim.amount_cents or 0
    return f"{cents // 100}.{cents % 100:02d} {claim.currency or ''}".strip()


def explains(passage: SegmentReading, actions: Sequence[ToolAction], opinion: Opinion | None = None) -> bool:
    """Tell whether recorded actions explain a sentence of unsettled wording: its things, orders and sums fit them.

    A sentence that speaks of no particular effect fits any that succeeded, unless a second opinion is sure of another.
    """
    effects = sorted(suggested(passage))
    if not effects and opinion is not None and _speaks_of_another(opinion, actions):
        return False
    effects = effects or [Effect.UNSPECIFIED]
    stated: list[tuple[str | None, Amount | None]] = [(order, None) for order in passage.orders]
    stated.extend((None, amount) for amount in passage.amounts)
    for order, amount in stated or [(None, None)]:
        claim = Claim(
            effect=effects[0],
            alternatives=tuple(effects[1:]),
            text="",
            order_id=order,
            amount_cents=amount.cents if amount else None,
            currency=amount.currency if amount else None,
        )
        if all(mismatch(claim, action) is not None for action in actions):
            return False
    return True


def _speaks_of_another(opinion: Opinion, actions: Sequence[ToolAction]) -> bool:
    recorded = {name for a in actions if a.status is ActionStatus.SUCCEEDED for name in effects_of(a)}
    fitting = {effect for effect in opinion.effects if effect.value in recorded or effect is Effect.UNSPECIFIED}
    share = sum(opinion.effects[effect] for effect in fitting)
    return opinion.score >= _SURE_OF_CLAIM and bool(opinion.effects) and share < _HARDLY


def differ(one: Claim, other: Claim, action: ToolAction) -> bool:
    """Tell whether two claims assert two effects, so that one action cannot support both."""
    if Effect.UNSPECIFIED in {one.effect, other.effect} or one.effect is not other.effect:
        return False
    pairs = [(one.order_id, other.order_id), (one.amount_cents, other.amount_cents), (one.currency, other.currency)]
    if any(a is not None and b is not None and a != b for a, b in pairs):
        return True
    if one.item is None or other.item is None or action.arguments.get("item") is None:
        # A record of the whole order covers all of its goods.
        return False
    return not same_goods(one.item, other.item) and not same_goods(other.item, one.item)


def match(claims: Sequence[Claim], actions: Sequence[ToolAction]) -> tuple[Match, ...]:
    """Return one Match a claim: an assignment that supports as many claims as can be, most constrained first."""
    options = [_options(claim, actions) for claim in claims]
    order = sorted(range(len(claims)), key=lambda i: (len(options[i]), i))
    best: dict[int, tuple[int, ...]] = {}
    steps = 0

    def search(position: int, chosen: dict[int, tuple[int, ...]]) -> bool:
        nonlocal best, steps
        steps += 1
        if len(chosen) > len(best):
            best = dict(chosen)
        if position == len(order) or steps > _MAX_STEPS:
            return len(best) == len(claims)
        claim = order[position]
        for option in options[claim]:
            if _compatible(claim, option, chosen, claims, actions):
                chosen[claim] = option
                if search(position + 1, chosen):
                    return True
                del chosen[claim]
        if len(chosen) + len(order) - position - 1 > len(best):
            return search(position + 1, chosen)
        return False

    search(0, {})
    return tuple(_result(i, claim, best, options, actions) for i, claim in enumerate(claims))


def _options(claim: Claim, actions: Sequence[ToolAction]) -> list[tuple[int, ...]]:
    """Return the sets of actions that can support the claim: one action each, or as many as it counts, or their sum."""
    fitting = [i for i, action in enumerate(actions) if mismatch(claim, action) is None]
    if claim.count > 1:
        return [tuple(fitting[: claim.count])] if len(fitting) >= claim.count else []
    single: list[tuple[int, ...]] = [(i,) for i in fitting]
    if not single and claim.amount_cents is not None:
        parts = [
            i
            for i, action in enumerate(actions)
            if mismatch(claim.model_copy(update={"amount_cents": action.arguments.get("amount_cents")}), action) is None
            and isinstance(action.arguments.get("amount_cents"), int)
        ]
        if len(parts) > 1 and sum(actions[i].arguments["amount_cents"] for i in parts) == claim.amount_cents:
            return [tuple(parts)]
    return single


def _compatible(
    claim: int,
    option: tuple[int, ...],
    chosen: dict[int, tuple[int, ...]],
    claims: Sequence[Claim],
    actions: Sequence[ToolAction],
) -> bool:
    if len(option) > 1:
        return True
    return all(
        not differ(claims[claim], claims[other], actions[option[0]])
        for other, taken in chosen.items()
        if len(taken) == 1 and taken == option
    )


def _result(
    index: int,
    claim: Claim,
    best: dict[int, tuple[int, ...]],
    options: list[list[tuple[int, ...]]],
    actions: Sequence[ToolAction],
) -> Match:
    if index in best:
        action = best[index][0]
        return Match(index, action, f"supported by {actions[action].name}, recorded as succeeded")
    if options[index]:
        return Match(index, None, f"each recorded {claim.effect.value} already supports another claim of this reply")
    reasons = [mismatch(claim, action) or "" for action in actions]
    near = [r for r in reasons if r and " does not record " not in r]
    if near:
        return Match(index, None, near[0])
    if claim.effect is Effect.UNSPECIFIED:
        return Match(index, None, "the reply says that all is done, but no action of ours succeeded")
    if claim.count > 1 and reasons.count(""):
        return Match(index, None, f"the reply asserts {claim.count} of them, fewer are recorded")
    return Match(index, None, f"no recorded action supports {claim.effect.value}")
