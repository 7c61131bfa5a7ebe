"""Whether the reply's goods, sums and order numbers are those on record, wherever in the text they stand.

Matching compares what a claim states; these look at what stands beside it, so that a field the reader did not tie to
its claim is not lost. They only ever leave a question open.
"""

from collections.abc import Sequence
from itertools import combinations

from services.domain.actions import ActionStatus, ToolAction
from services.domain.checks import failed, passed
from services.domain.goods import thing_of
from services.domain.reading import Reading
from services.domain.reading.fields import MONEY_EFFECTS
from services.domain.reading.folding import fold
from services.domain.reading.items import goods_in
from services.domain.reading.money import Amount, normal_order, orders
from services.domain.verdict import FailureOwner, Finding, Verdict

_MANY = 6
"""Records of money whose sums are tried; a return with more of them is for a person to add up."""


def goods_agree(reply: str, reading: Reading, actions: Sequence[ToolAction]) -> Finding:
    """Look for a reply that speaks of other goods only than what was done is recorded for."""
    name = "goods_agree"
    recorded = {str(item) for action in _done(actions) if (item := action.arguments.get("item"))}
    things = {thing_of(item) for item in recorded}
    named = {thing: word for passage in reading.passages for word, thing in goods_in(passage.tokens).items()}
    if not named or not things or None in things or things & set(named):
        return passed(name, "the goods the reply names are those on record, or it names none")
    word = next(iter(named.values()))
    return _open(
        name,
        f"the reply speaks of the {word}, what was done is recorded for {', '.join(sorted(recorded))}",
        "name the goods on record",
        _span_of(reply, word),
    )


def sums_agree(reply: str, reading: Reading, actions: Sequence[ToolAction]) -> Finding:
    """Look for a reply that claims a payment and names sums, none of which is on record, nor any together."""
    name = "sums_agree"
    paid = [a.arguments["amount_cents"] for a in _done(actions) if isinstance(a.arguments.get("amount_cents"), int)]
    claimed = any({claim.effect, *claim.alternatives} & MONEY_EFFECTS for claim in reading.claims)
    named = [amount for passage in reading.passages for amount in passage.amounts]
    if not claimed or not paid or not named or _adds_up(named, paid):
        return passed(name, "a sum on record is named, or there is none to compare")
    start, end = fold(reply).span(named[0].start, named[0].end)
    return _open(name, f'"{reply[start:end]}" is no sum on record', "name the sum on record", (start, end))


def _adds_up(named: Sequence[Amount], paid: Sequence[int]) -> bool:
    some = paid[:_MANY]
    sums = {sum(part) for size in range(1, len(some) + 1) for part in combinations(some, size)}
    return any(amount.cents in sums for amount in named) or sum(amount.cents for amount in named) in sums


def orders_agree(reply: str, actions: Sequence[ToolAction]) -> Finding:
    """Look for an order number that is nearly one on record: two digits swapped, one wrong, one left out."""
    name = "orders_agree"
    own = {normal_order(str(a.arguments["order_id"])) for a in _done(actions) if a.arguments.get("order_id")}
    mentions = orders(fold(reply).text, 0)
    if own & {mention.order_id for mention in mentions}:
        # A customer may well have two orders whose numbers differ in a digit; the claims tell which is meant.
        return passed(name, "an order on record is named")
    for mention in mentions:
        if any(_nearly(mention.order_id, one) for one in own):
            start, end = fold(reply).span(mention.start, mention.end)
            return _open(
                name,
                f'"{reply[start:end]}" is nearly, but not, {", ".join(sorted(own))} on record',
                "name the order on record",
                (start, end),
            )
    return passed(name, "no order number is nearly one on record")


def _nearly(one: str, other: str) -> bool:
    """Tell whether two long numbers differ by one sign or by two neighbours swapped."""
    if min(len(one), len(other)) < 4 or abs(len(one) - len(other)) > 1:
        return False
    if len(one) == len(other):
        apart = [i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
        swapped = len(apart) == 2 and one[apart[0]] == other[apart[1]] and one[apart[1]] == other[apart[0]]
        return len(apart) == 1 or swapped
    short, long = sorted((one, other), key=len)
    # A letter that is left out before the digits names the same order (#10234 for A10234).
    return any(long[:i] + long[i + 1 :] == short and long[i].isdigit() for i in range(len(long)))


def _done(actions: Sequence[ToolAction]) -> list[ToolAction]:
    return [action for action in actions if action.status is ActionStatus.SUCCEEDED]


def _open(name: str, detail: str, remedy: str, span: tuple[int, int] | None) -> Finding:
    return failed(
        name, detail, owner=FailureOwner.PREFERENCE_DATA, remedy=remedy, severity=Verdict.AMBIGUOUS, span=span
    )


def _span_of(reply: str, word: str) -> tuple[int, int] | None:
    folded = fold(reply)
    at = folded.text.find(word)
    return folded.span(at, at + len(word)) if at >= 0 else None
